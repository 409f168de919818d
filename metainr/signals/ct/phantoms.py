"""Random heads of the kind of Shepp and Logan: ten ellipses on a dark ground."""

import numpy as np

from metainr.signals.access import generated
from metainr.signals.ct.options import SliceOptions
from metainr.types import SignalClass

SIZES = (2048, 64, 256)
_DEGREE = np.pi / 180
# Grey, semi-axes a and b, centre x and y, angle: the phantom with the contrast raised, of P. Toft,
# "The Radon Transform: Theory and Implementation", 1996, on the square [-1, 1]² with y upwards.
MODIFIED_SHEPP_LOGAN = np.array(
    [
        [1.0, 0.69, 0.92, 0.0, 0.0, 0.0],
        [-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0],
        [-0.2, 0.11, 0.31, 0.22, 0.0, -18 * _DEGREE],
        [-0.2, 0.16, 0.41, -0.22, 0.0, 18 * _DEGREE],
        [0.1, 0.21, 0.25, 0.0, 0.35, 0.0],
        [0.1, 0.046, 0.046, 0.0, 0.1, 0.0],
        [0.1, 0.046, 0.046, 0.0, -0.1, 0.0],
        [0.1, 0.046, 0.023, -0.08, -0.605, 0.0],
        [0.1, 0.023, 0.023, 0.0, -0.605, 0.0],
        [0.1, 0.023, 0.046, 0.06, -0.605, 0.0],
    ]
)
_NOISE = 0.05


def phantoms(options: SliceOptions) -> SignalClass:
    """Modified Shepp-Logan phantoms with N(0, 0.05²) added to every entry of their table.

    float32 [n, n, 1], clipped to [0, 1]; splits of 2048, 64 and 256. Source: Tancik et al., CVPR
    2021, whose training set has as many. A larger resolution shows the same phantoms finer.
    """
    return generated("phantoms", options, _draw, SIZES)


def ellipses(table: np.ndarray, resolution: int) -> np.ndarray:
    """The sum of ellipses at the points linspace(−1, 1, n)²: float64 [n, n], row 0 being y = 1.

    table: [k, 6] of grey, semi-axes a and b, centre x and y, angle in radians from the x axis to
        a, counter-clockwise. Borders belong to the ellipse; the signs of a and b do not matter.
    """
    axis = np.linspace(-1, 1, resolution)
    x, y = axis[None, :], -axis[:, None]
    image = np.zeros((resolution, resolution))
    for grey, a, b, x0, y0, angle in table:
        along = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
        across = (y - y0) * np.cos(angle) - (x - x0) * np.sin(angle)
        # Multiplied out: noise may make a semi-axis as small as it likes.
        image += grey * ((along * b) ** 2 + (across * a) ** 2 <= (a * b) ** 2)
    return image


def _draw(rng, resolution):
    noise = _NOISE * rng.standard_normal(MODIFIED_SHEPP_LOGAN.shape)
    image = ellipses(MODIFIED_SHEPP_LOGAN + noise, resolution)
    return np.clip(image, 0, 1)[..., None].astype(np.float32)
