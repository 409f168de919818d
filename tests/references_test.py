"""Solutions by other means than fields, against closed forms."""

import numpy as np
import pytest
from scipy import sparse
from scipy.integrate import quad
from scipy.sparse.linalg import spsolve
from scipy.special import hankel2, j0

from metainr.errors import UserError
from metainr.evaluation.helmholtz_reference import amplitude, helmholtz_reference, num_cells
from metainr.evaluation.wave_reference import check_wave, wave_reference

POSITION = np.array([0.1, -0.06])


def _distances(cells, position=POSITION):
    axis = np.linspace(-1, 1, cells + 1)
    x, y = np.meshgrid(axis, axis)
    r = np.hypot(x - position[0], y - position[1])
    return r, (np.abs(x) <= 0.5) & (np.abs(y) <= 0.5)


@pytest.mark.parametrize("wavenumber, width", [(10.0, 0.05), (6.0, 0.05), (14.0, 0.03)])
def test_helmholtz_against_hankel_functions(wavenumber, width):
    """Away from a Gaussian source u is that of a point, weaker by exp(−(k σ)² / 2)."""
    cells = num_cells(wavenumber, width)
    u = helmholtz_reference(wavenumber, width, cells)(POSITION)
    r, inside = _distances(cells)
    away = inside & (r > 5 * width)
    fade = np.exp(-((wavenumber * width) ** 2) / 2)
    exact = -1j * hankel2(0, wavenumber * r[away]) * fade
    assert np.linalg.norm(u[away] - exact) < 0.005 * np.linalg.norm(exact)
    assert np.abs(u[0]).max() == 0 and np.abs(u[2]).max() < 0.02  # of the border and beside it


def test_helmholtz_against_a_sparse_solver():
    """The same differences as one matrix, by elimination."""
    k, width, cells, layer, absorption = 5.0, 0.1, 40, 0.4, 3.0
    h, size = 2 / cells, cells - 1
    e = lambda x: 1 - 1j * absorption * (max(abs(x) - 1 + layer, 0) / layer) ** 2  # noqa: E731
    matrix = sparse.lil_matrix((size**2, size**2), dtype=complex)
    source = np.zeros(size**2, complex)
    for j in range(size):
        for i in range(size):
            x, y, row = -1 + (i + 1) * h, -1 + (j + 1) * h, j * size + i
            r2 = (x - POSITION[0]) ** 2 + (y - POSITION[1]) ** 2
            source[row] = -amplitude(width) * np.exp(-r2 / (2 * width**2))
            matrix[row, row] += e(x) * e(y) * k**2
            neighbours = ((1, 0, e(y) / e(x + h / 2)), (-1, 0, e(y) / e(x - h / 2)))
            neighbours += ((0, 1, e(x) / e(y + h / 2)), (0, -1, e(x) / e(y - h / 2)))
            for right, down, weight in neighbours:
                matrix[row, row] -= weight / h**2
                if 0 <= i + right < size and 0 <= j + down < size:
                    matrix[row, row + down * size + right] += weight / h**2
    expected = spsolve(matrix.tocsc(), source).reshape(size, size)
    found = helmholtz_reference(k, width, cells, layer, absorption)(POSITION)
    np.testing.assert_allclose(found[1:-1, 1:-1], expected, rtol=1e-8, atol=1e-10)
    coarse = helmholtz_reference(k, width, cells, layer, absorption, every=4)(POSITION)
    np.testing.assert_allclose(coarse, found[::4, ::4], atol=1e-12)


@pytest.mark.parametrize("width, close", [(0.125, True), (0.25, False)])
def test_sources_that_fit_between_the_layers_do_not_notice_them(width, close):
    """The same problem about a source in the corner, with the layers twice as far away."""
    position, wavenumber, cells = np.array([0.4, 0.4]), 6.0, 120
    found = helmholtz_reference(wavenumber, width, cells)(position)
    larger = helmholtz_reference(2 * wavenumber, width / 2, 2 * cells, 0.25, 10.0)(position / 2)
    half = cells // 4
    inside, outer = slice(half, 3 * half + 1), slice(3 * half, 5 * half + 1)
    expected = larger[outer, outer]
    distance = np.linalg.norm(found[inside, inside] - expected) / np.linalg.norm(expected)
    assert (distance < 0.03) == close


def test_grids_are_as_fine_as_the_waves_ask():
    assert num_cells(10, 0.05) == 200 and num_cells(10, 0.05, 63) == 252
    assert num_cells(20, 0.05) > 500 and num_cells(10, 0.125) == 200
    with pytest.raises(UserError, match="wavenumber=30 cannot be checked.* at most 22.1"):
        num_cells(30, 0.05)
    for width in (0.001, 0.126, 5.0, float("nan")):
        expected = f"source_width={width:g} cannot be checked.* from 0.017 to 0.125"
        with pytest.raises(UserError, match=expected):
            num_cells(10, width)
    with pytest.raises(UserError, match="give one above 0"):
        num_cells(0, 0.05)


def test_the_wave_equation_against_its_radial_solution():
    """u(r, t) = σ² ∫ exp(−(s σ)² / 2) J₀(s r) cos(s t) s ds."""
    width, times, side = 0.1, (0.0, 0.15, 0.4), 21
    found = wave_reference(POSITION, width, times, side)
    r, _ = _distances(side - 1)

    def radial(distance, time):
        def mode(s):
            return width**2 * np.exp(-((s * width) ** 2) / 2) * j0(s * distance) * np.cos(s * time)

        return quad(lambda s: s * mode(s), 0, 80, limit=400)[0]

    for i, time in enumerate(times):
        for row, column in ((10, 11), (10, 15), (4, 12), (18, 2)):
            assert found[i, row, column] == pytest.approx(radial(r[row, column], time), abs=1e-6)


@pytest.mark.parametrize("side", [8, 21, 64, 100, 128])
def test_the_wave_begins_as_the_pulse(side):
    width, position = 0.1, np.array([0.2, -0.1])
    x, y = np.meshgrid(*[np.linspace(-1, 1, side) - p for p in position])
    (found,) = wave_reference(position, width, [0.0], side)
    np.testing.assert_allclose(found, np.exp(-(x**2 + y**2) / (2 * width**2)), atol=1e-9)


def test_a_wide_pulse_follows_dalembert_along_the_other_axis():
    """The sum of pulses along a line moves as one dimension does: half to each side."""
    width, time, side = 0.1, 0.3, 65
    positions = [np.array([0.0, y]) for y in np.linspace(-0.5, 0.5, 41)]
    summed = sum(wave_reference(p, width, [time], side)[0] for p in positions)
    total = sum(wave_reference(p, width, [0.0], side)[0] for p in positions)[side // 2, side // 2]
    x = np.linspace(-1, 1, side)
    pulse = lambda s: np.exp(-(s**2) / (2 * width**2))  # noqa: E731
    expected = total * (pulse(x - time) + pulse(x + time)) / 2
    np.testing.assert_allclose(summed[side // 2], expected, atol=0.03 * total)


def test_pulses_that_cannot_be_checked():
    check_wave(0.1, 0.4, 0.25)
    for width in (0.001, 0.6):
        with pytest.raises(UserError, match=f"source_width={width} cannot be checked"):
            check_wave(width, 0.4, 0.25)
