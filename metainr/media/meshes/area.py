"""Pictures made smaller by averaging over areas."""

import numpy as np


def averaged(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes [h, w, c] to float32 [height, width, c]: each pixel is the mean over its area.

    Pixels that lie in two new ones count with the parts of their areas; a picture of that size
    already stays as it is. The range of values is kept.
    """
    image = _averaged_rows(image, height)
    image = _averaged_rows(image.swapaxes(0, 1), width).swapaxes(0, 1)
    return np.ascontiguousarray(image, np.float32)


def _averaged_rows(image, new):
    """Differences of the integral over rows at the new ones' edges, which need not be whole."""
    old = len(image)
    if new == old:
        return image
    edges = np.arange(new + 1) * (old / new)
    rows = np.minimum(edges.astype(int), old - 1)
    integral = np.cumsum(image, axis=0, dtype=np.float64)
    before = integral[rows] - image[rows]
    return np.diff(before + (edges - rows)[:, None, None] * image[rows], axis=0) * (new / old)
