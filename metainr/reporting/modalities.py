"""What a matrix of transfer between modalities says of hidden layers that were moved.

With R runs, in their order, its columns are their tests. Its rows are, of each run, its hidden
layers and these shuffled; then random weights, and the column's own init.
"""

from collections.abc import Sequence

import numpy as np

TITLE = "Hidden layers moved between modalities"
NOTE = (
    "A moved init has the first and the last layer of the random weights. After as many steps as "
    "each test compares inits at. Colours show what is gained over random weights."
)


def modal_rows(names: Sequence[str]) -> list[str]:
    """The names of the rows, of runs of these names."""
    moved = [row for name in names for row in (f"hidden: {name}", f"shuffled: {name}")]
    return [*moved, "random weights", "own init, whole"]


def gains(mean: np.ndarray) -> np.ndarray:
    """By how much every row of means is above random weights."""
    return mean - mean[-2]


def modal_verdict(mean: np.ndarray) -> str:
    """How often hidden layers of other modalities help, in one sentence."""
    hidden, shuffled, count = mean[:-2:2], mean[1:-2:2], mean.shape[1]
    others = ~np.eye(count, dtype=bool)
    above = np.sum((hidden > mean[-2])[others])
    beyond = np.sum((hidden > shuffled)[others])
    total = others.sum()
    return (
        f"Hidden layers of another modality are better than random weights in {above} of {total} "
        f"cases, and better than the same layers shuffled in {beyond}."
    )
