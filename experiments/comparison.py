"""The comparison of inits on test signals: who takes part, and what is recorded of it."""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from experiments.problem import Problem, make_inner, standard_init
from metainr.evaluation.baselines import FIT_LEARNING_RATE, fitted, shuffled
from metainr.evaluation.compare import steps_to_match, summary
from metainr.evaluation.fitting import Contender, Evaluate
from metainr.evaluation.tuning import tuned
from metainr.training.data import stacked_signals
from metainr.types import Params

NUM_VALIDATION = 8
NUM_SAMPLES = 6
_MEAN_OVER = 256


class Comparison(NamedTuple):
    """One entry of `settings` in results.json, and the pictures of the first test signals.

    frames: init -> [signals, steps, h, w, c].
    """

    setting: dict[str, Any]
    targets: np.ndarray
    frames: dict[str, np.ndarray]


def compare(
    problem: Problem,
    config: SimpleNamespace,
    learned: Params | None,
    evaluate: Evaluate,
    mesh: Mesh | None = None,
) -> Comparison:
    """Fits the test signals from every init; without a learned one, from those that need none.

    `mesh`: of this process' devices.
    """
    key = jax.random.key(config.seed)
    inits, errors = _inits(problem, config, learned, key, mesh)
    contenders = {name: _contender(name, params, config) for name, params in inits.items()}
    if config.tune:
        count = min(NUM_VALIDATION, problem.signals.sizes["validation"])
        validation = stacked_signals(problem.signals, "validation", count)
        match = range(config.inner_steps + 1)
        fit = partial(evaluate, signals=validation, steps=match, key=key)
        contenders = {name: tuned(c, fit) for name, c in contenders.items()}
    signals = stacked_signals(problem.signals, "test", config.num_test)
    steps = list(range(config.test_steps + 1))
    fits = {
        name: evaluate(contender, signals, steps, key, NUM_SAMPLES)
        for name, contender in contenders.items()
    }
    entries = {
        name: {
            "optimizer": contenders[name].optimizer,
            "learning_rate": contenders[name].learning_rate,
            "metrics": {metric: summary(values) for metric, values in fits[name].metrics.items()},
        }
        | errors.get(name, {})
        for name in fits
    }
    if "meta" in fits and config.inner_steps <= config.test_steps:
        target = fits["meta"].metrics["psnr"][:, config.inner_steps]
        for name in fits.keys() - {"meta"}:
            match = steps_to_match(fits[name].metrics["psnr"], target, steps)
            entries[name] |= {"steps_to_match": match.steps, "missed": match.missed}
    return Comparison(
        {"steps": steps, "inits": entries},
        np.asarray(signals[:NUM_SAMPLES]),
        {name: fit.views for name, fit in fits.items()},
    )


def _inits(problem, config, learned, key, mesh):
    """The inits by name, and what else there is to say of how they were made."""
    standard = standard_init(problem.field, config.seed)
    mean_key, match_key, shuffle_key = jax.random.split(key, 3)

    def fit(gradient, support, key):
        inner = make_inner(gradient, "adam")(FIT_LEARNING_RATE)
        return fitted(inner, standard, support, key, mesh)

    count = min(_MEAN_OVER, problem.signals.sizes["train"])
    mean, mean_error = fit(problem.inner_gradient, problem.mean_support(count), mean_key)
    inits = {"standard": standard, "mean": mean}
    errors = {"mean": {"fit_error": float(mean_error)}}
    if learned is not None:
        matched, matched_error = fit(problem.matching_gradient, learned, match_key)
        inits |= {"matched": matched, "shuffled": shuffled(learned, shuffle_key), "meta": learned}
        errors["matched"] = {"fit_error": float(matched_error)}
    return inits, errors


def _contender(name, params, config):
    if name == "meta":
        return Contender(params, config.inner_optimizer, config.inner_learning_rate)
    return Contender(params, config.baseline_optimizer, config.baseline_learning_rate)
