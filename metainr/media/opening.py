"""How picture files are opened: by formats that are named, none of which starts a program."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from metainr.errors import UserError, first_line
from metainr.files import check_regular

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
_LARGE = 2**25  # pixels; below, what is claimed but not there costs little memory
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif")
_VALUES_A_BYTE = 256  # that a large picture or volume of something has at most in its file


def check_claim(shape: Sequence[int], size: int, large: int = _LARGE) -> None:
    """Raises ValueError if an array of that shape is large, and more than a file can hold.

    Args:
        shape: that the file claims.
        size: of the file in bytes, compressed as it is.
        large: values below which any claim is believed.
    """
    values = math.prod(map(int, shape))
    if values > large and values > _VALUES_A_BYTE * size:
        raise ValueError(
            f"it claims {' by '.join(map(str, shape))} values, of which its {size} bytes can hold "
            "next to nothing"
        )


@contextlib.contextmanager
def opened(path: str | Path | BinaryIO) -> Iterator["Image.Image"]:
    """A picture as Pillow opens it, its pixels not yet decoded.

    What goes wrong with it in the block, too, is told as damage of the file. Raises UserError if
    it is no file, no PNG, JPEG, WebP, TIFF, BMP or GIF, damaged, or claims more pixels than can be
    read or than its bytes can hold.
    """
    from PIL import Image

    with damage_told(path), Image.open(path, formats=_FORMATS) as image:
        if isinstance(path, str | Path):
            check_claim((image.height, image.width), os.path.getsize(path))
        yield image


@contextlib.contextmanager
def damage_told(path: str | Path | BinaryIO) -> Iterator[None]:
    """Any failure to decode a picture becomes a UserError that names its file."""
    from PIL import Image

    if isinstance(path, str | Path):
        check_regular(path, "picture")
    try:
        yield
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise UserError(
            f"picture {path} has more than the {most} megapixels that can be read; scale it down, "
            "or cut it into parts"
        ) from error
    # Decoders meet damage with exceptions of many kinds, SyntaxError among them.
    except Exception as error:
        if is_heic(path):
            raise UserError(f"picture {path} is HEIC; save it as JPEG or PNG") from error
        raise UserError(
            f"cannot read picture {path}: {first_line(error)}; give an undamaged PNG, JPEG, WebP, "
            "TIFF or BMP"
        ) from error


def is_heic(path: str | Path | BinaryIO) -> bool:
    """Whether a file is a phone's picture in HEIC or AVIF, whatever its name ends in."""
    if not isinstance(path, str | Path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(12)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC
