"""Pictures made smaller by averaging over areas."""

import numpy as np


def averaged(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes [h, w, c] to float32 [height, width, c]: each pixel is the mean over its area.

    Pixels that lie in two new ones count with the parts of their areas; a picture of that size
    already stays as it is. The range of values is kept.
    """
    rows, columns = (_shares(*sides) for sides in zip(image.shape, (height, width)))
    if rows.shape[0] != rows.shape[1]:
        image = np.tensordot(rows, image, 1)
    if columns.shape[0] != columns.shape[1]:
        image = columns @ image
    return np.ascontiguousarray(image, np.float32)


def _shares(old, new):
    """How much of each new pixel's side the old ones take: float32 [new, old], rows of sum 1."""
    edges = np.arange(new + 1) * (old / new)
    begin, end = np.arange(old), np.arange(old) + 1
    shared = np.minimum(edges[1:, None], end) - np.maximum(edges[:-1, None], begin)
    return (np.maximum(shared, 0) * (new / old)).astype(np.float32)
