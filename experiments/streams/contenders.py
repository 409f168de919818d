"""The fits of streams by one method from one init: rates by validation, then test signals."""

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.config import Config
from experiments.streams.learned import Setup, field_of
from experiments.streams.stream_options import StreamOptions
from metainr.devices import map_tasks
from metainr.evaluation.compare import summary
from metainr.files import write_bytes
from metainr.keys import branch
from metainr.numerics import Summation
from metainr.streams import MethodOptions, Steps, best, forgetting, make_method, run_stream
from metainr.types import Array, Hyper, Key, Params

RATES = {"sgd": (1e-2, 3e-2, 1e-1), "adam": (1e-4, 3e-4, 1e-3, 3e-3)}
"""Optimizers and rates that every contender is tuned over, beside those of the inner loop."""

SHOWN = 4  # signals of which pictures are kept
FRAMES = "frames.npz"


class Chosen(NamedTuple):
    """How a contender learns a part, as validation likes it best."""

    optimizer: str
    learning_rate: float
    pull: float


class Contender(NamedTuple):
    """A method on streams of one shape, whatever weights it starts from.

    block: signals at a time.
    learned_for: optimizer and rate of the inner loop that the inits were learned for.
    pulls: strengths that are tried.
    run: (params, how, steps a part, signals, keys) -> matrices, PSNRs and renders of all signals,
        in blocks of one size, so that a program is compiled once for each optimizer.
    """

    block: int
    learned_for: tuple[str, float]
    pulls: tuple[float, ...]
    run: Callable[[Params, Chosen, int, Array, Array], tuple[np.ndarray, np.ndarray, np.ndarray]]


def make_contender(
    method: str, setup: Setup, config: Config[StreamOptions], summation: Summation | None
) -> Contender:
    """The contender, with nothing compiled yet. Raises UserError for a buffer that is too large."""
    options = MethodOptions(config.own.buffer, summation)
    made, layout = make_method(method, field_of(setup, method), setup.layout, options), setup.layout

    def streams(params, rate, count, pull, signals, keys, optimizer):
        how = Steps(Hyper(optimizer, rate), count, config.own.fisher, pull)

        def one(signal, key):
            course = run_stream(made, layout, params, signal, key, how)
            return course.matrix, course.psnr, course.renders

        return map_tasks(one, signals, keys)

    program, size = jax.jit(streams, static_argnames="optimizer"), config.test.num_validation

    def run(params, how, count, signals, keys):
        numbers = jnp.float32(how.learning_rate), jnp.int32(count), jnp.float32(how.pull)
        blocks = []
        for begin in range(0, len(signals), size):
            rows = np.minimum(np.arange(begin, begin + size), len(signals) - 1)
            data = signals[rows], keys[rows]
            found = program(params, *numbers, *data, optimizer=how.optimizer)
            blocks.append(jax.tree.map(np.asarray, found))
        return tuple(np.concatenate(part)[: len(signals)] for part in zip(*blocks))

    inner = str(config.learner.inner.optimizer), float(config.learner.inner.learning_rate)
    return Contender(size, inner, config.own.pulls if method == "ewc" else (0.0,), run)


def tuned(
    contender: Contender, params: Params, signals: Sequence[np.ndarray], root: Key, steps: int
) -> Chosen:
    """The optimizer, rate and pull with the highest mean PSNR of all parts in the end, by
    validation signals; one with which a fit diverges loses.
    """
    rates = {(optimizer, rate): None for optimizer in RATES for rate in RATES[optimizer]}
    tried = [
        Chosen(*hyper, pull)
        for hyper in rates | {contender.learned_for: None}
        for pull in contender.pulls
    ]
    data = _data(signals, branch(root, "validate"))

    def quality(how):
        matrices, *_ = contender.run(params, how, steps, *data)
        mean = matrices[:, -1].mean()
        return mean if np.isfinite(mean) else -np.inf

    return max(tried, key=quality)


def tested(
    contender: Contender,
    params: Params,
    how: Chosen,
    setup: Setup,
    signals: Sequence[np.ndarray],
    root: Key,
    steps: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """(What became of the test signals, as JSON; renders [signals, parts, *shape, c])."""
    data = _data(signals, branch(root, "test"))
    contender.run(params, how, 1, *(rows[:1] for rows in data))  # compiles, if that is not done
    began = time.perf_counter()
    matrices, psnr, renders = contender.run(params, how, steps, *data)
    size = contender.block
    blocks = -(-len(signals) // size) * size  # the last one may be filled up
    seconds = (time.perf_counter() - began) / (blocks * setup.layout.num_parts)
    rows = [matrices[:, -1].mean(-1), best(matrices).mean(-1), forgetting(matrices), psnr]
    names = ("end", "best", "forgetting", "whole")
    return {
        **how._asdict(),
        **{name: _one(values) for name, values in zip(names, rows)},
        "matrix": matrices.mean(0),
        "seconds_per_part": seconds,
    }, renders


def kept_numbers(method: str, setup: Setup, config: Config[StreamOptions], weights: int) -> int:
    """How many numbers a method keeps of parts gone by, beside its weights."""
    dim, channels = len(setup.layout.shape), setup.signals.get("test", 0).shape[-1]
    each = dim + channels
    return {
        "offline": each * int(np.prod(setup.layout.shape)),
        "replay": each * config.own.buffer,
        "ewc": 2 * weights,
    }.get(method, 0)


def write_frames(folder: Path, renders: np.ndarray, setup: Setup, config: Any) -> None:
    """Writes pictures of the first signals after every part, and how these ended as files."""
    shown = renders[:SHOWN]
    pictures = [[_levels(setup.kind.picture(jnp.asarray(x))) for x in signal] for signal in shown]
    stream = io.BytesIO()
    np.savez_compressed(stream, frames=np.array(pictures))
    write_bytes(folder / FRAMES, stream.getvalue())
    for number, signal in enumerate(shown):
        setup.kind.write(folder / f"{number:03d}", signal[-1], config)


def write_targets(folder: Path, signals: Sequence[np.ndarray], setup: Setup, config: Any) -> None:
    """Writes what `write_frames` writes of the signals themselves."""
    write_frames(folder, np.stack(signals[:SHOWN])[:, None], setup, config)


def _levels(picture):
    return np.round(255 * np.clip(np.nan_to_num(np.asarray(picture)), 0, 1)).astype(np.uint8)


def _data(signals, key):
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(signals)))
    return jnp.asarray(np.stack(signals)), keys


def _one(values):
    """Mean, standard error and single values of [signals]."""
    found = summary(np.asarray(values)[:, None])
    return {"mean": found["mean"][0], "stderr": found["stderr"][0], "values": values}
