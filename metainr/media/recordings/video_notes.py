"""What ffmpeg's messages tell of a video."""

import re
from pathlib import Path

from absl import logging

_FRAMES = re.compile(r"frame= *(\d+)")
_NO_PICTURES = "matches no streams"
_RATES = re.compile(r"Video:.* ([\d.]+) fps, ([\d.]+)(k?) tbr")
_ALPHA = re.compile(r"Video: vp([89]).*\n(?: {4,}.*\n)*? +alpha_mode *: 1", re.IGNORECASE)
_REPEATS = re.compile(r"dup= *(\d+) drop= *(\d+)")
_HDR = re.compile(r"Video:.*\b(arib-std-b67|smpte2084)\b")
_WIDE = re.compile(r"Video:.*/(bt2020|smpte43[12])/")
_TRACK = re.compile(r"^ *Stream #.*: Video:(?!.*attached pic).*", re.MULTILINE)
_INTERLACED = re.compile(r"Video:.*\b(top|bottom)( coded)? first\b")
_SIZE = re.compile(r"Video:.*?, (\d+x\d+)\b")
_NEW_SIZE = re.compile(r"video parameters changed to .*, (\d+x\d+)\b")
_DAMAGE = re.compile(
    r"^\[.*?\] (.*(?:partial file|ended prematurely|corrupt|concealing|Invalid NAL|Invalid track|"
    r"Error parsing|Decoding error).*)$",
    re.MULTILINE | re.IGNORECASE,
)
_FEW = 2  # frames that are repeated or left out where a clip begins
_VARIES = 1.02  # by so much the ticks of a constant rate are no more than the frames


def has_pictures(told: str) -> bool:
    """Whether there is a video among a file's streams."""
    return _NO_PICTURES not in told


def count(told: str) -> int:
    """Number of frames that came out; 0 if none did."""
    counts = _FRAMES.findall(told)
    return int(counts[-1]) if counts else 0


def alpha_decoder(told: str) -> str:
    """Name of the decoder that sees the video's alpha, where ffmpeg's own does not; "" else."""
    found = _ALPHA.search(told)
    return {"8": "libvpx", "9": "libvpx-vp9"}[found[1]] if found else ""


def rate_of(told: str, frames: int) -> tuple[float, str] | None:
    """Frames a second, and in words how it varies: "" if not at all. None if no rate is told."""
    if not (rates := _RATES.search(told)):
        return None
    mean, ticks = float(rates[1]), float(rates[2]) * (1000 if rates[3] else 1)
    if ticks >= mean * _VARIES:
        varies = f"it has {mean:g} frames a second on average and is read at {ticks:g}"
        return ticks, f"{varies}, some repeated"
    # MKV, WebM and AVI tell no average; what was done to frames on the way tells of it.
    repeats = _REPEATS.findall(told)
    more, fewer = map(int, repeats[-1]) if repeats else (0, 0)
    if more + fewer > max(_FEW, (_VARIES - 1) * frames):
        return (
            ticks,
            f"it is read at {ticks:g} frames a second, {more} repeated and {fewer} left out",
        )
    return ticks, ""


def warn(path: Path, told: str, frames: int) -> None:
    """Warns of all that a video is besides what it is taken for."""
    is_hdr = _HDR.search(told)
    if found := is_hdr or _WIDE.search(told):
        logging.log_first_n(
            logging.WARNING,
            "video %s %s (%s): its colours are taken as sRGB (others alike are not told)",
            1,
            *(path, "is HDR" if is_hdr else "has a wide gamut", found[1]),
        )
    tracks = _TRACK.findall(told.partition("Stream mapping:")[0])
    if len(tracks) > 1:
        logging.warning("video %s holds several videos, of which the first is read", path)
    sizes = dict.fromkeys([*_SIZE.findall("".join(tracks[:1])), *_NEW_SIZE.findall(told)])
    if len(sizes) > 1:
        logging.warning(
            "video %s has frames of %s pixels, which are all stretched to the size of the first",
            *(path, " and ".join(sizes)),
        )
    if _INTERLACED.search(told):
        logging.log_first_n(
            logging.WARNING,
            "video %s is interlaced: a frame is two moments, line by line, and is left so (others "
            "alike are not told)",
            1,
            path,
        )
    if found := _DAMAGE.search(told):
        logging.warning(
            "video %s is damaged or cut off (%s); what its decoder makes of it are %d frames",
            *(path, found[1].strip(), frames),
        )
