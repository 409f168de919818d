"""Images cut and scaled to squares."""

import numpy as np


def to_square(image: np.ndarray, resolution: int) -> np.ndarray:
    """Scales the short side to `resolution` and crops the centre: [h, w, 3] -> [n, n, 3]."""
    height, width = image.shape[:2]
    side = min(height, width)
    # Whole pixels, so that a picture that needs no scaling is only cut.
    return resize(image, (height - side) // 2, (width - side) // 2, side, resolution)


def resize(
    image: np.ndarray,
    top: float,
    left: float,
    side: float,
    resolution: int,
    width: float | None = None,
) -> np.ndarray:
    """Scales a part of an image to a square: float32 [h, w, c] -> float32 [n, n, c].

    Averages with a triangle that spans two pixels of the result (of the image, if it is enlarged):
    this neither aliases nor leaves the range of the values.

    Args:
        image: values of any range.
        top, left, side: the part, in pixels of the image; they need not be whole.
        resolution: side n of the result in pixels.
        width: of the part, where pixels are not square; None: as high as it is, `side`.
    """
    from PIL import Image

    box = (left, top, left + (side if width is None else width), top + side)
    channels = [
        Image.fromarray(np.ascontiguousarray(image[..., channel], np.float32)).resize(
            (resolution, resolution), Image.Resampling.BILINEAR, box
        )
        for channel in range(image.shape[-1])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
