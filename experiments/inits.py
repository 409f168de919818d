"""The inits that `--init` and `--rivals` name: of runs, or bare weights from files."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
from absl import flags

from experiments import shared_flags
from experiments.experiment import Experiment
from metainr.errors import UserError
from metainr.reporting.results import INITS
from metainr.runs.inits import Init
from metainr.runs.learners import make_algorithm
from metainr.runs.options import Machine
from metainr.training.checkpoints import load_meta_params
from metainr.types import Field
from metainr.weights import load_metadata, load_weights, match_structure

_FLAGS = "flags"


class Source(NamedTuple):
    """What `--init` names.

    config: the run's flags with those that the init was learned with.
    weights: the meta-parameters as nested dicts of arrays.
    algorithm: that learned them; "none" of bare weights.
    """

    config: SimpleNamespace
    weights: Any
    algorithm: str


def weights_metadata(
    config: SimpleNamespace, experiment: Experiment, algorithm: str = "none"
) -> dict[str, str]:
    """What a file of weights says of the field, inner loop and resolution they belong to.

    `algorithm`: that learned them; "none" if they are a field's weights.
    """
    names = ("experiment", *shared_flags.init_flags(experiment))
    recorded = {name: getattr(config, name) for name in names} | {"algorithm": algorithm}
    return {_FLAGS: json.dumps(recorded)}


def read_init(config: SimpleNamespace, experiment: Experiment, also: Sequence[str] = ()) -> Source:
    """Reads `config.init`.

    Flags of the names `also` are those of the init's run, too, unless the command line gives them.
    Of bare weights nothing is known: their flags stay as given. Raises UserError if a flag given
    on the command line contradicts the init's, or it was learned by another experiment.
    """
    path = Path(config.init)
    weights, recorded = _weights(path)
    kind = recorded.get("experiment", experiment.name)
    if kind != experiment.name:
        raise UserError(
            f"--init={path} was learned by experiments.{kind}, not {experiment.name}; give the "
            f"workdir of a run of {experiment.name}"
        )
    names = shared_flags.init_flags(experiment)
    adopted = {name: recorded[name] for name in names if name in recorded}
    for name, value in adopted.items():
        if flags.FLAGS[name].present and getattr(config, name) != value:
            raise UserError(
                f"--{name}={_plain(getattr(config, name))} contradicts --init={path}, which was "
                f"learned with --{name}={_plain(value)}; leave the flag out"
            )
    adopted |= {n: recorded[n] for n in also if n in recorded and not flags.FLAGS[n].present}
    adopted = SimpleNamespace(**vars(config) | adopted)
    return Source(adopted, weights, recorded.get("algorithm", "none"))


def init_to_fit(experiment: Experiment, output_dir: str | None, also: Sequence[str]) -> Source:
    """What a program that fits by an experiment's init begins with: `read_init` of its flags.

    Raises UserError without an init or a folder to write to, and as `read_init` does.
    """
    config = shared_flags.configuration(experiment)
    if not config.init or not output_dir:
        raise UserError(
            f"--init, a workdir of experiments.{experiment.name}, and --output_dir are needed"
        )
    return read_init(config, experiment, also)


def read_rivals(config: SimpleNamespace, experiment: Experiment, field: Field) -> dict[str, Init]:
    """The inits of other runs that `config.rivals` names, by the names it gives them.

    Raises UserError if one has a name that is taken, or is an init of another network.
    """
    rivals = {}
    for text in config.rivals:
        name, _, source = text.partition("=")
        if not source or not name or name in (*INITS, *rivals):
            raise UserError(
                f"--rivals={text} is not NAME=WORKDIR with a new name; give e.g. other=runs/other"
            )
        weights, recorded = _weights(Path(source))
        for flag in shared_flags.FIELD_FLAGS:
            if flag in recorded and recorded[flag] != getattr(config, flag):
                raise UserError(
                    f"--rivals={text} was learned with --{flag}={recorded[flag]} and this run has "
                    f"{getattr(config, flag)}; rivals share the network"
                )
        names = {*shared_flags.init_flags(experiment)} & recorded.keys()
        own = SimpleNamespace(**vars(config) | {flag: recorded[flag] for flag in names})
        algorithm = recorded.get("algorithm", "none")
        rivals[name] = as_init(Source(own, weights, algorithm), field, source)
    return rivals


def _weights(path):
    """(weights, flags that they were learned with, as far as known) of a run or a file."""
    if not path.exists():
        raise UserError(f"{path} does not exist; name a workdir or a file of weights")
    if path.is_dir():
        return load_meta_params(path)
    return load_weights(path), _flags_of_file(path)


def _flags_of_file(path):
    try:
        return dict(json.loads(load_metadata(path).get(_FLAGS, "{}")))
    except (ValueError, TypeError):
        return {}  # another program's metadata: bare weights to us


def as_init(source: Source, field: Field, name: str) -> Init:
    """What was read, in the structure that its algorithm has for a field.

    `name`: what it was read from. Raises UserError if it does not fit.
    """
    learner = shared_flags.learner_options(source.config, source.algorithm)
    like = jax.eval_shape(make_algorithm(learner, field, (), (), Machine()).init, jax.random.key(0))
    return Init(match_structure(source.weights, like, name), learner, learner.inner)


def _plain(value):
    """A flag's value as it is given."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
