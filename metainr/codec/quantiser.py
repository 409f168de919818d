"""Numbers as whole ones of few bits, by the scale that each had over training signals."""

from typing import NamedTuple

import numpy as np

from metainr.checks import Range

BITS = Range(2, 16)
"""Of a number."""

REACHES = (3.0, 5.0, 20.0)
"""How many deviations from the mean are told apart; what lies beyond becomes the outermost step."""


class Scales(NamedTuple):
    """Mean and deviation of each number [d] over training signals, float32; deviations > 0."""

    mean: np.ndarray
    deviation: np.ndarray


def scales_of(vectors: np.ndarray) -> Scales:
    """The scales of vectors [n, d]; a number that never moves counts as moving a little."""
    deviation = vectors.std(axis=0, dtype=np.float64)
    least = max(1e-6 * deviation.max(initial=0), 1e-12)
    mean = vectors.mean(axis=0, dtype=np.float64)
    return Scales(mean.astype(np.float32), np.maximum(deviation, least).astype(np.float32))


def reach_of(bits: int) -> int:
    """Which of `REACHES` goes with so many bits: few steps lie close, many leave room for more."""
    return 0 if bits < 6 else 1 if bits < 10 else 2


def quantised(vectors: np.ndarray, scales: Scales, bits: int, reach: int) -> np.ndarray:
    """s = ⌊2^b (z + r) / 2r⌋ in [0, 2^b) of z = (x − mean) / deviation: int32, shaped as x.

    Vectors x are [..., d]. Steps are equal, r being REACHES[reach]; those of b bits are pairs of
    those of b + 1.
    """
    half = REACHES[reach]
    standard = (np.asarray(vectors, np.float64) - scales.mean) / scales.deviation
    steps = np.floor((standard + half) * (2**bits / (2 * half)))
    return np.clip(steps, 0, 2**bits - 1).astype(np.int32)


def restored(symbols: np.ndarray, scales: Scales, bits: int, reach: int) -> np.ndarray:
    """The middles of the steps: float32, shaped as the symbols [..., d]."""
    half = REACHES[reach]
    standard = (np.asarray(symbols, np.float64) + 0.5) * (2 * half / 2**bits) - half
    return (standard * scales.deviation + scales.mean).astype(np.float32)
