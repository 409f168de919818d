"""Grey pictures in the levels that their files store, of every depth and sign."""

import os
from pathlib import Path

import numpy as np

from metainr.media.images import tiffs
from metainr.media.images.pictures import as_seen, read_picture, turned
from metainr.media.opening import check_claim, damage_told, opened
from metainr.media.slices.volume import About, Volume

_LARGE = 2**27  # values
_CHANNELS = (2, 3, 4)  # of pictures with colours or alpha
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_ORIENTATION, _SAMPLE_FORMAT, _SIGNED = 274, 339, 2  # tags, and a value of the latter
_SEVERAL = "it holds several pictures, of which the first is read"
_UNMAPPED = "ImageJ's calibration of its values is not applied: its levels are read"
_WHITE_IS, _ZERO = 262, 0  # a tag, and a value of it
_TURNED = "0 is white in it, so its levels are turned round"
_AS_STORED = "0 is white in it, and its values are kept as they are stored"


def read_levels(path: Path) -> Volume:
    """Reads the pages of a picture: [h, w] of one, [k, h, w] of several, upright.

    Grey levels are those stored (but for pictures of less than 8 bits, whose white is 255; and if
    0 is white, levels without sign are turned round). Colours become grey, and transparent pictures
    lie on white, in levels of 8 or 16 bits. What a GeoTIFF says to be nothing becomes the lowest
    value beside it. Of several pictures that a camera wrote (MPO) the first is read.

    Raises UserError if there is no picture, or it is damaged or claims more than it can hold.
    """
    volume = _levels(path)
    if not tiffs.is_tiff(path):
        return volume
    with damage_told(path):
        nothing, is_mapped = tiffs.meaning(path)
    values, notes = volume.values, volume.about.notes
    if nothing is not None:
        empty = values == nothing
        if empty.any() and not empty.all():
            values = np.where(empty, values[~empty].min(), values)
    about = volume.about._replace(notes=(*notes, _UNMAPPED) if is_mapped else notes)
    return volume._replace(values=values, about=about)


def _levels(path):
    with damage_told(path):
        pages = tiffs.read_pages(path) if tiffs.is_tiff(path) else None
        if pages and (len(pages) > 1 or pages[0].values.shape[-1] not in _CHANNELS):
            kinds = {page.values.dtype.kind in "bu" for page in pages if page.inverted}
            notes = tuple(_TURNED if is_turned else _AS_STORED for is_turned in kinds)
            return Volume(_stacked(map(_of_page, pages)), about=About(notes=notes))
    if pages:
        picture = read_picture(path)
        return Volume(_as_levels(picture.values, picture.bits))
    with opened(path) as image:
        # Views of one scene, or previews, are no slices.
        is_several, is_stack = image.format == "MPO", getattr(image, "n_frames", 1) > 1
        is_turned = getattr(image, "tag_v2", {}).get(_WHITE_IS) == _ZERO
        notes = ((_SEVERAL, is_several and is_stack), (_TURNED, is_turned))
        about = About(notes=tuple(note for note, is_so in notes if is_so))
        if is_stack and not is_several:
            return Volume(_stacked(_frames(image, os.path.getsize(path))), about=about)
        if _stored_grey(image):
            return Volume(next(_frames(image, os.path.getsize(path))), about=about)
    picture = read_picture(path)
    return Volume(_as_levels(picture.values, picture.bits), about=about)


def _of_page(page):
    values, kind = page.values, page.values.dtype.kind
    if page.has_alpha or values.shape[-1] not in (1, 3):
        raise ValueError(f"its pages have {values.shape[-1]} channels; save grey ones")
    if kind in "bu":
        top = 2**page.bits - 1
        values = top - values if page.inverted else values
        values = values * (255 // top) if page.bits < 8 else values
    grey = values.astype(np.float32) @ _LUMA if values.shape[-1] == 3 else values[..., 0]
    return turned(grey, page.orientation)


def _frames(image, size):
    from PIL import ImageSequence

    for index, frame in enumerate(ImageSequence.Iterator(image)):
        check_claim((index + 1, frame.height, frame.width), size, _LARGE)
        # Pillow turns TIFFs itself.
        orientation = 1 if image.format == "TIFF" else frame.getexif().get(_ORIENTATION, 1)
        grey = _stored(frame) if _stored_grey(frame) else _as_levels(as_seen(frame), 8)
        yield turned(grey, orientation)


def _stored(frame):
    levels = np.asarray(frame)
    sign = getattr(frame, "tag_v2", {}).get(_SAMPLE_FORMAT, ())
    # Pillow knows no bytes with a sign.
    is_signed = _SIGNED in np.atleast_1d(sign) and levels.dtype == np.uint8
    return levels.view(np.int8) if is_signed else levels


def _stored_grey(image):
    is_grey = image.mode in ("L", "I", "F") or image.mode.startswith("I;16")
    return is_grey and not image.has_transparency_data


def _as_levels(values, bits):
    """Colours [h, w, 3] in [0, 1] as grey levels [h, w]."""
    kind = np.uint8 if bits == 8 else np.uint16
    return np.round(values @ _LUMA * (2**bits - 1)).astype(kind)


def _stacked(pages):
    pages = list(pages)
    if len({page.shape for page in pages}) > 1:
        raise ValueError("its pages differ in size; save them as files of their own")
    return pages[0] if len(pages) == 1 else np.stack(pages)
