"""Whether the pages of a TIFF are all of its planes, and in their order."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from metainr.errors import UserError

if TYPE_CHECKING:
    from tifffile import TiffFile

_OME_IMAGE, _OME_FILE = re.compile(r"<(?:\w+:)?Image\b"), re.compile(r'\bFileName="([^"]*)"')
_OME_PAGE = re.compile(r"<(?:\w+:)?TiffData\b([^>]*)>")
_OME_PLACE = re.compile(r'\b(First[CTZ]|IFD)="(\d{1,9})"')
_OME_SIZE = re.compile(r"\bSize([CTZ])=\"(\d{1,9})\"")


def check_planes(path: str | Path | BinaryIO, file: "TiffFile") -> None:
    """Raises UserError if the pages of a file are not one stack of slices, in order."""
    if _holds_more(file, file.pages[:]):
        raise UserError(f"{path} stores planes that are no pages of their own; save it as pages")
    if count := _planes_of_colours(file.pages[0]):
        raise UserError(
            f"{path} says that its {count} planes are the colours of one "
            'picture; if they are slices, save each as a page (tifffile: photometric="minisblack")'
        )
    if sum(size > 1 for size in _sizes(file)) > 1:
        raise UserError(
            f"{path} holds planes along several axes, such as channels, times and depths; save one "
            "stack of slices"
        )
    if _is_reordered(file):
        raise UserError(f"{path} lists its planes in another order than its pages; save it anew")


def _planes_of_colours(page):
    """How many planes a page's colours lie in, as tifffile takes 3 or 4 slices for; 0: in none."""
    import tifffile

    apart = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    return page.samplesperpixel if apart and page.samplesperpixel > 1 else 0


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
