"""What is said of pictures that are taken as in sRGB, or as of square pixels, and are not."""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from absl import logging

if TYPE_CHECKING:
    from PIL import Image

_INTEROP, _ADOBE = 0xA005, "R03"  # EXIF's folder of such, and what Adobe RGB is called in it
_PHOTO, _SPACE = 0x8769, 0xA001  # EXIF's folder of the photo, and what colours it has
_SPACES = {2: "Adobe RGB", 0xFFFD: "a wide gamut"}  # as Pentax and Sony call them there
_GAMMA = 0.45455  # that PNGs in sRGB tell
_PLACES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # likewise, of white, red, green, blue
_CODES, _SRGB = b"cICP", bytes((1, 13))  # PNG's chunk of them, and those of sRGB
_OBLONG = 1.02  # by so much the sides of pixels may differ that are taken as square
_HEAD = 2**16  # bytes before the pixels of a PNG, in which such chunks stand


def tell_colours(image: "Image.Image", path: str | Path | BinaryIO) -> None:
    """Warns, once of each kind, of a picture whose colours are taken as sRGB and are others."""
    tell_adobe(image.getexif(), bool(image.info.get("icc_profile")), path)
    _tell_gamma(image.info, path)
    _tell_places(image.info, path)
    _tell_codes(image, path)
    _tell_inks(image, path)


def tell_adobe(exif: "Image.Exif", has_profile: bool, path: object) -> None:
    """Warns, once, of a camera's picture in Adobe RGB or the like that only its EXIF tells of."""
    is_adobe = exif.get_ifd(_INTEROP).get(1) == _ADOBE
    space = _SPACES[2] if is_adobe else _SPACES.get(exif.get_ifd(_PHOTO).get(_SPACE, 0))
    if space and not has_profile:
        logging.log_first_n(
            logging.WARNING,
            "picture %s says by EXIF that its colours are %s, but brings no profile: they are "
            "taken as sRGB (others alike are not told)",
            1,
            *(path, space),
        )


def shape_of_pixels(image: "Image.Image") -> tuple[float, float]:
    """What a picture says of its pixels along x and y, of which only the ratio matters."""
    info = image.info
    if info.get("jfif_unit") == 0:
        return info["jfif_density"]
    return info.get("aspect") or info.get("dpi") or info.get("resolution") or (1, 1)


def tell_oblong(shape: tuple[float, float], path: object) -> None:
    """Warns, once, of a picture whose numbers of pixels a length differ along x and y."""
    x, y = map(float, shape)
    if min(x, y) > 0 and max(x / y, y / x) > _OBLONG:
        logging.log_first_n(
            logging.WARNING,
            "picture %s says that its pixels are not square (%g to %g): it is read as if they were "
            "(others alike are not told)",
            1,
            *(path, x, y),
        )


def _tell_gamma(info, path):
    """Warns of a PNG that stores its colours by another curve than sRGB's, and has no profile."""
    gamma = info.get("gamma", _GAMMA)
    if abs(gamma - _GAMMA) > 0.01 and not {"srgb", "icc_profile"} & info.keys():
        logging.log_first_n(
            logging.WARNING,
            "picture %s says that its gamma is %.3g; its colours are taken as sRGB, whose gamma is "
            "%.3g (others alike are not told)",
            1,
            *(path, gamma, _GAMMA),
        )


def _tell_places(info, path):
    """Warns of a PNG whose colours are mixed of others than sRGB's, and that has no profile."""
    places = info.get("chromaticity", _PLACES)
    far = max(abs(one - other) for one, other in zip(places, _PLACES))
    if far > 0.01 and not {"srgb", "icc_profile"} & info.keys():
        logging.log_first_n(
            logging.WARNING,
            "picture %s says (cHRM) that its red, green and blue are not those of sRGB; its "
            "colours are taken as sRGB (others alike are not told)",
            1,
            path,
        )


def _tell_codes(image, path):
    """Warns of a PNG whose colours are, by codes that Pillow passes over, others than sRGB's."""
    if image.format != "PNG" or not isinstance(path, str | Path):
        return
    with open(path, "rb") as file:
        _, mark, codes = file.read(_HEAD).partition(b"IDAT")[0].partition(_CODES)
    if mark and codes[:2] != _SRGB:
        logging.log_first_n(
            logging.WARNING,
            "picture %s says by codes (cICP %d, %d) that its colours are not sRGB, such as HDR's; "
            "they are taken as sRGB (others alike are not told)",
            1,
            *(path, *codes[:2]),
        )


def _tell_inks(image, path):
    """Warns of a JPEG of four inks without the marker by which they are known to be inverted."""
    if image.format == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        logging.log_first_n(
            logging.WARNING,
            "picture %s has four inks (CMYK), and no marker tells whether they are inverted, as "
            "Adobe's programs store them: they are taken as inverted (others alike are not told)",
            1,
            path,
        )
