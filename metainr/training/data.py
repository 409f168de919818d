"""Batches of training signals, prepared ahead of the step that takes them."""

from collections.abc import Iterator
from typing import Any

import grain
import jax
import numpy as np

from metainr.errors import Option, UserError
from metainr.training.step import Numbered
from metainr.types import SignalClass

_THREADS = 2
_AHEAD = 8
_ENDLESS = 2**60  # signals; a length that still fits an index


def training_batches(
    signals: SignalClass,
    batch_size: int,
    *,
    seed: int,
    start: int = 0,
    limit: int | None = None,
    rows: slice = slice(None),
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
    """
    size = signals.sizes["train"]
    if limit is not None and limit > size:
        raise UserError(
            Option("train_signals", limit),
            f" is more than the {size} training signals there are",
        )
    batches = (
        grain.MapDataset.range(limit or size)
        .shuffle(seed=seed)
        .repeat(_ENDLESS // (limit or size))
        .batch(batch_size)
        .slice(slice(start, None))
        .map(lambda indices: _stacked(signals, "train", indices[rows]))
    )
    options = grain.ReadOptions(num_threads=_THREADS, prefetch_buffer_size=_AHEAD)
    return iter(batches.to_iter_dataset(options))


def first_signals(signals: SignalClass, split: str, num: int) -> list[Any]:
    """The first `num` signals of a split, or all if there are fewer."""
    return [signals.get(split, i) for i in range(min(num, signals.sizes[split]))]


def _stacked(signals, split, indices):
    entries = (Numbered(signals.get(split, int(i)), np.array(i, np.int32)) for i in indices)
    return jax.tree.map(lambda *x: np.stack(x), *entries)
