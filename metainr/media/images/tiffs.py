"""Pages of TIFF files as they store them, of every depth and sign."""

import itertools
import os
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.media.images.colour_notes import tell_adobe
from metainr.media.images.tiff_levels import WHOLE, check_bits, check_decodable
from metainr.media.images.tiff_planes import check_planes
from metainr.media.opening import check_claim

_DEEPEST = 1100  # bytes that deflate and LZW make of one at most
_LARGE = 2**27  # values
_ORIENTATION, _PROFILE, _EXIF = 274, 34675, 34665  # tags
EXTRA_SAMPLES, UNSPECIFIED = 338, 0  # the tag of channels besides colours, and one of its values
_BESIDE = 1 | 4  # what a page's kind says of one that is a preview or a mask
_NOTHING = 42113  # GDAL's tag
_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class Page(NamedTuple):
    """One picture of a file.

    values: [h, w, s] of the file's own type, s samples a pixel, the last one alpha if it has that;
        one that is not said to be alpha is left out.
    bits: of a sample.
    inverted: whether 0 is white.
    premultiplied: whether the colours are those on black, already multiplied by alpha.
    orientation: EXIF's number of it, 1 if the rows are stored from top to bottom.
    profile: ICC's, of the colours.
    resolution: pixels a length along x and y; (1, 1) if it is not told.
    """

    values: np.ndarray
    bits: int
    inverted: bool
    has_alpha: bool
    premultiplied: bool
    orientation: int
    profile: bytes | None
    resolution: tuple[float, float]


def is_tiff(path: str | Path | BinaryIO) -> bool:
    """Whether a file begins as a TIFF does."""
    if isinstance(path, str | Path):
        with open(path, "rb") as file:
            return file.read(4) in _STARTS
    start = path.read(4)
    path.seek(-len(start), os.SEEK_CUR)
    return start in _STARTS


def stored_size(path: str | Path | BinaryIO) -> tuple[int, int]:
    """(rows, columns) of the first page. Raises what tifffile does for a damaged file."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = _pictures(file, 1)[0]
        return page.imagelength, page.imagewidth


def read_pages(path: str | Path | BinaryIO, most: int | None = None) -> list[Page] | None:
    """The first `most` pages of a TIFF; None if it stores them in a way that Pillow has to decode.

    Those are compressed ones but for deflate, colours other than grey and RGB, and values of 2, 4
    or 12 bits. Pages that are called previews or masks do not count. Raises UserError for levels
    that neither decodes, if such pages stand beside what Pillow has to decode, if the file holds
    less than it claims, or more than its pages when all of them are wanted, and what tifffile
    raises for other damage.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        pages = _pictures(file, most)
        if most is None:
            check_planes(path, file)
        for page in pages:
            check_bits(path, page)
        if not all(map(_is_plain, pages)):
            for page in pages:
                check_decodable(path, page)
            if [page.index for page in pages] != list(range(len(file.pages[:most]))):
                raise UserError(
                    f"{path} holds previews or masks beside a picture that is compressed or "
                    "coloured in a way that is not read so; save the picture alone"
                )
            return None
        _check_claim(path, pages, file.filehandle.size)
        return [_read(page) for page in pages]


def meaning(path: str | Path) -> tuple[float | None, bool]:
    """The value that stands for nothing, as GDAL writes it; whether ImageJ maps levels to values.

    Raises what tifffile does for a damaged file.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags.get(_NOTHING)  # pyright: ignore[reportAttributeAccessIssue]
        nothing = _number(str(tag.value).strip(" \0")) if tag else None
        is_mapped = file.is_imagej and "c1" in (file.imagej_metadata or {})
        return nothing, is_mapped


def _number(text):
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"its GDAL_NODATA is {text!r}, which is no number") from error


def _pictures(file, most):
    """The first pages that are neither previews nor masks of others; all if there are no such."""
    found = itertools.islice((x for x in file.pages if not x.subfiletype & _BESIDE), most)
    return list(found) or file.pages[:most]


def _is_plain(page):
    import tifffile

    compressions = (
        tifffile.COMPRESSION.NONE,
        tifffile.COMPRESSION.ADOBE_DEFLATE,
        tifffile.COMPRESSION.DEFLATE,
    )
    colours = (
        tifffile.PHOTOMETRIC.MINISBLACK,
        tifffile.PHOTOMETRIC.MINISWHITE,
        tifffile.PHOTOMETRIC.RGB,
    )
    flat = page.imagedepth == 1 and page.predictor in (1, 2) and page.bitspersample in WHOLE
    return flat and page.compression in compressions and page.photometric in colours


def _check_claim(path, pages, size):
    # Of all pages: many may claim the same bytes.
    stored = sum(sum(page.databytecounts) for page in pages)
    claimed = sum(page.nbytes for page in pages)
    if stored > size or claimed > _DEEPEST * max(stored, 1):
        raise UserError(
            f"cannot read {path}: it claims {claimed} bytes of pixels, of which {size} bytes of "
            "file can hold few; give the whole file"
        )
    check_claim((sum(page.size for page in pages),), size, _LARGE)


def _read(page):
    import tifffile

    values = page.asarray()
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    values = values[..., None] if values.ndim == 2 else values
    colours = 3 if page.photometric == tifffile.PHOTOMETRIC.RGB else 1
    extra = page.extrasamples or (UNSPECIFIED,) * (page.samplesperpixel - colours)
    if extra == (UNSPECIFIED,):
        tell_unspecified(page.parent.filename)
        values = values[..., :-1]
    tags = page.tags
    if _EXIF in tags:
        tell_adobe(_exif(page), _PROFILE in tags, page.parent.filename)
    return Page(
        values,
        int(page.bitspersample),
        page.photometric == tifffile.PHOTOMETRIC.MINISWHITE,
        len(extra) == 1 and extra != (UNSPECIFIED,),
        extra == (tifffile.EXTRASAMPLE.ASSOCALPHA,),
        int(tags[_ORIENTATION].value) if _ORIENTATION in tags else 1,
        tags[_PROFILE].value if _PROFILE in tags else None,
        page.get_resolution(),
    )


def _exif(page):
    """A page's EXIF as Pillow reads it, whose further folders tifffile does not follow."""
    from PIL import Image

    exif = Image.Exif()
    exif.endian, exif.bigtiff = page.parent.byteorder, page.parent.is_bigtiff
    exif.load_from_fp(page.parent.filehandle, page.offset)
    return exif


def tell_unspecified(name: object) -> None:
    """Warns that a picture's last channel is not used."""
    logging.log_first_n(
        logging.WARNING,
        "picture %s has a channel besides its colours that is not said to be alpha: it is left out "
        "(others alike are not told)",
        1,
        name,
    )
