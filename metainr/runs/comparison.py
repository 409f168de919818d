"""The comparison of inits on test signals, and what is recorded of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from metainr.devices import is_first, local_mesh
from metainr.evaluation.compare import entry, steps_to_match
from metainr.evaluation.courses import Watch
from metainr.evaluation.fitting import Fits, make_evaluate
from metainr.keys import branch
from metainr.progress import SHORT, progress
from metainr.reporting.measures import measure
from metainr.runs.contenders import contenders_of
from metainr.runs.dead import find_dead
from metainr.runs.inits import Init
from metainr.runs.options import Machine, TestOptions, checked_test
from metainr.runs.problem import Problem, Setting
from metainr.training.data import first_signals
from metainr.types import Key

NUM_SAMPLES = 6


class Comparison(NamedTuple):
    """One entry of `settings` in results.json, and what is shown of the first test signals.

    entry: as results.json holds it.
    targets: pictures [signals, h, w, c].
    frames: init -> pictures [signals, steps, h, w, c].
    exports: init -> (path without a suffix -> None) of each of these signals, to write its fit.
    names: the files that these signals come from, empty for generated ones.
    """

    entry: dict[str, Any]
    targets: np.ndarray
    frames: dict[str, np.ndarray]
    exports: dict[str, list[Callable[[Path], None]]]
    names: Sequence[str]


def compare(
    problem: Problem,
    setting: Setting,
    inits: Mapping[str, Init],
    test: TestOptions,
    root: Key,
    machine: Machine,
    watch: Watch | None = None,
) -> Comparison:
    """Fits the test signals from every init in a setting.

    `root`: the run's key. `watch`: of the fits of test signals; without one a bar counts the inits
    that are fitted. Raises OptionError for options that are not possible.
    """
    test = checked_test(test)
    sign = -1.0 if measure(setting.metric).lower_is_better else 1.0
    signals = first_signals(problem.signals, "validation", test.num_validation) if test.tune else ()
    fit = partial(
        _evaluate(setting.tuning or setting, machine), signals=signals, key=branch(root, "validate")
    )
    contenders, finishes = contenders_of(inits, problem, setting, test, machine, fit)
    evaluate = _evaluate(setting, machine)
    signals, key = first_signals(problem.signals, "test", test.num_test), branch(root, "test")
    silent, fits = watch is not None or not is_first(), {}
    with progress(len(contenders), "init", "fits", silent=silent, delay=SHORT, leave=False) as bar:
        for name, contender in contenders.items():
            fits[name] = evaluate(contender, signals, setting.steps, key, NUM_SAMPLES, watch)
            bar.update()
    dead = find_dead(problem, setting, fits, contenders, signals[0], key) if is_first() else []
    references = {name: _reference(f, setting, signals) for name, f in setting.references.items()}
    entries = {
        name: entry(fits[name].metrics, contenders[name].hyper, name in dead) for name in fits
    }
    for name, finish in finishes.items():
        entries[name]["finish"] = finish._asdict()
    for name, init in inits.items():
        if init.fit_error is not None:
            entries[name]["fit_error"] = init.fit_error
    if "meta" in fits:
        values = {name: sign * fit.metrics[setting.metric] for name, fit in fits.items()}
        target = values["meta"][:, setting.steps.index(setting.match_step)]
        for name in fits.keys() - {"meta"}:
            match = steps_to_match(values[name], target, setting.steps)
            entries[name] |= {"steps_to_match": match.steps, "missed": match.missed}
    return Comparison(
        {
            "steps": setting.steps,
            "match_step": setting.match_step,
            "metric": setting.metric,
            "caption": setting.caption,
            "inits": entries | {name: entry(found.metrics) for name, found in references.items()},
        },
        np.stack([np.asarray(setting.target(signal)) for signal in signals[:NUM_SAMPLES]]),
        {name: fit.views for name, fit in (fits | references).items()},
        {name: _exports(setting, fit.params, signals) for name, fit in fits.items()},
        problem.signals.names.get("test", ())[: min(NUM_SAMPLES, len(signals))],
    )


def merged(comparisons: Sequence[Comparison]) -> Comparison:
    """The comparison of all their inits, which were tested on the same signals."""
    first = comparisons[0]
    inits = {name: init for c in comparisons for name, init in c.entry["inits"].items()}
    return Comparison(
        first.entry | {"inits": inits},
        first.targets,
        {name: frames for c in comparisons for name, frames in c.frames.items()},
        {name: exports for c in comparisons for name, exports in c.exports.items()},
        first.names,
    )


def _evaluate(setting, machine):
    return make_evaluate(setting.make_task, setting.score, setting.view, local_mesh(machine.mesh))


def _exports(setting, params, signals):
    if setting.export is None:
        return []
    first = [
        jax.tree.map(lambda x, i=i: x[i], params) for i in range(min(NUM_SAMPLES, len(signals)))
    ]
    return [partial(setting.export, p, signal) for p, signal in zip(first, signals)]


def _reference(method, setting, signals):
    """A method's results as those of a fit that was measured after the last step alone."""
    found = [method(signal) for signal in signals]
    steps = len(setting.steps)
    metrics = {name: np.full((len(signals), steps), np.nan) for name in found[0][0]}
    for row, (measured, _) in enumerate(found):
        for name, value in measured.items():
            metrics[name][row, -1] = value
    pictures = np.stack([picture for _, picture in found[:NUM_SAMPLES]])
    return Fits(metrics, np.repeat(pictures[:, None], steps, axis=1))
