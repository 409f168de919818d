"""The flags of experiments on images: where these come from."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Maybe, Share


class ImageFiles(NamedTuple):
    """Where images come from.

    image_folder: pictures of a user's own.
    data_dir: where TFDS keeps what it prepared; None: its own folder.
    test_seen: share of the pixels that fits of tests see (`experiments.images.seen_flags`); None:
        all.
    """

    image_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    data_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    test_seen: Annotated[float | None, Maybe(Share("pixels"))] = None


IMAGE_FOLDER = define(ImageFiles, "image_folder", "pictures to learn from; sets --signal")
DATA_DIR = define(ImageFiles, "data_dir", "folder of prepared TFDS data; default: TFDS' own")

OWN = OwnFlags(task=(IMAGE_FOLDER,), place=(DATA_DIR,))
