"""Photographs prepared by TensorFlow Datasets (TFDS), read without TensorFlow.

Sources: CelebA, Liu et al., ICCV 2015, https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html;
Imagenette, https://github.com/fastai/imagenette.
"""

import io
import re

import numpy as np

from metainr.errors import UserError
from metainr.files import expanded
from metainr.media.images.pictures import read_image
from metainr.media.images.resizing import to_square
from metainr.signals.access import SPLITS, random_access
from metainr.signals.images.options import ImageOptions
from metainr.types import SignalClass

# Cuts the middle 178×178 of CelebA's aligned faces, 218 rows by 178 columns.
_CELEBA_ROWS = slice(20, 198)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def celeba(options: ImageOptions) -> SignalClass:
    """Aligned faces: the middle 178×178 of CelebA's images, scaled unless the resolution is 178.

    Reads TFDS' `celeb_a` with its own splits, in the newest version that is prepared. Raises
    UserError, with the command that prepares it, if there is none.
    """
    builder = _builder("celeb_a", options.data_dir)
    sources = {name: _encoded(builder, name) for name in SPLITS}

    def read(split, index):
        face = _decoded(sources[split], index)[_CELEBA_ROWS]
        return to_square(face, options.resolution)

    return random_access(options, {name: len(source) for name, source in sources.items()}, read)


def imagenette(options: ImageOptions) -> SignalClass:
    """Photographs of ten kinds of things: the short side scaled to the resolution, centre crop.

    Reads TFDS' `imagenette/320px-v2`. It has no test split: a shuffle that is the same for every
    seed parts its validation split in two. Raises UserError, with the command that prepares it, if
    it is not there.
    """
    builder = _builder("imagenette/320px-v2", options.data_dir)
    train, held_out = _encoded(builder, "train"), _encoded(builder, "validation")
    # Shuffled, because records may lie sorted by class; without the seed, so that numbers of runs
    # with other seeds stay comparable.
    order = np.random.default_rng(0).permutation(len(held_out))
    half = len(order) // 2
    rows = {"train": range(len(train)), "validation": order[:half], "test": order[half:]}

    def read(split, index):
        source = train if split == "train" else held_out
        return to_square(_decoded(source, int(rows[split][index])), options.resolution)

    return random_access(options, {name: len(row) for name, row in rows.items()}, read)


def _builder(name, data_dir):
    """Opens the newest version of a data set that is prepared as array_record."""
    tfds = _tfds()
    # Its type checkers do not see what it imports when asked.
    default = tfds.core.constants.DATA_DIR  # pyright: ignore[reportAttributeAccessIssue]
    root = expanded(data_dir or default)
    folders = [path for path in (root / name).glob("*") if _VERSION.fullmatch(path.name)]
    versions = sorted(folders, key=lambda path: [int(part) for part in path.name.split(".")])
    for path in reversed(versions):
        if any(path.glob("*.array_record*")):
            return tfds.builder_from_directory(path, file_format="array_record")
    if versions:
        found = (
            f"{versions[-1]} has no array_record files and other formats need TensorFlow; "
            "delete that folder or give another data_dir, "
        )
    else:
        found = f"it is not in {root}; "
    raise UserError(
        f"data set {name!r} is not prepared as array_record: {found}"
        f"install metainr[tf] and run: {preparation(name, str(root))}"
    )


def preparation(name: str, data_dir: str) -> str:
    """The shell command that downloads a TFDS data set into `data_dir` and prepares it."""
    return (
        'python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder({name!r}, data_dir={data_dir!r}, file_format='array_record')"
        '.download_and_prepare()"'
    )


def _encoded(builder, split):
    """The split's records by index, their pictures left as the bytes of files."""
    decoders = {"image": _tfds().decode.SkipDecoding()}
    return builder.as_data_source(split=split, decoders=decoders)


def _decoded(source, index):
    # TFDS would decode with whichever library it finds; Pillow gives the same bits everywhere.
    return read_image(io.BytesIO(source[index]["image"]))


def _tfds():
    try:
        import array_record  # noqa: F401
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            f"reading TFDS data sets needs a missing library ({error.name}); "
            "run: pip install tensorflow-datasets array_record"
        ) from error
    return tensorflow_datasets
