"""Helmholtz problems solved by finite differences, to hold fields against.

The equation, with its layer, is that of `metainr.measurements.equations.helmholtz`, and u = 0 on
the border of [−1, 1]².
"""

from collections.abc import Callable

import numpy as np

from metainr.errors import Option, UserError

_PHASE = 0.005  # radians by which a wave may be late after a unit of length
_LAYER = 0.5
_CELLS_PER_WIDTH = 5
_WIDEST = (1 - _LAYER) / 4  # four standard deviations to each side fit between the layers
_FEWEST, _MOST = 200, 600  # cells along a side
STRENGTH = 4.0


def amplitude(width: float) -> float:
    """Of f in L u = −f = −amplitude · exp(−r² / (2 σ²)), whose integral is 4.

    Far from its source u is then −i H₀⁽²⁾(k r) exp(−(k σ)² / 2), of the order of 1.
    """
    return STRENGTH / (2 * np.pi * width**2)


def num_cells(wavenumber: float, width: float, multiple: int = 1) -> int:
    """Cells along a side that solve a problem well: of second order, 0.5 % off in phase per length.

    The least such multiple of `multiple`.

    Raises UserError for a wavenumber or a width of the source that would take too many, and
    for a source too wide to lie between the layers.
    """
    # A grid of spacing h has the wavenumber k (1 + k² h² / 24).
    largest = (24 * _PHASE * (_MOST / 2) ** 2) ** (1 / 3)
    if not 0 < wavenumber <= largest:
        raise UserError(
            Option("wavenumber", f"{wavenumber:g}"),
            f" cannot be checked: the reference's finest grid has {_MOST}x{_MOST} cells; "
            f"give one above 0, at most {largest:.3g}",
        )
    smallest = 2 * _CELLS_PER_WIDTH / _MOST
    if not smallest <= width <= _WIDEST:
        raise UserError(
            Option("source_width", f"{width:g}"),
            f" cannot be checked: the reference has at most {_MOST}x{_MOST} cells, and absorbing "
            "layers between which a source must fit; give one from "
            f"{smallest:.2g} to {_WIDEST:g}",
        )
    spacing = min((24 * _PHASE / wavenumber**3) ** 0.5, width / _CELLS_PER_WIDTH)
    return multiple * int(np.ceil(max(_FEWEST, 2 / spacing) / multiple))


def helmholtz_reference(
    wavenumber: float,
    width: float,
    cells: int,
    layer: float = _LAYER,
    absorption: float = 5.0,
    every: int = 1,
) -> Callable[[np.ndarray], np.ndarray]:
    """Factorises the problem once: position [2] of a source -> u, complex128 [n, n].

    u[j, i] lies at x = −1 + 2 i / (n − 1), y = −1 + 2 j / (n − 1), n = cells / every + 1.
    Differences are central, of second order, with the layer's coefficients half-way between points.
    Divided by e_x e_y they are

        B U + U Bᵀ + k² U = −F / (e eᵀ),    (B u)_i = (u' at i + ½ / e − u' at i − ½ / e) / (h e_i),

    which the eigenvectors of B, one axis' matrix, take apart: a solution is two products.

    Args:
        wavenumber: k, radians per unit of length.
        width: σ of the source; see `amplitude`.
        cells: along a side.
        layer: width of the absorbing layer.
        absorption: a of the layer.
        every: keep one in so many points along an axis, which divides the cells.
    """
    axis = np.linspace(-1, 1, cells + 1)[1:-1]
    spacing = 2 / cells

    def stretch(x):
        return 1 - 1j * absorption * (np.maximum(np.abs(x) - 1 + layer, 0) / layer) ** 2

    after, before = 1 / stretch(axis + spacing / 2), 1 / stretch(axis - spacing / 2)
    differences = np.diag(before[1:], -1) + np.diag(after[:-1], 1) - np.diag(before + after)
    squares, modes = np.linalg.eig(differences / (spacing**2 * stretch(axis)[:, None]))
    to_modes = np.linalg.inv(modes)
    shown = np.pad(modes, ((1, 1), (0, 0)))[::every]  # u = 0 on the border
    divisor = squares[:, None] + squares + wavenumber**2

    def solution(position: np.ndarray) -> np.ndarray:
        x, y = (np.exp(-((axis - p) ** 2) / (2 * width**2)) for p in np.asarray(position, float))
        y, x = (to_modes @ (pulse / stretch(axis)) for pulse in (y, x))
        return shown @ (-amplitude(width) * np.outer(y, x) / divisor) @ shown.T

    return solution
