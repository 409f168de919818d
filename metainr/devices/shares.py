"""Work on signals divided over the processes of a distributed run."""

import jax
import numpy as np
from jax.experimental import multihost_utils


def own_share(num: int) -> np.ndarray:
    """Which of `num` signals this process works on: every process-count-th.

    All shares are equally long: where that does not divide, some repeat the last signal.
    """
    count = jax.process_count()
    return np.minimum(jax.process_index() + count * np.arange(-(-num // count)), num - 1)


def all_shares(rows: np.ndarray, num: int) -> np.ndarray:
    """The results [num, ...] of all signals, from every process' [share, ...]."""
    if jax.process_count() == 1:
        return rows[:num]
    gathered = multihost_utils.process_allgather(rows)  # [process, share, ...]
    return np.swapaxes(gathered, 0, 1).reshape(-1, *rows.shape[1:])[:num]
