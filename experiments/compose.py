"""Composition: inits of several classes as one, without training, on signals that combine these.

Compared on the test signals of a class that combines others:

- each class's own init, and the one that all were learned from (--common);
- average: a weighted average of the classes' weights;
- arithmetic: the common weights with what each class learned beyond them, added up;
- choice: of every signal the fit from that class's init whose loss is least after one step;
- modules: a field of each class, of which the mean is fitted, with all their weights;
- random weights, the average's weights shuffled, and the inits that --rivals names.

Shares, factors and the modules' rate are chosen on validation signals of the combination.

    metainr compose --composed_of=photos=runs/photos,text=runs/text \\
        --common=runs/common --signal=text_on_photos --workdir=runs/composed

The runs begin with the same weights, by --start=runs/common of their training. The composed inits
are written to WORKDIR/inits; --init of the runs' experiment reads them.
"""

import time
from collections import Counter
from typing import Annotated, NamedTuple

import jax
from absl import flags

from experiments import cli
from experiments.config import FILE_OR_FOLDER
from experiments.kinds import EXPERIMENTS
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.finished import experiment_of
from experiments.run.inits import read_init, read_named
from experiments.run.machine import make_machine
from experiments.run.reading import changed, made
from metainr import reporting
from metainr.checks import Each, Text
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say
from metainr.reporting.composition import composition_verdict
from metainr.runs.comparison import merged
from metainr.runs.composition import Trial, averages, modules, sums, with_choice
from metainr.runs.inits import make_inits
from metainr.runs.record import of_fits, record
from metainr.runs.saved import read_saved, write_saved
from metainr.runs.starts import check_common_ancestor, fingerprint
from metainr.training.room import check_signals
from metainr.training.workdir import check_no_run


class ComposeOptions(NamedTuple):
    """What is composed.

    composed_of: NAME=WORKDIR of the classes' runs.
    common: the run that all began with; None: no arithmetic.
    """

    composed_of: Annotated[tuple[str, ...], Each(Text(), "NAME=WORKDIR", range(1000))] = ()
    common: Annotated[str | None, FILE_OR_FOLDER] = None


_OWN = (
    define(ComposeOptions, "composed_of", "NAME=WORKDIR,...: the classes' runs"),
    define(ComposeOptions, "common", "the workdir that all of them began with, by --start"),
)
for _holder in (
    *(shared_flags.WORKDIR, shared_flags.SEED, shared_flags.SIGNAL, shared_flags.RIVALS),
    *(shared_flags.NUM_TEST, shared_flags.NUM_VALIDATION, shared_flags.TEST_STEPS),
    *(shared_flags.TUNE, shared_flags.BASELINE_OPTIMIZER, shared_flags.BASELINE_LEARNING_RATE),
):
    flags.declare_key_flag(_holder.name)

_BASELINES = ("standard", "shuffled")
_MADE = ("common", "average", "arithmetic", "choice", "modules")
_STEPS = (0, 1, 2, 5, 20)


def main() -> None:
    """Composes the inits, tests them on the combination, and reports."""
    began = time.perf_counter()
    options = made(ComposeOptions, {holder.name: holder.value for holder in _OWN})
    check_no_run(shared_flags.WORKDIR.value)
    experiment, config = _configuration(options)
    trial = _trial(experiment, config)
    parts, common, rivals = _read(options, config, experiment, trial.problem.field)
    say(f"composing {', '.join(parts)} for {config.run.signal}")
    chosen = {"average": trial.best(averages(parts))}
    if common:
        chosen["arithmetic"] = trial.best(sums(parts, common["common"]))
    composed = {name: init for name, (_, init) in chosen.items()}
    inits = make_inits(
        *(trial.problem, composed["average"], parts | common | composed | rivals),
        *(trial.options.baseline, trial.root, trial.machine),
        names=_BASELINES,
    )
    picks = trial.picks(parts)
    several = _trial(experiment, config, len(parts))
    chosen["modules"] = several.best(modules(parts, trial.problem.field))
    comparison = merged(
        [
            with_choice(trial.comparison(inits), [*parts], picks),
            several.comparison({"modules": chosen["modules"][1]}),
        ]
    )
    counts = ", ".join(f"{name} {count} times" for name, count in Counter(picks).items())
    told = [f"{name}: {what}" for name, (what, _) in chosen.items()]
    order = [*_BASELINES, *parts, *_MADE, *rivals]
    found = comparison.entry["inits"]
    entry = comparison.entry | {
        "inits": {name: found[name] for name in order if name in found},
        "shown": trial.setting.steps,
        "caption": f"{'. '.join([*told, f'choice: {counts}'])}.",
    }
    results = {
        **of_fits("compose", {**config.record, **options._asdict()}, began),
        "signal": config.run.signal,
        "num_test": trial.options.num_test,
        "command": cli.command(),
        "verdict": composition_verdict(entry, parts, rivals),
        "instruments": {},
        "settings": {},
    }
    workdir = expanded(shared_flags.WORKDIR.value)
    for name, init in composed.items():
        about = _recorded(options.composed_of[0])
        write_saved(workdir / "inits" / f"{name}.safetensors", init.meta_params, about)
    record(results, workdir, "default", workdir, comparison._replace(entry=entry))
    say(entry["caption"])
    say(f"report: {reporting.report(workdir)[-1]}")


def _configuration(options):
    """The experiment of the runs, and its flags as the command line and the first run have them."""
    if len(options.composed_of) < 2:
        raise UserError(
            "--composed_of names fewer than two runs; give e.g. "
            "--composed_of=photos=runs/photos,text=runs/text"
        )
    text = options.composed_of[0]
    experiment = experiment_of(_recorded(text), f"--composed_of={text}", EXPERIMENTS)
    config = shared_flags.configuration(experiment)
    if config.run.signal == experiment.defaults["signal"] and "signal" not in config.run.given:
        raise UserError(
            "--signal is missing, the class of signals that combines the others; give e.g. "
            "--signal=text_on_photos"
        )
    first = changed(experiment, config, init=text.partition("=")[2])
    return experiment, read_init(first, experiment).config


def _recorded(text):
    """The record of the run that NAME=WORKDIR names. Raises UserError if a text names none."""
    _, _, path = text.partition("=")
    if not path:
        raise UserError(
            f"--composed_of={text} is not NAME=WORKDIR; give e.g. photos=runs/photos, and commas "
            "between several"
        )
    return read_saved(path)[1]


def _read(options, config, experiment, field):
    """The inits of the classes, the common one under that name if it is given, and the rivals.

    Raises UserError if they have no common ancestor.
    """
    parts = read_named("composed_of", options.composed_of, config, experiment, field)
    given = () if options.common is None else (f"common={options.common}",)
    common = read_named("common", given, config, experiment, field)
    rivals = read_named("rivals", config.run.rivals, config, experiment, field)
    for name in rivals.keys() & {*parts, *_MADE} | parts.keys() & {*_MADE}:
        raise UserError(f"the name {name} is taken; give the run another one")
    records = {text.partition("=")[0]: _recorded(text) for text in options.composed_of}
    ancestors = [fingerprint(init.meta_params) for init in common.values()]
    check_common_ancestor(records, *ancestors)
    return parts, common, rivals


def _trial(experiment, config, copies=1):
    """How so many copies of the runs' network are tested on the combination."""
    machine = make_machine(config)
    field = config.field._replace(copies=copies)
    problem = experiment.build(config._replace(field=field), machine.summation)
    sizes = problem.signals.sizes
    if not sizes["validation"] or not sizes["test"]:
        raise UserError(
            f"--signal={config.run.signal} has no signals for validation, or none for tests; what "
            "is composed is chosen on the former and compared on the latter: add signals"
        )
    test = config.test._replace(num_test=min(config.test.num_test, sizes["test"]))
    check_signals(problem.signals, "test", test.num_test, "num_test")
    setting, last = next(iter(problem.settings.values())), config.run.test_steps
    steps = tuple(sorted(s for s in {*_STEPS, setting.match_step, last} if s <= last))
    root = jax.random.key(config.run.seed)
    return Trial(problem, setting._replace(steps=steps), test, root, machine)


if __name__ == "__main__":
    cli.run(main)
