"""Pictures that stand in two splits though they show the same."""

from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from metainr.media.images.resizing import to_square

_SIDE = 16
_COARSE = 4  # pixels a side, by which candidates are found
_CANDIDATES = 4  # that are looked at for each picture
_ALIKE = 0.1  # mean difference, in parts of the contrast; JPEG of low quality stays below
_ROUNDING = 1 / 255


def thumbnail(image: np.ndarray) -> np.ndarray:
    """What twins share, however they were saved: [h, w, 3] -> float32 [16, 16, 3]."""
    return to_square(image, _SIDE)


def warn_of_twins(
    splits: Mapping[str, Sequence[str]], thumbnails: Mapping[str, np.ndarray]
) -> None:
    """Warns of pictures that are nearly those of another split: a test on them tests memory.

    Args:
        splits: names of pictures by split.
        thumbnails: by name.
    """
    from scipy.spatial import KDTree

    split_of = {name: split for split, names in splits.items() for name in names}
    names = list(split_of)
    found = np.stack([thumbnails[name] for name in names])
    block = _SIDE // _COARSE
    coarse = found.mean(-1).reshape(-1, _COARSE, block, _COARSE, block).mean((2, 4))
    points = coarse.reshape(len(names), -1)
    found_near = KDTree(points).query(points, min(_CANDIDATES + 1, len(names)))[1]
    near = np.asarray(found_near).reshape(len(names), -1)
    twins = [
        (names[i], names[j])
        for i, row in enumerate(near)
        for j in row
        if i < j and split_of[names[i]] != split_of[names[j]]
        if np.abs(found[i] - found[j]).mean() < _ALIKE * found[i].std() + _ROUNDING
    ]
    if twins:
        one, other = twins[0]
        logging.warning(
            "%d pairs of pictures in different splits are nearly equal, the first %s (%s) and %s "
            "(%s): remove one of each, or the test is of what was learned",
            *(len(twins), one, split_of[one], other, split_of[other]),
        )
