"""Waves of one frequency about a source, in a square whose border absorbs them."""

import functools

import jax.numpy as jnp
import numpy as np

from experiments.config import RunOptions
from experiments.pde.equation import LINE, Equation, red_blue
from experiments.pde.waves_flags import WaveOptions
from metainr.evaluation.helmholtz_reference import amplitude, helmholtz_reference, num_cells
from metainr.measurements.equations import helmholtz
from metainr.objectives import squared_error
from metainr.objectives.equations import with_source
from metainr.types import Term

LAYER = 0.5  # width of the absorbing layer
_FARTHEST = 0.4
_CAPTION = (
    "The real part of u, y downwards: red above 0, blue below, fullest at the reference's largest; "
    "the imaginary part is not shown. Inside the grey line, where no layer absorbs, errors are "
    "measured."
)


def equation(run: RunOptions, own: WaveOptions) -> Equation:
    """The Helmholtz equation that the flags describe, on [−1, 1]² with a layer 0.5 wide.

    The loss is the mean of |k⁻² (L u + f)|², see `metainr.measurements.equations.helmholtz`. The
    published one sums absolute values, with a weight on the source made for one that is a point;
    wide sources need none, and squares let Adam come to rest. Solutions are held against finite
    differences inside the layer, where the equation is that of free space.
    """
    wavenumber, width, size = own.wavenumber, own.source_width, run.resolution
    cells = num_cells(wavenumber, width, size - 1)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), -1)
    inside = np.flatnonzero(np.abs(axis) <= 1 - LAYER)
    free = slice(inside[0], inside[-1] + 1) if len(inside) else slice(0)

    # Made for all sources once, when the first is asked for.
    @functools.cache
    def reference():
        every = cells // (size - 1)
        return helmholtz_reference(wavenumber, width, cells, LAYER, every=every)

    def solve(position):
        solution = reference()(position)
        return np.stack([solution.real, solution.imag], -1)

    def picture(solution, true):
        """The real part, and a line where the layer begins."""
        frame = np.zeros((size, size, 1), bool)
        frame[free, free] = True
        frame[free, free][1:-1, 1:-1] = False
        scale = jnp.max(jnp.abs(true[..., 0]))
        return jnp.where(frame, LINE, red_blue(solution[..., 0] / scale))

    # In units of u, as the measurement's predictions are.
    draw = with_source(run.inner_points, width, amplitude(width) / wavenumber**2)
    term = Term(draw, helmholtz(wavenumber, LAYER), squared_error)
    return Equation(
        objective=lambda growth: (term,),
        low=(-1.0, -1.0),
        high=(1.0, 1.0),
        channels=2,
        grid=grid,
        axes={"y": axis, "x": axis},
        solve=solve,
        compared=lambda solution: solution[free, free],
        picture=picture,
        caption=_CAPTION,
        values=lambda solution: solution[..., 0] + 1j * solution[..., 1],
        farthest=_FARTHEST,
    )
