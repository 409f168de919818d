"""Batches of training signals, prepared ahead of the step that takes them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from metainr.errors import Option, UserError
from metainr.output import quietly
from metainr.training.step import Numbered
from metainr.types import Signal, SignalClass

with quietly():  # with an older JAX it warns of its worker processes, of which none is started
    import grain

_THREADS = 2
_AHEAD = 8
_ENDLESS = 2**60  # signals; a length that still fits an index


class _Batch(NamedTuple):
    """The number of a batch, and those of its signals."""

    number: int
    indices: np.ndarray


def training_batches(
    signals: SignalClass,
    batch_size: int,
    *,
    seed: int,
    start: int = 0,
    limit: int | None = None,
    rows: slice = slice(None),
    change: Callable[[Signal, np.random.Generator], Signal] | None = None,
) -> Iterator[Numbered]:
    """Yields batches of training signals for ever, from batch number `start` on.

    Every epoch visits each signal once in an order of its own; batch k is the same however often
    the run was stopped before it. Leaves gain a leading axis, `batch_size` long or as `rows` says.

    Args:
        signals: the class whose "train" split is read.
        batch_size: signals per batch.
        seed: of the orders.
        start: number of the first batch, the data position of a resumed run.
        limit: use the first so many training signals only.
        rows: of each batch, the part to read and yield, where other processes take the rest.
        change: of a signal, random by (seed, number of the batch, place in it); None: none.
    """
    size = signals.sizes["train"]
    if limit is not None and limit > size:
        raise UserError(
            Option("train_signals", limit),
            f" is more than the {size} training signals there are",
        )

    def read(batch: _Batch) -> Numbered:
        places = range(batch_size)[rows]
        return _stacked([entry(batch, place) for place in places])

    def entry(batch: _Batch, place: int) -> Numbered:
        index = int(batch.indices[place])
        signal = signals.get("train", index)
        if change is not None:
            signal = change(signal, np.random.default_rng([seed, batch.number, place]))
        return Numbered(signal, np.array(index, np.int32))

    batches = (
        grain.MapDataset.range(limit or size)
        .shuffle(seed=seed)
        .repeat(_ENDLESS // (limit or size))
        .batch(batch_size)
        .map_with_index(lambda number, indices: _Batch(number, indices))
        .slice(slice(start, None))
        .map(read)
    )
    options = grain.ReadOptions(num_threads=_THREADS, prefetch_buffer_size=_AHEAD)
    return iter(batches.to_iter_dataset(options))


def first_signals(signals: SignalClass, split: str, num: int) -> list[Any]:
    """The first `num` signals of a split, or all if there are fewer."""
    return [signals.get(split, i) for i in range(min(num, signals.sizes[split]))]


def _stacked(entries):
    return jax.tree.map(lambda *x: np.stack(x), *entries)
