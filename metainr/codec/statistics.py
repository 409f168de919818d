"""What is known of a class before a signal comes: scales of the numbers, and how often steps occur.

All of it is whole numbers or float32, so that coder and decoder compute with the same values.
"""

from typing import NamedTuple

import numpy as np

from metainr.codec.quantiser import REACHES, Scales, quantised, reach_of, scales_of

TOP_BITS = 8
"""Bits of a number that follow the statistics; those below are as good as evenly spread."""


class Statistics(NamedTuple):
    """Of training signals.

    scales: of the numbers.
    counts: how many of all their numbers, standardised, lay in each of 256 equal steps, for every
        reach of the quantiser: int64 [3, 256].
    """

    scales: Scales
    counts: np.ndarray


def learned(vectors: np.ndarray) -> Statistics:
    """The statistics of training vectors [n, d].

    Standardised numbers share one histogram: a class has far more numbers than signals.
    """
    scales = scales_of(vectors)
    counts = [
        np.bincount(quantised(vectors, scales, TOP_BITS, reach).ravel(), minlength=2**TOP_BITS)
        for reach in range(len(REACHES))
    ]
    return Statistics(scales, np.stack(counts).astype(np.int64))


def frequencies(statistics: Statistics, bits: int) -> np.ndarray:
    """The static model of numbers of b bits: counts + 1 of their top bits, int64 [2^min(b, 8)].

    The one that is added leaves no step impossible.
    """
    counts = statistics.counts[reach_of(bits)]
    return counts.reshape(2 ** min(bits, TOP_BITS), -1).sum(axis=1) + 1


def cross_entropy(symbols: np.ndarray, statistics: Statistics, bits: int) -> float:
    """−Σ log₂ p(s): how many bits these symbols of b bits take under the model."""
    low = max(bits - TOP_BITS, 0)
    counts = frequencies(statistics, bits)
    chances = counts[np.asarray(symbols) >> low] / counts.sum()
    return float(-np.log2(chances).sum() + low * np.size(symbols))
