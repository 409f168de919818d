"""Any folder of pictures as a class of signals."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from absl import logging

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.folders import below
from metainr.media.images.pictures import SUFFIXES, read_image
from metainr.media.images.resizing import to_square
from metainr.signals.access import SPLITS, labelled_by_folder, of_files
from metainr.signals.copies import without_copies
from metainr.signals.images.options import ImageOptions
from metainr.signals.images.twins import thumbnail, warn_of_twins
from metainr.signals.own_files import split_paths, tell_unread
from metainr.types import SignalClass

_SMALLEST_SIDE = 2
_SHOWN = 5


def folder(options: ImageOptions) -> SignalClass:
    """The pictures in `options.image_folder` and the folders below it, cut to centred squares.

    Splits are 80/10/10 % of a shuffle that depends on the seed and the relative paths. Pictures are
    read when they are asked for; damaged ones, those with a side below 2 pixels and copies are
    found at construction and left out, with warnings; another tells of pictures that are nearly
    those of another split. The label of a picture is the folder that it lies in, by its path below
    that of all; those that lie there have none. Raises UserError if fewer than 3 remain.
    """
    if not options.image_folder:
        raise UserError(
            "signal class 'folder' needs a folder of pictures; give ", Option("image_folder")
        )
    root = expanded(options.image_folder)
    names = picture_paths(root)
    originals = without_copies(root, [root / name for name in names])
    thumbnails = _good(root, [path.relative_to(root).as_posix() for path in originals])
    splits = split_paths(list(thumbnails), options.seed)
    warn_of_twins(splits, thumbnails)

    def read(split, index):
        return to_square(read_image(root / splits[split][index]), options.resolution)

    return labelled_by_folder(of_files(options, splits, read))


def picture_paths(root: Path) -> list[str]:
    """Relative paths of all files under `root` that are named like pictures, sorted.

    Raises UserError if `root` is no folder, or holds none.
    """
    if not root.exists():
        raise UserError(
            f"image folder {root} does not exist; give ", Option("image_folder"), " another one"
        )
    if not root.is_dir():
        raise UserError(
            f"image folder {root} is a file; give ", Option("image_folder"), " the folder it is in"
        )
    pictures = below(root, lambda x: x.suffix.lower() in SUFFIXES and not x.is_dir())
    if not pictures:
        count = len(below(root, Path.is_file))
        raise UserError(
            f"image folder {root} has no pictures among its {count} files; "
            "put PNG, JPEG, WebP, TIFF or BMP files there"
        )
    tell_unread(root, "pictures")
    return [path.relative_to(root).as_posix() for path in pictures]


def _good(root, names):
    """Thumbnails of the pictures that can be read, by name; warns once of the others."""
    # Decoding releases the interpreter's lock, so that threads do use the cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(names, pool.map(lambda name: _thumbnail(root / name), names)))
    good = {name: small for name, small in found.items() if small is not None}
    bad = [name for name, small in found.items() if small is None]
    shown = ", ".join(bad[:_SHOWN]) + (", …" if len(bad) > _SHOWN else "")
    if len(good) < len(SPLITS):
        damaged = f" and {len(bad)} unreadable or too small ({shown})" if bad else ""
        raise UserError(
            f"image folder {root} has {len(good)} good pictures{damaged}; "
            "training, validation and test need at least one each: add pictures"
        )
    if bad:
        logging.warning("%s: skipped %d unreadable or tiny pictures: %s", root, len(bad), shown)
    return good


def _thumbnail(path):
    """That of a picture; None if it cannot be decoded or has a side below 2 pixels."""
    try:
        image = read_image(path)
    except UserError:
        return None
    return thumbnail(image) if min(image.shape[:2]) >= _SMALLEST_SIDE else None
