"""Crops of the photographs that scikit-image carries: real pictures without a download."""

import functools
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.media.images.pictures import read_image
from metainr.media.images.resizing import resize
from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.images.options import ImageOptions
from metainr.types import SignalClass

# Whole photographs are held out; of a stereo pair, only one appears. Drawings, scanned pages and
# diagrams are left out.
PHOTOS = {
    "train": (
        *("astronaut.png", "brick.png", "camera.png", "grass.png", "gravel.png"),
        *("hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "retina.jpg"),
    ),
    "validation": ("coins.png", "rocket.jpg"),
    "test": ("chelsea.png", "coffee.png"),
}
_SCALES = (0.4, 1.0)
_LARGE = 1024


def photos(options: ImageOptions) -> SignalClass:
    """Random square crops, half of them mirrored, of photographs; every split has its own ones.

    A crop's side is uniform between 0.4 and 1 times the short side of its photograph. Grey
    photographs have three equal channels. Raises UserError if scikit-image lacks one of them.
    """
    return of_photos("photos", options, lambda rng, crop: crop)


def of_photos(
    name: str,
    options: ImageOptions,
    change: Callable[[np.random.Generator, np.ndarray], np.ndarray],
) -> SignalClass:
    """The class of all `change(rng, crop) -> float32 [n, n, 3]` of such crops [n, n, 3]."""
    for file in sum(PHOTOS.values(), ()):
        _file(file)

    def read(split, index):
        rng = generator(name, options.seed, split, index)
        image = photo(PHOTOS[split][rng.integers(len(PHOTOS[split]))])
        return change(rng, random_crop(rng, image, options.resolution))

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def random_crop(rng: np.random.Generator, image: np.ndarray, resolution: int) -> np.ndarray:
    """A random square part of an image [h, w, 3], maybe mirrored: float32 [n, n, 3]."""
    height, width = image.shape[:2]
    side = min(height, width) * rng.uniform(*_SCALES)
    top, left = rng.uniform(0, height - side), rng.uniform(0, width - side)
    crop = resize(image, top, left, side, resolution)
    return crop[:, ::-1].copy() if rng.random() < 0.5 else crop


@functools.cache
def photo(name: str) -> np.ndarray:
    """The photograph of that file name: float32 [h, w, 3] in [0, 1], read once and read-only.

    Those with a short side of 1024 pixels and more are halved, so that crops of them are as fast.
    """
    image = read_image(_file(name))
    if min(image.shape[:2]) >= _LARGE:
        height, width = (side // 2 * 2 for side in image.shape[:2])
        blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
        image = blocks.mean(axis=(1, 3))
    image.flags.writeable = False
    return image


def _file(name):
    """The path of a picture within scikit-image; its own loaders might download."""
    path = Path(str(resources.files("skimage"))) / "data" / name
    if not path.is_file():
        raise UserError(f"this scikit-image has no {name}; install scikit-image>=0.25")
    return path
