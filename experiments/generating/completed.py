"""Held-out signals of which a part is seen: completed by the prior, and by the learned init alone.

What either takes for granted is chosen on validation signals: the prior the noise of what is
measured, the init the optimizer, its rate and the number of steps.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

from experiments.generating.generate_options import GenerateOptions, Part, parts_of
from metainr import signals
from metainr.checks import SEED, check
from metainr.errors import UserError
from metainr.evaluation.fitting import Score, make_evaluate
from metainr.evaluation.metrics import psnr
from metainr.keys import branch
from metainr.measurements import detector_grid, project
from metainr.objectives import image_samples
from metainr.progress import progress
from metainr.runs.as_data.completing import (
    Completion,
    Views,
    check_size,
    make_completer,
    seen_mask,
    view_angles,
    views_objective,
)
from metainr.runs.as_data.generating import Generator
from metainr.runs.as_data.reading import FieldSet
from metainr.runs.fits import make_contenders
from metainr.runs.options import Machine
from metainr.runs.regression import grid_objectives, render
from metainr.types import Array, Hyper, Objective, Support, Task

_NOISES = (0.003, 0.01, 0.03, 0.1)
_STEPS = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
_FACTORS = (1, 3, 10, 30)
_ADAM = (1e-3, 1e-2)
_VALIDATION = 4
_SHOWN = 4


class Completed(NamedTuple):
    """What came of one kind of part, as JSON, and pictures by name of some signals."""

    record: dict[str, Any]
    pictures: list[dict[str, np.ndarray]]


class _Setting(NamedTuple):
    """How a part is seen.

    support: (signal, its number) -> what is seen of it.
    objective: that reads it.
    shown: (signal, its number) -> a picture of what is seen.
    judged: values [..., c] -> what is to be told of them; scanners see no colours.
    """

    support: Callable[[np.ndarray, int], Support]
    objective: Objective
    shown: Callable[[np.ndarray, int], np.ndarray]
    judged: Callable[[Array], Array]


def completed(generator: Generator, options: GenerateOptions, seed: int) -> dict[str, Completed]:
    """What came of each part that the options name, which `check_complete` has seen."""
    parts = parts_of(options)
    if not parts:
        return {}
    validation = _signals(generator.fields, "validation", _VALIDATION)
    tests = _signals(generator.fields, "test", options.num_complete)
    return {
        name: _completed(generator, part, validation, tests, options.complete_samples, seed)
        for name, part in parts.items()
    }


def check_complete(fields: FieldSet, options: GenerateOptions) -> None:
    """Raises UserError if what is to be completed cannot be, before anything is learned."""
    parts = parts_of(options)
    if not parts:
        return
    check_size(fields)
    if len(fields.run.shape or ()) != 2:
        raise UserError(
            "--complete is for sets of pictures, and this one is of other signals; use "
            "metainr.runs.as_data.completing from Python"
        )
    height, width = fields.run.shape or (0, 0)
    source = fields.about.source
    if not isinstance(source.get("signal"), str) or source.get("resolution") != height:
        raise UserError(
            "--complete needs signals, and this set does not say where its own are from; use "
            "metainr.runs.as_data.completing from Python"
        )
    for split in ("validation", "test"):
        if not len(fields.splits[split]):
            raise UserError(f"--complete needs {split} signals, of which this set has none")
    for text, part in parts.items():
        if part.kind == "views" and height != width:
            raise UserError(f"--complete={text} needs square pictures, and these are not")


def _signals(fields: FieldSet, split: str, most: int) -> list[np.ndarray]:
    source = fields.about.source
    options = signals.ImageOptions(
        source["resolution"],
        check("seed", source.get("seed"), SEED),
        source.get("image_folder"),
        source.get("data_dir"),
    )
    found = signals.make(source["signal"], options)
    return [found.get(split, number) for number in fields.splits[split].numbers[:most]]


def _completed(generator, part, validation, tests, count, seed):
    fields = generator.fields
    setting = _setting(part, fields.run.shape, seed)
    complete = make_completer(generator, setting.objective)

    def all_of(chosen, noise, samples):
        with progress(len(chosen), "signal", f"{part.kind}, σ {noise:g}", leave=False) as bar:
            for number, signal in enumerate(chosen):
                support = setting.support(signal, number)
                found = complete(support, count=samples, noise=noise, seed=seed + number)
                yield found._replace(values=setting.judged(found.values))
                bar.update()

    aims = [setting.judged(signal) for signal in tests]
    reached = {
        noise: np.mean(
            [
                _psnr(found.mean, setting.judged(signal))
                for found, signal in zip(all_of(validation, noise, 4), validation)
            ]
        )
        for noise in _NOISES
    }
    noise = max(reached, key=reached.__getitem__)
    done = list(all_of(tests, noise, count))
    alone, how = _alone(fields, setting, validation, tests, seed)
    record = {
        "noise": noise,
        "alone": how,
        "psnr": {
            "prior, mean of samples": [_psnr(d.mean, s) for d, s in zip(done, aims)],
            "prior, each sample": [
                float(np.mean([_psnr(v, s) for v in d.values])) for d, s in zip(done, aims)
            ],
            "learned init alone": [_psnr(v, s) for v, s in zip(alone, aims)],
        },
        "spread": [_agreement(d, s) for d, s in zip(done, aims)],
    }
    pictures = [
        {
            "signal": signal,
            "seen": setting.shown(tests[number], number),
            "init alone": alone[number],
            "average": found.mean,
            "spread": _stretched(found.spread),
            "error": _stretched(_error(found, signal)),
            "sample 1": found.values[0],
            "sample 2": found.values[1],
        }
        for number, (signal, found) in enumerate(zip(aims[:_SHOWN], done))
    ]
    return Completed(record, pictures)


def _setting(part: Part, shape, seed) -> _Setting:
    if part.kind == "views":
        angles, places = view_angles(int(part.amount)), detector_grid(shape[0])

        def views(signal, number):
            return Views(angles, np.asarray(project(jnp.asarray(signal.mean(-1)), angles, places)))

        return _Setting(
            views,
            views_objective(shape[0]),
            lambda signal, number: _strips(views(signal, number), shape),
            lambda values: values.mean(axis=-1, keepdims=True),
        )

    def mask(number):
        return seen_mask(shape, part.amount, seed + number)

    return _Setting(
        lambda signal, number: image_samples(signal, mask(number)),
        grid_objectives(shape, 0)[0],
        lambda signal, number: signal * mask(number)[..., None],
        lambda values: values,
    )


def _strips(views: Views, shape):
    """Projections as a picture, each view a strip of rows."""
    rows = np.arange(shape[0]) * len(views.values) // shape[0]
    return np.asarray(views.values)[rows]


def _alone(fields, setting, validation, tests, seed):
    """Pictures of the test signals from the learned init, fitted as validation likes best."""
    run, key = fields.run, branch(jax.random.key(seed), "test")

    def score(params, task):
        found = render(run.field, params, run.shape)
        return {"psnr": psnr(setting.judged(found), setting.judged(task.query))}

    evaluate = make_evaluate(
        lambda task, key: task,
        Score(score, None),
        lambda params, task: setting.judged(render(run.field, params, run.shape)),
    )

    def tasks(chosen):
        return [Task(setting.support(x, i), np.asarray(x)) for i, x in enumerate(chosen)]

    def contender(hyper):
        init = run.init._replace(hyper=hyper)
        return make_contenders({"meta": init}, run.field, setting.objective, Machine())["meta"]

    rate = float(run.init.hyper.learning_rate)
    hypers = [Hyper("sgd", factor * rate) for factor in _FACTORS]
    hypers += [Hyper("adam", value) for value in _ADAM]
    best, chosen, steps = -np.inf, hypers[0], 0
    for hyper in hypers:
        found = evaluate(contender(hyper), tasks(validation), _STEPS, key).metrics["psnr"].mean(0)
        found = np.where(np.isfinite(found), found, -np.inf)
        if found.max() > best:
            best, chosen, steps = found.max(), hyper, _STEPS[int(found.argmax())]
    until = [step for step in _STEPS if step <= steps]
    fits = evaluate(contender(chosen), tasks(tests), until, key, num_views=len(tests))
    views = np.asarray(fits.views)[:, -1]
    return views, f"{chosen.name} {float(chosen.learning_rate):g}, {steps} steps"


def _psnr(values, signal):
    return float(-10 * np.log10(np.mean((np.asarray(values) - signal) ** 2)))


def _error(found: Completion, signal):
    return np.abs(found.mean - signal).mean(-1)


def _agreement(found: Completion, signal) -> float:
    """Spearman's rank correlation of the spread and the error over the pixels."""
    return float(spearmanr(found.spread.ravel(), _error(found, signal).ravel()).statistic)


def _stretched(values):
    """Values from 0 to their largest as greys."""
    return values / max(float(values.max()), 1e-12)
