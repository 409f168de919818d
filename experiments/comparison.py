"""The comparison of inits on test signals: who takes part, and what is recorded of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from experiments.problem import Problem, Setting, make_evaluation, make_inner, standard_init
from metainr.evaluation.baselines import FIT_LEARNING_RATE, fitted, shuffled
from metainr.evaluation.compare import steps_to_match, summary
from metainr.evaluation.courses import Watch
from metainr.evaluation.fitting import Contender, Fits
from metainr.evaluation.tuning import tuned
from metainr.reporting.measures import measure
from metainr.training.data import first_signals
from metainr.types import Params

NUM_SAMPLES = 6
_MEAN_OVER = 256


class Inits(NamedTuple):
    """The inits by name, and what is left of the loss of those that were fitted."""

    params: dict[str, Params]
    fit_errors: dict[str, float]


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


def make_inits(
    problem: Problem,
    config: SimpleNamespace,
    learned: Params | None,
    rivals: Mapping[str, Params],
    mesh: Mesh | None = None,
) -> Inits:
    """The learned init and those to compare it with; without it, those that need none.

    Of a class without training signals there is no mean.

    `rivals`: inits of other runs, by name. `mesh`: of this process' devices.
    """
    standard = standard_init(problem.field, config.seed)
    mean_key, match_key, shuffle_key = jax.random.split(jax.random.key(config.seed), 3)

    def fit(gradient, support, key):
        inner = make_inner(gradient, "adam")(FIT_LEARNING_RATE)
        params, error = fitted(inner, standard, support, key, mesh)
        return params, float(error)

    params, errors = {"standard": standard}, {}
    if count := min(_MEAN_OVER, problem.signals.sizes["train"]):
        support = problem.mean_support(count)
        params["mean"], errors["mean"] = fit(problem.inner_gradient, support, mean_key)
    if learned is not None:
        params["matched"], errors["matched"] = fit(problem.matching_gradient, learned, match_key)
        params |= {"shuffled": shuffled(learned, shuffle_key), "meta": learned}
    return Inits(params | dict(rivals), errors)


def random_init(problem: Problem, name: str, config: SimpleNamespace) -> Inits:
    """Random weights of the problem's network alone, under that name."""
    return Inits({name: standard_init(problem.field, config.seed)}, {})


def compare(
    problem: Problem,
    setting: Setting,
    config: SimpleNamespace,
    inits: Inits,
    mesh: Mesh | None = None,
    watch: Watch | None = None,
) -> Comparison:
    """Fits the test signals from every init in a setting.

    `mesh`: of this process' devices. `watch`: of the fits of test signals.
    """
    key = jax.random.key(config.seed)
    evaluate = make_evaluation(setting, mesh, config.test_schedule)
    sign = -1.0 if measure(setting.metric).lower_is_better else 1.0
    contenders = {name: _contender(name, p, config) for name, p in inits.params.items()}
    if config.tune:
        signals = first_signals(problem.signals, "validation", config.num_validation)
        fit = partial(evaluate, signals=signals, steps=(setting.match_step,), key=key)
        contenders = {
            name: tuned(c, fit, problem.rates, setting.metric, sign)
            for name, c in contenders.items()
        }
    signals = first_signals(problem.signals, "test", config.num_test)
    fits = {
        name: evaluate(contender, signals, setting.steps, key, NUM_SAMPLES, watch)
        for name, contender in contenders.items()
    }
    references = {name: _reference(f, setting, signals) for name, f in setting.references.items()}
    entries = {name: _entry(contenders[name], fits[name], inits, name) for name in fits}
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
            "inits": entries | {name: {"metrics": _summaries(f)} for name, f in references.items()},
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


def _entry(contender, fits, inits, name):
    entry = {
        "optimizer": contender.optimizer,
        "learning_rate": contender.learning_rate,
        "metrics": _summaries(fits),
    }
    error = inits.fit_errors.get(name)
    return entry if error is None else entry | {"fit_error": error}


def _exports(setting, params, signals):
    if setting.export is None:
        return []
    first = [
        jax.tree.map(lambda x, i=i: x[i], params) for i in range(min(NUM_SAMPLES, len(signals)))
    ]
    return [partial(setting.export, p, signal) for p, signal in zip(first, signals)]


def _summaries(fits):
    return {metric: summary(values) for metric, values in fits.metrics.items()}


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


def _contender(name, params, config):
    learned = name == "meta" or name in [text.partition("=")[0] for text in config.rivals]
    if learned:
        return Contender(params, config.inner_optimizer, config.inner_learning_rate)
    return Contender(params, config.baseline_optimizer, config.baseline_learning_rate)
