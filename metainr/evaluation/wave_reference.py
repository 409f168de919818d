"""The wave equation in free space, solved exactly mode by mode, to hold fields against."""

from collections.abc import Sequence

import numpy as np

from metainr.errors import Option, UserError

_CELLS_PER_WIDTH = 4
_NARROWEST = 0.02
_SIDE = 4.0  # of the periodic square that stands for the plane


def check_wave(width: float, duration: float, farthest: float, speed: float = 1.0) -> None:
    """Raises UserError if a pulse is too narrow for the reference, or would meet its own copies.

    Args:
        width: σ of the pulse.
        duration: until when it is looked at.
        farthest: largest |x| or |y| of where it starts.
        speed: c.
    """
    widest = (_SIDE - 1 - farthest - speed * duration) / 5
    if not _NARROWEST <= width <= widest:
        raise UserError(
            Option("source_width", f"{width:g}"),
            " cannot be checked by the reference, a grid on a square of "
            f"side {_SIDE:g}; give one from {_NARROWEST:g} to {widest:.2g}",
        )


def wave_reference(
    position: np.ndarray, width: float, times: Sequence[float], side: int, speed: float = 1.0
) -> np.ndarray:
    """u [times, side, side] on linspace(−1, 1, side)², rows y, columns x, float64, of

        u_tt = c² Δu,    u = exp(−|x − p|² / (2 σ²)) and u_t = 0 at t = 0,

    in the plane, for which a periodic square of side 4 stands: every Fourier mode of the pulse is
    multiplied by cos(c |k| t), which is exact but for what leaves the square (see `check_wave`).

    Args:
        position: p [2].
        width: σ.
        times: t ≥ 0.
        side: points along an axis, at least 2.
        speed: c.
    """
    finer = int(np.ceil(2 / (side - 1) * _CELLS_PER_WIDTH / width))
    finer += (side - 1) * finer % 2  # else no fine point lies on the border of [−1, 1]²
    spacing = 2 / ((side - 1) * finer)
    count = round(_SIDE / spacing)
    axis = -_SIDE / 2 + spacing * np.arange(count)
    x, y = (np.exp(-((axis - p) ** 2) / (2 * width**2)) for p in np.asarray(position, float))
    modes = np.fft.rfft2(np.outer(y, x))
    along = 2 * np.pi * np.fft.fftfreq(count, spacing)
    across = 2 * np.pi * np.fft.rfftfreq(count, spacing)
    frequencies = speed * np.hypot(along[:, None], across)
    seen = slice(count // 4, 3 * count // 4 + 1, finer)
    return np.stack(
        [
            np.fft.irfft2(modes * np.cos(frequencies * t), s=(count, count))[seen, seen]
            for t in times
        ]
    )
