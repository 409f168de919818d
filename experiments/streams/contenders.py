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
from metainr.types import Array, Hyper, Key, Params, Signal

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
    tried: what validation chooses from: every optimizer with its rates, and that of the inner loop
        that the inits were learned for, with every pull.
    run: (params, how, steps a part, signals, keys, whether all is measured after every part or
        after the last alone) -> matrices, PSNRs and renders of all signals, in blocks of one size,
        so that a program is compiled once for each optimizer.
    """

    block: int
    tried: tuple[Chosen, ...]
    run: Callable[
        [Params, Chosen, int, Signal, Array, bool], tuple[np.ndarray, np.ndarray, np.ndarray]
    ]


def make_contender(
    method: str, setup: Setup, config: Config[StreamOptions], summation: Summation | None
) -> Contender:
    """The contender, with nothing compiled yet. Raises UserError for a buffer that is too large."""
    options = MethodOptions(config.own.buffer, summation)
    division = setup.arranged.division
    made = make_method(method, field_of(setup, method), division, options)

    def streams(params, rate, count, pull, watched, signals, keys, optimizer):
        how = Steps(Hyper(optimizer, rate), count, config.own.fisher, pull)

        def one(signal, key):
            course = run_stream(made, division, params, signal, key, how, watched)
            return course.matrix, course.psnr, course.renders

        return map_tasks(one, signals, keys)

    program, size = jax.jit(streams, static_argnames="optimizer"), config.test.num_validation

    def run(params, how, count, signals, keys, watched):
        numbers = jnp.float32(how.learning_rate), jnp.int32(count), jnp.float32(how.pull)
        blocks = []
        for begin in range(0, len(keys), size):
            rows = np.minimum(np.arange(begin, begin + size), len(keys) - 1)
            data = jax.tree.map(lambda x, rows=rows: x[rows], (signals, keys))
            found = program(params, *numbers, jnp.bool(watched), *data, optimizer=how.optimizer)
            blocks.append(jax.tree.map(np.asarray, found))
        return tuple(np.concatenate(part)[: len(keys)] for part in zip(*blocks))

    rates = {
        (optimizer, rate): None
        for optimizer in setup.kind.rates
        for rate in setup.kind.rates[optimizer]
    }
    inner = str(config.learner.inner.optimizer), float(config.learner.inner.learning_rate)
    pulls = config.own.pulls if method == "ewc" else (0.0,)
    tried = tuple(Chosen(*hyper, pull) for hyper in rates | {inner: None} for pull in pulls)
    return Contender(size, tried, run)


def tuned(
    contender: Contender, params: Params, signals: Sequence[Signal], root: Key, steps: int
) -> Chosen:
    """The optimizer, rate and pull with the highest mean PSNR of all parts in the end, by
    validation signals; one with which a fit diverges loses.
    """
    data = _data(signals, branch(root, "validate"))

    def quality(how):
        matrices, *_ = contender.run(params, how, steps, *data, False)
        mean = matrices[:, -1].mean()
        return mean if np.isfinite(mean) else -np.inf

    return max(contender.tried, key=quality)


def tested(
    contender: Contender,
    params: Params,
    how: Chosen,
    setup: Setup,
    signals: Sequence[Signal],
    root: Key,
    steps: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """(What became of the test signals, as JSON; renders [signals, parts, *shape, c])."""
    data = _data(signals, branch(root, "test"))
    first = jax.tree.map(lambda x: x[:1], data)
    contender.run(params, how, 1, *first, True)  # compiles, if that is not done
    began = time.perf_counter()
    matrices, psnr, renders = contender.run(params, how, steps, *data, True)
    size = contender.block
    blocks = -(-len(signals) // size) * size  # the last one may be filled up
    seconds = (time.perf_counter() - began) / (blocks * setup.num_parts)
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
    each = setup.arranged.numbers
    return {
        "offline": each * setup.arranged.division.num_points,
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


def write_targets(folder: Path, signals: Sequence[Signal], setup: Setup, config: Any) -> None:
    """Writes what `write_frames` writes of the signals themselves."""
    shown = np.stack([setup.kind.target(signal) for signal in signals[:SHOWN]])
    write_frames(folder, shown[:, None], setup, config)


def _levels(picture):
    return np.round(255 * np.clip(np.nan_to_num(np.asarray(picture)), 0, 1)).astype(np.uint8)


def _data(signals, key):
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(signals)))
    return jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *signals), keys


def _one(values):
    """Mean, standard error and single values of [signals]."""
    found = summary(np.asarray(values)[:, None])
    return {"mean": found["mean"][0], "stderr": found["stderr"][0], "values": values}
