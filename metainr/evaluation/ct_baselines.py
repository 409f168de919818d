"""What classical CT makes of a sinogram: filtered back-projection and SART, by scikit-image.

Both take projections as `metainr.measurements.project` gives them: angles [v] in radians, values
[v, d] that are means along rays as long as the image's side, on detectors [d] in such sides.
"""

import numpy as np

from metainr.errors import UserError


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
    views = []
    for view, places in zip(sinogram, wanted):
        spline = make_interp_spline(detectors, view, k=min(3, num - 1))
        views.append(np.nan_to_num(spline(places, extrapolate=False)))
    return np.stack(views) * size
