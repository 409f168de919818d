"""A pulse that spreads: the wave equation in the plane, over a window of time."""

import jax.numpy as jnp
import numpy as np

from experiments.config import RunOptions
from experiments.media.sheets import chosen_frames, sheet
from experiments.pde.equation import LINE, Equation, red_blue
from experiments.pde.waves_flags import WaveOptions
from metainr.evaluation.wave_reference import check_wave, wave_reference
from metainr.measurements import value
from metainr.measurements.equations import value_and_rate, wave
from metainr.objectives import squared_error
from metainr.objectives.equations import at_border, at_start, in_window
from metainr.types import Term

DURATION = 0.4
_FARTHEST = 0.25  # so that waves hardly reach the border within the window
_TIMES = np.linspace(0, DURATION, 9, dtype=np.float32)
_SHOWN = _TIMES[chosen_frames(len(_TIMES))]
_CAPTION = (
    f"u at t = {', '.join(f'{t:.2g}' for t in _SHOWN)}, row by row, y downwards: red above 0, blue "
    "below, fullest from half the reference's largest."
)
_CONDITIONS = 10.0  # weight of what says which solution is meant
_SHARE = 0.25  # of points that see the start, and of those that see the border


def equation(run: RunOptions, own: WaveOptions) -> Equation:
    """u_tt = Δu for t in [0, 0.4] on [−1, 1]², from a Gaussian pulse of height 1 at rest.

    The loss is the mean of (T² (u_tt − Δu))² and ten times that of (u − u₀)² and (σ u_t)² at t = 0,
    and of u² on the border, or waves could come in there: all in units of u, a residual's being
    what it adds to u within the window's length T. Solutions are held against those in the whole
    plane.
    """
    width, size, num_points = own.source_width, run.resolution, run.inner_points
    check_wave(width, DURATION, _FARTHEST)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    t, y, x = np.meshgrid(_TIMES, axis, axis, indexing="ij")
    few = int(_SHARE * num_points)
    start = Term(at_start(few, width), value_and_rate(width), squared_error, _CONDITIONS)
    border = Term(at_border(few, DURATION), value(), squared_error, _CONDITIONS)

    def objective(growth):
        draw = in_window(num_points - 2 * few, DURATION, growth)
        return Term(draw, wave(length=DURATION), squared_error), start, border

    def picture(solution, true):
        """Four instants; colours are full at half the height, as pulses soon fall."""
        scale = 0.5 * jnp.max(jnp.abs(true))
        return sheet(red_blue(solution[..., 0] / scale), LINE)

    return Equation(
        objective=objective,
        low=(0.0, -1.0, -1.0),
        high=(DURATION, 1.0, 1.0),
        channels=1,
        grid=np.stack([t, x, y], -1),
        axes={"t": _TIMES, "y": axis, "x": axis},
        solve=lambda position: wave_reference(position, width, _TIMES, size)[..., None],
        compared=lambda solution: solution,
        picture=picture,
        caption=_CAPTION,
        values=lambda solution: solution[..., 0],
        farthest=_FARTHEST,
    )
