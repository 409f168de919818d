"""The inits that `--init` and `--rivals` name: of runs, or bare weights from files."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.config import Config, Values
from experiments.experiment import Experiment
from experiments.run import shared_flags
from experiments.run.reading import config_of
from metainr.errors import UserError
from metainr.runs.inits import Init, is_rival_name
from metainr.runs.saved import NONE, in_file, init_of, learner_of, read_saved
from metainr.runs.starts import ANCESTOR, fingerprint
from metainr.training.workdir import recorded_flags
from metainr.types import Field, MetaParams


class Source(NamedTuple):
    """What `--init` names.

    config: the run's configuration with the flags that the init was learned with.
    weights: the meta-parameters as nested dicts of arrays.
    algorithm: that learned them; "none" of bare weights.
    """

    config: Config
    weights: Any
    algorithm: str


def weights_record(config: Config, experiment: Experiment) -> Values:
    """What a file of a field's weights says of the field, inner loop and resolution of its fit."""
    names = ("experiment", *shared_flags.init_flags(experiment))
    return {**{name: config.record[name] for name in names}, "algorithm": NONE}


def read_init(config: Config, experiment: Experiment, also: Sequence[str] = ()) -> Source:
    """Reads the init that the configuration names.

    Flags of the names `also` are those of the init's run, too, unless the command line gives them.
    Of bare weights nothing is known: their flags stay as given. Raises UserError if a flag given
    on the command line contradicts the init's, or it was learned by another experiment.
    """
    path, given = Path(config.run.init), config.run.given
    weights, recorded = read_saved(path)
    kind = recorded.get("experiment", experiment.name)
    if kind != experiment.name:
        raise UserError(
            f"--init={path} was learned by experiments.{kind}, not {experiment.name}; give the "
            f"workdir of a run of {experiment.name}"
        )
    names = shared_flags.init_flags(experiment)
    adopted = {name: recorded[name] for name in names if name in recorded}
    also = {n: recorded[n] for n in also if n in recorded and n not in given}
    with_init = config_of_file(experiment, {**config.record, **adopted, **also}, given, path)
    for name, value in adopted.items():
        if name in given and config.record[name] != value:
            raise UserError(
                f"--{name}={_plain(config.record[name])} contradicts --init={path}, which was "
                f"learned with --{name}={_plain(value)}; leave the flag out"
            )
    return Source(with_init, weights, recorded.get("algorithm", NONE))


def init_to_fit(experiment: Experiment, output_dir: str | None, also: Sequence[str]) -> Source:
    """What a program that fits by an experiment's init begins with: `read_init` of its flags.

    Raises UserError without an init or a folder to write to, and as `read_init` does.
    """
    config = shared_flags.configuration(experiment)
    if not config.run.init or not output_dir:
        raise UserError(
            f"--init, a workdir of experiments.{experiment.name}, and --output_dir are needed"
        )
    return read_init(config, experiment, also)


def read_rivals(config: Config, experiment: Experiment, field: Field) -> dict[str, Init]:
    """The inits of other runs that the configuration names, as `read_named` reads them."""
    return read_named("rivals", config.run.rivals, config, experiment, field)


def read_named(
    flag: str, texts: Sequence[str], config: Config, experiment: Experiment, field: Field
) -> dict[str, Init]:
    """The inits of runs by the names that the texts NAME=WORKDIR of a flag give them.

    Raises UserError if one has a name that is taken, or is an init of another network.
    """
    rivals = {}
    for text in texts:
        name, _, source = text.partition("=")
        if not source or not is_rival_name(name, rivals):
            raise UserError(
                f"--{flag}={text} is not NAME=WORKDIR with a new name of at most 40 letters, "
                "digits, dots and dashes; commas part several: give e.g. other=runs/other"
            )
        weights, recorded = read_saved(source)
        names = {*shared_flags.init_flags(experiment)} & recorded.keys()
        values = {**config.record, **{flag: recorded[flag] for flag in names}}
        own = config_of_file(experiment, values, config.run.given, source)
        _check_field(f"--{flag}={text}", recorded, config, "give runs that have the same")
        algorithm = recorded.get("algorithm", NONE)
        rivals[name] = as_init(Source(own, weights, algorithm), field, source)
    return rivals


def with_start(config: Config, field: Field) -> tuple[Config, MetaParams | None]:
    """The configuration with the fingerprint of what learning begins with, and that; None: random
    weights, which have no fingerprint.

    Raises UserError if no init is learned, or what is named is another field's or algorithm's, or
    is no longer what the run in the workdir began with.
    """
    path = config.run.start
    if path is None:
        return config, None
    if not config.run.learns:
        raise UserError(f"--start={path} is for learning, and no init is learned; leave it out")
    weights, recorded = read_saved(path)
    _check_field(f"--start={path}", recorded, config, "give its --{flag}={value}")
    start = init_of(weights, config.learner, field, path).meta_params
    own = fingerprint(start)
    before = recorded_flags(Path(config.run.workdir)).get(ANCESTOR)
    if before not in (None, own):
        raise UserError(
            f"--start={path} holds other weights than --workdir={config.run.workdir} began with; "
            "give a copy of those, or another --workdir"
        )
    return config._replace(record={**config.record, ANCESTOR: own}), start


def as_init(source: Source, field: Field, name: str) -> Init:
    """What was read, in the structure that its algorithm has for a field.

    `name`: what it was read from. Raises UserError if it does not fit.
    """
    learner = in_file(name, lambda: learner_of(source.config.record, source.algorithm))
    return init_of(source.weights, learner, field, name)


def config_of_file(
    experiment: Experiment, values: Values, given: Collection[str], path: str | Path
) -> Config:
    """The configuration of values of which some are a file's. Raises UserError that names it."""
    return in_file(path, lambda: config_of(experiment, values, given))


def _check_field(named, recorded, config, remedy):
    """Raises UserError if an init was recorded with another network than the run's."""
    for flag in shared_flags.FIELD_FLAGS:
        if flag in recorded and recorded[flag] != config.record[flag]:
            raise UserError(
                f"{named} was learned with --{flag}={recorded[flag]} and this run has "
                f"{config.record[flag]}; {remedy.format(flag=flag, value=recorded[flag])}"
            )


def _plain(value):
    """A flag's value as it is given."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
