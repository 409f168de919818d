"""Whether there is memory for what a run is about to ask for: a kernel kills without a word."""

from typing import Any

import jax
import numpy as np

from metainr.errors import Option, UserError
from metainr.training.compiled import available_memory
from metainr.types import SignalClass, Tree


def check_weights(like: Tree) -> None:
    """Raises UserError if weights, and what is kept beside them, do not fit into memory.

    `like`: their shapes and types, as `jax.eval_shape` tells them.
    """
    sizes = ("width", "depth", "table_size")
    _check(_num_bytes(like), "the field's weights need", sizes)


def check_signals(signals: SignalClass, split: str, num: int, option: str) -> None:
    """Raises UserError if so many signals do not fit into memory, going by the first of them.

    `option`: by which there are so many.
    """
    num = min(num, signals.sizes[split])
    if num:
        needed = num * _num_bytes(signals.get(split, 0))
        _check(needed, f"{num} {split} signals need", ("resolution", option))


def _check(needed, told, options):
    available = available_memory(1)
    if available is not None and needed > available:
        first, *others = map(Option, options)
        raise UserError(
            f"{told} {needed / 1e9:.3g} GB of memory and {available / 1e9:.3g} GB are available; "
            "use a smaller ",
            first,
            *(part for option in others for part in (" or ", option)),
        )


def _num_bytes(tree: Any) -> int:
    return sum(
        int(np.prod(leaf.shape, dtype=object)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
        if hasattr(leaf, "dtype")
    )
