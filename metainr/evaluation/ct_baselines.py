"""What classical CT makes of a sinogram: filtered back-projection and SART, by scikit-image.

Both take projections as `metainr.measurements.project` gives them of parallel rays: angles [v] in
radians, values [v, d] that are means along rays as long as the image's side, on detectors [d] in
such sides. The views of a fan are rebinned to parallel ones first.
"""

import numpy as np

from metainr.errors import UserError

_WIDEST_GAP = np.deg2rad(6) + 1e-6  # between views that values are interpolated from
_ROUNDING = 1e-6  # of a side, by which a ray may seem to miss the outermost detector


def filtered_back_projection(
    angles: np.ndarray, sinogram: np.ndarray, size: int, detectors: np.ndarray | None = None
) -> np.ndarray:
    """Back-projection through a ramp filter: float32 [size, size], clipped to [0, 1].

    Args:
        angles: [v], any; their gaps are taken to be equal.
        sinogram: [v, d].
        size: n, at least 2.
        detectors: ascending positions [d]; None: d of them divide the side evenly.
    Zero outside the disc that touches the image's sides. Raises UserError if shapes do not fit.
    """
    from skimage.transform import iradon

    views = _resampled(angles, sinogram, size, detectors)
    image = iradon(views.T, np.rad2deg(angles), output_size=size, circle=True)
    return np.clip(image, 0, 1).astype(np.float32)


def sart(
    angles: np.ndarray,
    sinogram: np.ndarray,
    size: int,
    detectors: np.ndarray | None = None,
    *,
    iterations: int = 20,
) -> np.ndarray:
    """Simultaneous algebraic reconstruction: float32 [size, size] in [0, 1].

    Every iteration corrects the image, zero at first, by one view after the other (relaxation
    0.15), and clips it to [0, 1]. Arguments and errors are as in `filtered_back_projection`.
    Source: Andersen and Kak, Ultrasonic Imaging 1984.
    """
    from skimage.transform import iradon_sart

    views = _resampled(angles, sinogram, size, detectors)
    image = np.zeros((size, size))
    for _ in range(iterations):
        image = iradon_sart(views.T, np.rad2deg(angles), image=image, clip=(0, 1))
    return image.astype(np.float32)


def is_all_around(angles: np.ndarray) -> bool:
    """Whether views at angles [v] leave no gap above 6 degrees of a whole turn."""
    around = np.unique(np.mod(np.asarray(angles, np.float64), 2 * np.pi))
    return bool(np.diff(around, append=around[0] + 2 * np.pi).max() <= _WIDEST_GAP)


def rebinned(
    angles: np.ndarray, sinogram: np.ndarray, turns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Views of parallel rays, all around, from those of a fan: their angles [v], values [v, d].

    The ray at angle θ to a detector is in the view at θ minus the detector's turn; a periodic cubic
    spline over the views stands for it. The places of the detectors stay.

    Args:
        angles: [v], any.
        sinogram: [v, d].
        turns: [d] of the rays, as `metainr.measurements.Rays` has them.
    Raises UserError if the views are not all around.
    """
    from scipy.interpolate import CubicSpline

    if not is_all_around(angles):
        raise UserError(
            "views of a fan with gaps above 6 degrees make no parallel ones; give more of them, "
            "all around"
        )
    around, first = np.unique(np.mod(np.asarray(angles, np.float64), 2 * np.pi), return_index=True)
    closed = np.append(around, around[0] + 2 * np.pi)
    values = np.asarray(sinogram, np.float64)[np.append(first, first[0])]
    even = np.arange(len(around)) * 2 * np.pi / len(around)
    columns = [
        CubicSpline(closed, column, bc_type="periodic")(even - turn)
        for column, turn in zip(values.T, turns)
    ]
    return even, np.stack(columns, axis=1)


def _resampled(angles, sinogram, size, detectors):
    """The sinogram float64 [v, size] as scikit-image has it: sums over pixels, its own centre.

    Its images turn about pixel n // 2, ours about (n − 1) / 2: where these differ, by half a pixel
    on both axes, each view is moved by what the detector sees of that.
    """
    from scipy.interpolate import make_interp_spline

    angles, sinogram = np.asarray(angles, np.float64), np.asarray(sinogram, np.float64)
    if sinogram.shape[:1] != angles.shape or sinogram.ndim != 2:
        raise UserError(
            f"a sinogram of shape {sinogram.shape} does not fit {angles.shape} angles; "
            "give one row per view"
        )
    num = sinogram.shape[1]
    if detectors is None:
        detectors = (np.arange(num) - (num - 1) / 2) / num
    if np.shape(detectors) != (num,) or num < 2:
        raise UserError(
            f"{num} values per view do not fit {np.shape(detectors)} detectors; give at least 2"
        )
    half = size // 2 - (size - 1) / 2
    moved = half * (np.cos(angles) - np.sin(angles))
    wanted = (np.arange(size) - size // 2 + moved[:, None]) / size
    seen = np.clip(wanted, detectors[0], detectors[-1])
    wanted = np.where(np.abs(wanted - seen) < _ROUNDING, seen, wanted)
    views = []
    for view, places in zip(sinogram, wanted):
        spline = make_interp_spline(detectors, view, k=min(3, num - 1))
        views.append(np.nan_to_num(spline(places, extrapolate=False)))
    return np.stack(views) * size
