"""The rays of a picture's pixels under an OpenGL camera, also after the picture was resized."""

import numpy as np


def inverse_pinhole(
    focal: tuple[float, float],
    centre: tuple[float, float],
    scale: tuple[float, float] = (1.0, 1.0),
) -> np.ndarray:
    """K⁻¹ float32 [3, 3] of a camera that looks along −z with y up.

    Rays go through the middle (x + ½, y + ½) of pixel (x, y): half a pixel off those of the paper's
    code, and the same whatever a picture is resized to.

    Args:
        focal: lengths along x and y, in pixels of the picture as it was taken.
        centre: where the optical axis meets that picture, (0, 0) being its upper left corner.
        scale: how many of its pixels make one, along x and y.
    """
    matrix = np.diag([scale[0] / focal[0], -scale[1] / focal[1], -1.0])
    matrix[0, 2] = (scale[0] / 2 - centre[0]) / focal[0]
    matrix[1, 2] = (centre[1] - scale[1] / 2) / focal[1]
    matrix[2] = 0, 0, -1
    return matrix.astype(np.float32)


def focal_length(angle: float, pixels: float) -> float:
    """The focal length in pixels of a lens that sees `angle` radians in so many pixels."""
    return pixels / 2 / np.tan(angle / 2)
