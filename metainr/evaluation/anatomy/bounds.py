"""A PAC-Bayes bound on the loss of unseen signals after adaptation.

Source: McAllister, COLT 1999, in the form of Maurer, 2004; for meta-learning, arXiv 2102.06589.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from metainr.types import Key, MetaParams

DELTA = 0.05
"""The bound may fail for so large a share of all training sets."""

WIDTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Standard deviations σ that are tried; the bound holds for all of them at once."""

_DRAWS = 4


class Bound(NamedTuple):
    """E_signals E_φ L(φ) ≤ bound, for weights φ ~ N(θ₀, σ² I).

    bound, training: the bound, and the mean loss of the training signals in it;
    width: σ;
    divergence: KL(N(θ₀, σ² I) ‖ N(θ_r, σ² I)) = ‖θ₀ − θ_r‖² / 2σ², θ_r being the random weights
        that training began with.
    """

    bound: float
    training: float
    width: float
    divergence: float


def pac_bayes(
    loss: Callable[[MetaParams, Any], jax.Array],
    learned: MetaParams,
    start: MetaParams,
    signals: Sequence[Any],
    key: Key,
) -> Bound:
    """The least of L̂ + √((KL + ln(2 √n / δ')) / 2n) over the widths, δ' = δ / their number.

    L̂ is the mean over n training signals and a few draws of φ. It assumes that the signals are
    drawn independently, that losses lie in [0, 1] (larger ones count as 1), and that θ_r knows
    nothing of them; it leaves out the error of the few draws.

    Args:
        loss: (meta-parameters, signal) -> the loss after adaptation.
        learned, start: what was learned, and the random weights before.
        signals: all that it was learned from.
        key: of the draws.
    """
    distance = sum(
        float(np.sum((np.asarray(a, float) - np.asarray(b, float)) ** 2))
        for a, b in zip(jax.tree.leaves(learned), jax.tree.leaves(start))
    )
    count, found = len(signals), []
    for number, width in enumerate(WIDTHS):
        losses = []
        for draw in jax.random.split(jax.random.fold_in(key, number), _DRAWS):
            moved = _moved(learned, width, draw)
            losses += [min(float(loss(moved, signal)), 1.0) for signal in signals]
        # A field that is not finite is as wrong as can be.
        training = float(np.mean(np.nan_to_num(losses, nan=1.0)))
        divergence = distance / (2 * width**2)
        slack = divergence + math.log(2 * math.sqrt(count) * len(WIDTHS) / DELTA)
        found.append(Bound(training + math.sqrt(slack / (2 * count)), training, width, divergence))
    return min(found, key=lambda bound: bound.bound)


def _moved(params, width, key):
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    return structure.unflatten(
        [x + width * jax.random.normal(k, x.shape, x.dtype) for x, k in zip(leaves, keys)]
    )
