"""Pages of TIFF files as they store them, of every depth and sign."""

import itertools
import os
import re
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.media.colour_notes import tell_adobe
from metainr.media.opening import check_claim

_DEEPEST = 1100  # bytes that deflate and LZW make of one at most
_LARGE = 2**27  # values
_ORIENTATION, _PROFILE, _EXIF = 274, 34675, 34665  # tags
EXTRA_SAMPLES, UNSPECIFIED = 338, 0  # the tag of channels besides colours, and one of its values
_WHOLE = (1, 8, 16, 32, 64)  # bits of values that are not packed across bytes, or simply
_BESIDE = 1 | 4  # what a page's kind says of one that is a preview or a mask
_OME_IMAGE, _OME_FILE = re.compile(r"<(?:\w+:)?Image\b"), re.compile(r'\bFileName="([^"]*)"')
_OME_PAGE = re.compile(r"<(?:\w+:)?TiffData\b([^>]*)>")
_OME_PLACE = re.compile(r'\b(First[CTZ]|IFD)="(\d{1,9})"')
_NOTHING = 42113  # GDAL's tag
_OME_SIZE = re.compile(r"\bSize([CTZ])=\"(\d{1,9})\"")
_LABS = (8, 9, 10)  # CIELAB in its three codings
_DARK = 256  # of 65536 levels; palettes that stay below are of 8 bits
_LEVELS = 532  # the tag of black and white in YCbCr
_CFA = 32803  # colours that pixels see by turns
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
            _check_planes(path, file)
        for page in pages:
            _check_bits(path, page)
        if not all(map(_is_plain, pages)):
            for page in pages:
                _check_decodable(path, page)
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


def _check_planes(path, file):
    """Before pages are taken for a stack of slices."""
    if _holds_more(file, file.pages[:]):
        raise UserError(f"{path} stores planes that are no pages of their own; save it as pages")
    if sum(size > 1 for size in _sizes(file)) > 1:
        raise UserError(
            f"{path} holds planes along several axes, such as channels, times and depths; save one "
            "stack of slices"
        )
    if _is_reordered(file):
        raise UserError(f"{path} lists its planes in another order than its pages; save it anew")


def _is_reordered(file):
    """Whether an OME-TIFF says that its pages are planes in another order than theirs."""
    told = file.ome_metadata if file.is_ome else ""
    if len(set(_OME_FILE.findall(told))) > 1:  # numbers of pages are those of several files
        return False
    for image in _OME_IMAGE.split(told):
        places = [dict(_OME_PLACE.findall(entry)) for entry in _OME_PAGE.findall(image)]
        pages = [int(place.pop("IFD", 0)) for place in places]
        order = np.argsort([sum(map(int, place.values())) for place in places], kind="stable")
        if (np.diff(np.array(pages, int)[order]) < 0).any():
            return True
    return False


def _sizes(file):
    """How many planes a file tells of along each axis. Programs may call any stack channels."""
    told, in_colour = {}, file.pages[0].samplesperpixel > 1
    if file.is_ome:
        told = {axis: int(size) for axis, size in reversed(_OME_SIZE.findall(file.ome_metadata))}
    elif file.is_imagej:
        names = {"C": "channels", "T": "frames", "Z": "slices"}
        told = {axis: (file.imagej_metadata or {}).get(name, 1) for axis, name in names.items()}
    elif file.is_shaped:
        series = file.series[0]
        return [size for size, axis in zip(series.shape, series.axes) if axis == "Q"]
    return [1 if in_colour else told.get("C", 1), told.get("T", 1), told.get("Z", 1)]


def _holds_more(file, pages):
    """Whether planes lie behind those that pages tell of, as some programs for volumes write."""
    if any(page.imagedepth > 1 for page in pages):
        return True
    # Other files' series may lead to further files.
    told = file.series if file.is_imagej or file.is_shaped else ()
    return sum(series.size for series in told) > sum(page.size for page in pages)


def _check_bits(path, page):
    import tifffile

    if page.photometric == _CFA:
        raise UserError(f"{path} holds a camera's raw data; develop it, and save it as RGB")
    if page.photometric in _LABS:  # of which Pillow makes other colours than were meant
        raise UserError(f"picture {path} has its colours in CIELAB; save it as RGB")
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and 0 < page.colormap.max() < _DARK:
        raise UserError(f"picture {path} has a palette of 8 bits in place of 16; save it as RGB")
    if _is_of_video(page):  # libtiff undoes it, but only of what is compressed
        raise UserError(f"picture {path} has colours of video levels (YCbCr); save it as RGB")
    bits, black = page.bitspersample, tifffile.PHOTOMETRIC.MINISBLACK
    # Pillow knows no others that are packed.
    twelve = bits == 12 and page.parent.byteorder == "<" and page.photometric == black
    packed = page.samplesperpixel == 1 and (bits in (2, 4) or twelve)
    if bits not in _WHOLE and not packed:
        raise UserError(f"picture {path} has {bits} bits a value; save it with 8 or 16 bits")


def _check_decodable(path, page):
    """Pillow takes many deep levels that are compressed for others: bytes swapped, signs lost."""
    import tifffile

    levels, swapped = str(page.dtype), page.parent.byteorder == ">"
    is_known = levels == "uint16" or (levels in ("int16", "int32", "float32") and not swapped)
    apart = page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    if page.bitspersample > 8 and (apart or inverted or not is_known):
        raise UserError(
            f"{path} has {levels} levels that are compressed by {page.compression.name}, which "
            "cannot be read; save it uncompressed or deflated"
        )


def _is_of_video(page):
    """Whether colours are stored in parts of their levels, which only a library undoes."""
    import tifffile

    if (page.photometric, page.compression) != (
        tifffile.PHOTOMETRIC.YCBCR,
        tifffile.COMPRESSION.NONE,
    ):
        return False
    told = page.tags.get(_LEVELS)
    numbers = np.reshape(told.value, (-1, 2)) if told else np.array([[0, 1], [255, 1]])
    return bool(numbers[0, 0] or numbers[1, 0] != 255 * numbers[1, 1])


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
    flat = page.imagedepth == 1 and page.predictor in (1, 2) and page.bitspersample in _WHOLE
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
