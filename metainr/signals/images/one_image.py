"""Grey pictures on their own: a user's files or a photograph, as a class of one test signal."""

from collections.abc import Callable, Sequence

import numpy as np

from metainr.errors import Option, UserError
from metainr.media.images.pictures import read_image
from metainr.media.images.resizing import to_square
from metainr.signals.access import SPLITS, joined_names, of_one, random_access
from metainr.signals.images.options import PictureOptions
from metainr.signals.images.photos import photo
from metainr.types import SignalClass

CAMERA = ("camera.png", "astronaut.png")
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_SMALLEST_SIDE = 2


def grey(image: np.ndarray) -> np.ndarray:
    """The luminance 0.299 R + 0.587 G + 0.114 B of an image in [0, 1]: [h, w, 3] -> [h, w, 1]."""
    return np.clip(image @ _LUMINANCE, 0, 1)[..., None].astype(np.float32)


def grey_images(signal_class: SignalClass, num: int = 1) -> SignalClass:
    """The class's images in grey, each with the `num` − 1 that follow it: [h, w, num].

    The last ones of a split are followed by its first.
    """

    def get(split, index):
        size = signal_class.sizes[split]
        images = [signal_class.get(split, (index + i) % size if i else index) for i in range(num)]
        return np.concatenate([grey(image) for image in images], -1)

    def together(files):
        turned = [[*files[i:], *files[:i]] for i in range(num)]
        return [joined_names(some) for some in zip(*turned)]

    names = {split: together(files) for split, files in signal_class.names.items()}
    return SignalClass(signal_class.sizes, get, names, number=signal_class.number)


def image(options: PictureOptions) -> SignalClass:
    """One test signal made of all of `options.files`: grey centred squares [n, n, len(files)].

    Colours become luminance. Raises UserError if there is none, or one cannot be read or has a
    side below 2 pixels.
    """
    if not options.files:
        needed = Option("image", "FILE")
        raise UserError(Option("signal", "image"), " needs a picture; give ", needed)
    pictures = [_sized(read_image(path), path) for path in options.files]
    return of_one(options, options.files, _reader(options, pictures))


def camera(options: PictureOptions) -> SignalClass:
    """One test signal: the photograph of a man with a camera; `num` = 2: with an astronaut's.

    Grey squares [n, n, num]. Raises UserError if scikit-image lacks a picture.
    """
    pictures = [photo(name) for name in CAMERA[: options.num]]
    return random_access(options, dict(zip(SPLITS, (0, 0, 1))), _reader(options, pictures))


def _reader(
    options: PictureOptions, pictures: Sequence[np.ndarray]
) -> Callable[[str, int], np.ndarray]:
    def read(split, index):
        squares = [grey(to_square(picture, options.resolution)) for picture in pictures]
        return np.concatenate(squares, -1)

    return read


def _sized(image, path):
    if min(image.shape[:2]) < _SMALLEST_SIDE:
        raise UserError(
            f"picture {path} has sides {image.shape[0]} and {image.shape[1]}; give one of at least "
            f"{_SMALLEST_SIDE} pixels"
        )
    return image
