"""How samples compare with a reference: by distances between rendered fields.

Source: Yang et al., "PointFlow", ICCV 2019, with the RMSE of rendered values as the distance.
"""

from typing import NamedTuple

import numpy as np


class Quality(NamedTuple):
    """What samples are like.

    mmd: mean distance of a reference to its nearest sample; 0 is best.
    cov: share of references that are the nearest of some sample; 1 is best.
    one_nna: share of samples and references whose nearest other one is of their own kind; ½ is
        best, 1 says that the kinds differ, less than ½ that samples are copies.
    novelty: median distance of samples to the nearest training signal, by that of references;
        below 1 samples are more like training signals than new signals are.
    broken: share of samples that are not finite; each counts as infinitely far from all.
    """

    mmd: float
    cov: float
    one_nna: float
    novelty: float
    broken: float


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """RMSE [n, m] of pairs of values [n, ...] and [m, ...]; infinite where one is not finite."""
    a, b = (np.reshape(x, (len(x), -1)).astype(np.float64) for x in (first, second))
    whole = np.isfinite(a).all(axis=1, keepdims=True) & np.isfinite(b).all(axis=1)
    a, b = (np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0) for x in (a, b))
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    # Equal rows leave rounding, the root of which would be a distance.
    near = squares < 1e-9 * np.maximum((a**2).sum(1)[:, None], (b**2).sum(1))
    exact = np.argwhere(near)
    squares[near] = [((a[i] - b[j]) ** 2).sum() for i, j in exact]
    return np.where(whole, np.sqrt(np.maximum(squares, 0) / a.shape[1]), np.inf)


def quality(samples: np.ndarray, references: np.ndarray, training: np.ndarray) -> Quality:
    """All measures of samples [n, ...] against references [m, ...] and training signals [k, ...].

    Broken samples stay in all of them.
    """
    across = distances(samples, references)
    mmd = across.min(axis=0).mean()
    # A broken sample is the nearest of nothing: it covers no reference.
    usable = np.isfinite(across).any(axis=1)
    cov = len(set(across[usable].argmin(axis=1))) / len(references)
    own = np.median(distances(samples, training).min(axis=1))
    held_out = np.median(distances(references, training).min(axis=1))
    novelty = own / held_out if held_out > 0 else np.inf if own > 0 else 1.0
    broken = 1 - np.isfinite(samples.reshape(len(samples), -1)).all(1).mean()
    return Quality(*map(float, (mmd, cov, one_nna(samples, references), novelty, broken)))


def one_nna(samples: np.ndarray, references: np.ndarray) -> float:
    """The accuracy of telling samples from references by the nearest other one of both.

    Where both kinds are equally near, as of a copy, the other one counts. What is broken is told.
    """
    both = np.concatenate([samples, references])
    kind = np.arange(len(both)) < len(samples)
    apart = distances(both, both)
    np.fill_diagonal(apart, np.inf)
    own = np.where(kind[:, None] == kind, apart, np.inf).min(axis=1)
    other = np.where(kind[:, None] != kind, apart, np.inf).min(axis=1)
    return float(np.mean((own < other) | np.isinf(other)))


def nearest(values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(number, distance) [n] of the training signal nearest to each."""
    apart = distances(values, training)
    return apart.argmin(axis=1), apart.min(axis=1)
