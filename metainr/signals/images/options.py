"""What can be said of any class of images, and of any picture alone."""

from typing import NamedTuple


class ImageOptions(NamedTuple):
    """The size and origin of the images; each class reads those that concern it.

    resolution: side of the square images in pixels, at least 2.
    seed: of the generated classes and of a folder's split; other seeds give other signals.
    image_folder: where the pictures of the class `folder` lie.
    data_dir: where TFDS keeps its prepared data sets; None stands for its default folder.
    """

    resolution: int
    seed: int = 0
    image_folder: str | None = None
    data_dir: str | None = None


class PictureOptions(NamedTuple):
    """Which grey pictures the one signal is made of; each class reads those that concern it.

    resolution: side of the square pictures in pixels, at least 2.
    seed: 0 or more, as everywhere; nothing is random here.
    num: pictures of the class `camera`, 1 or 2.
    files: the pictures of the class `image`.
    """

    resolution: int
    seed: int = 0
    num: int = 1
    files: tuple[str, ...] = ()
