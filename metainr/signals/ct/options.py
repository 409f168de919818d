"""What can be said of any class of slices."""

from typing import NamedTuple


class SliceOptions(NamedTuple):
    """The size and origin of grey slices; each class reads those that concern it.

    resolution: side of the square slices in pixels, at least 2.
    seed: of the generated classes and of a folder's split; other seeds give other signals.
    folder: where the files of the class `slices` lie.
    axis: along which stacks are cut; None: the last of NIfTI volumes, the first of all others.
    window: the intensities (low, high), in the files' units, that become 0 and 1; None: the 1st
        and 99th percentile of all slices.
    """

    resolution: int
    seed: int = 0
    folder: str | None = None
    axis: int | None = None
    window: tuple[float, float] | None = None
