"""The best inner optimizer and rate of an init, found on signals that no table reports."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from metainr.evaluation.fitting import Fits
from metainr.types import Contender, Hyper

RATES: Mapping[str, Sequence[float]] = {
    "sgd": (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "adam": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
}


def tuned(
    contender: Contender,
    fit: Callable[[Contender], Fits],
    rates: Mapping[str, Sequence[float]] = RATES,
    metric: str = "psnr",
    sign: float = 1.0,
) -> Contender:
    """The contender with the optimizer and rate of the best final mean of a metric.

    Its own optimizer and rate take part; a rate at which a fit diverges loses.

    Args:
        contender: the init, with its default optimizer and rate.
        fit: fits validation signals for as many steps as the comparison is about.
        rates: optimizer -> learning rates to try.
        metric: by which they are compared.
        sign: 1 if more of it is better, −1 if less is.
    """
    found = candidates(contender, rates)
    return found[best(found, fit, metric, sign)]


def candidates(
    contender: Contender, rates: Mapping[str, Sequence[float]] = RATES
) -> list[Contender]:
    """The contender, and others of it with each optimizer and rate."""
    return [contender] + [
        contender._replace(hyper=Hyper(optimizer, rate))
        for optimizer, tried in rates.items()
        for rate in tried
        if (optimizer, rate) != contender.hyper
    ]


def best(
    tried: Sequence[Contender],
    fit: Callable[[Contender], Fits],
    metric: str = "psnr",
    sign: float = 1.0,
) -> int:
    """The number of the candidate with the best final mean; arguments are those of `tuned`."""

    def quality(index):
        mean = sign * fit(tried[index]).metrics[metric][:, -1].mean()
        return -np.inf if np.isnan(mean) else mean

    return max(range(len(tried)), key=quality)
