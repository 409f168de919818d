"""Sources of waves as signals: where each lies, and the waves that it sends out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from metainr.errors import Option, UserError
from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.types import SignalClass


class Source(NamedTuple):
    """One source: position (x, y) float32 [2], and the solution float32 [...] it leads to.

    Of training signals that nobody wants solved these are zeros.
    """

    position: np.ndarray
    solution: np.ndarray


class SourceOptions(NamedTuple):
    """Where sources lie, and how their waves are computed.

    resolution: points of the solutions along an axis, at least 2.
    solve: position [2] -> solution, an array of the shape of `shape`.
    shape: of solutions.
    farthest: largest |x| and |y| of a source, above 0.
    seed: other seeds give other sources.
    position: (x, y) of the source of the class `single`.
    solve_training: whether training signals are solved, too.
    """

    resolution: int
    solve: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]
    farthest: float
    seed: int = 0
    position: tuple[float, float] = (0.0, 0.0)
    solve_training: bool = False


def sources(options: SourceOptions) -> SignalClass:
    """Sources at random, uniform in the square |x|, |y| ≤ farthest."""

    def read(split: str, index: int) -> Source:
        random = generator("sources", options.seed, split, index)
        position = random.uniform(-options.farthest, options.farthest, 2)
        return _solved(options, position, options.solve_training or split != "train")

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def single(options: SourceOptions) -> SignalClass:
    """One test signal, the source at `options.position`, and none to learn from.

    Raises UserError for a position outside the square of sources.
    """
    if not max(map(abs, options.position)) <= options.farthest:
        x, y = options.position
        raise UserError(
            Option("source", f"{x:g},{y:g}"),
            " lies outside the square of sources, in an absorbing layer or too near the border; "
            f"give X,Y from {-options.farthest:g} to {options.farthest:g}",
        )
    sizes = {"train": 0, "validation": 0, "test": 1}
    return random_access(
        options, sizes, lambda split, index: _solved(options, options.position, True)
    )


def _solved(options, position, whole):
    solution = options.solve(np.asarray(position)) if whole else np.zeros(options.shape)
    return Source(np.asarray(position, np.float32), np.asarray(solution, np.float32))
