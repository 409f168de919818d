"""Videos, GIFs and folders of frames as arrays."""

import contextlib
import itertools
import logging as stdlib_logging
import os
import re
import subprocess
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.folders import visible
from metainr.media.opening import check_regular, opened
from metainr.media.pictures import SUFFIXES as PICTURES
from metainr.media.pictures import as_seen, read_image
from metainr.media.resizing import to_square

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
_GIF = ".gif"
ENDINGS = VIDEOS | {_GIF}
_PICTURES_RATE = 24.0  # of a folder, which says none
# Playlists and the like, which lead to other files and into the network, are no videos here.
_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf"
_MOST_PIXELS = 2**26
_LIMITS = ["-protocol_whitelist", "file", "-format_whitelist", _FORMATS]
_LIMITS += ["-max_pixels", str(_MOST_PIXELS)]
# The first video that is no cover, at equal times; sar is how much wider than high pixels are.
_SQUARED = "scale='round(iw*clip(sar,0.25,4))':ih,setsar=1"
_OUTPUT = ["-map", "0:V:0", "-fps_mode", "cfr", "-vf"]
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


class ClipInfo(NamedTuple):
    """What a file says of its frames.

    frames: how many `read_clip` can give.
    rate: of the frames as `read_clip` gives them, per second.
    varies: in words, how the times between its frames differ and what is made of it; "" if they
        are equal.
    """

    frames: int
    rate: float
    varies: str


def is_clip(path: Path) -> bool:
    """Whether a path is named like a video or GIF, or is a folder with pictures in it."""
    if path.is_dir():
        return bool(_pictures(path))
    return path.suffix.lower() in ENDINGS


def clip_info(path: str | Path) -> ClipInfo:
    """Counts frames without decoding them. Raises UserError if the clip cannot be read."""
    path = _existing(path)
    if path.is_dir():
        files = _pictures(path)
        stem, count = Counter(file.stem for file in files).most_common(1)[0]
        if count > 1:
            raise UserError(
                f"clip {path} has {count} pictures called {stem}, of several endings; leave one of "
                "each there"
            )
        return ClipInfo(len(files), _PICTURES_RATE, _gaps(files))
    return _gif_info(path) if path.suffix.lower() == _GIF else _video_info(path)


def read_clip(path: str | Path, start: int, frames: int, resolution: int) -> np.ndarray:
    """Reads frames as centred squares: float32 [frames, n, n, 3] in [0, 1], on white.

    Those of a video whose rate varies come as they are at equal times, some of them repeatedly;
    those of a GIF and of a folder, whose names are ordered by the numbers in them, come once each.
    Raises UserError if the clip cannot be read or has too few frames.
    """
    path = _existing(path)
    if path.is_dir():
        found = _alike(path, map(read_image, _pictures(path)[start : start + frames]))
    elif path.suffix.lower() == _GIF:
        found = _gif_frames(path, start, frames)
    else:
        found = _video_frames(path, start, frames)
    squares = [to_square(frame, resolution) for frame in found]
    if len(squares) < frames:
        raise UserError(
            f"clip {path} has {len(squares)} frames from frame {start} on, not {frames}; give a "
            "longer one, or a smaller ",
            Option("clip_frames"),
        )
    return np.clip(squares, 0, 1).astype(np.float32)


def _existing(path):
    path = expanded(path)
    if not path.exists():
        raise UserError(f"clip {path} does not exist; give a video, a GIF or a folder of frames")
    if not is_clip(path):
        state = "is a folder without pictures" if path.is_dir() else "is none"
        raise UserError(
            f"clip {path} {state}: give a folder of pictures, or a file that ends in "
            f"{', '.join(sorted(ENDINGS))}"
        )
    if not path.is_dir():
        check_regular(path, "clip")
    return path


def _pictures(folder):
    """A folder's pictures, frame2 before frame10."""
    files = [path for path in visible(folder) if path.suffix.lower() in PICTURES]

    def by_number(path):
        parts = re.split(r"(\d+)", path.name)
        return [int(part) if part.isdigit() else part for part in parts]

    return sorted(files, key=by_number)


def _gaps(files):
    """In words, that numbers are missing among those of a folder's frames; "" if none are."""
    numbers = [re.findall(r"\d+", file.stem)[-1:] for file in files]
    steps = {int(b) - int(a) for (a,), (b,) in itertools.pairwise(numbers)} if all(numbers) else ()
    if len(steps) < 2:
        return ""
    return (
        f"the numbers of its pictures go on by {min(steps)} to {max(steps)}, and they are taken as "
        "equally spaced"
    )


def _alike(path, pictures):
    """Pictures one by one. Raises UserError if they are not of one size, as frames are."""
    first = None
    for picture in pictures:
        height, width = picture.shape[:2]
        first = first or (height, width)
        if first != (height, width):
            raise UserError(
                f"clip {path} has pictures of {first[1]}×{first[0]} and {width}×{height} pixels; "
                "make them alike"
            )
        yield picture


def _gif_info(path):
    from PIL import ImageSequence

    with opened(path) as image:
        times = [frame.info.get("duration", 0) for frame in ImageSequence.Iterator(image)]
    low, high = min(times), max(times)
    varies = ""
    if low != high:
        varies = f"its frames last {low:g} to {high:g} ms and are taken as equally spaced"
    # Viewers show frames without a duration for a tenth of a second.
    return ClipInfo(len(times), 1000 / (float(np.mean(times)) or 100), varies)


def _gif_frames(path, start, frames):
    with opened(path) as image:
        for number in range(start, min(start + frames, getattr(image, "n_frames", 1))):
            image.seek(number)
            yield as_seen(image)


def _video_info(path):
    # As it is read below, to nowhere: what is told of it and of that on the way is all that counts.
    nowhere = [*_OUTPUT, "null", "-f", "null", "-"]
    done = _told(path, nowhere)
    told = done.stderr.decode(errors="replace")
    if _NO_PICTURES in told:
        raise UserError(f"video {path} has no pictures; give another one")
    counts, rates = _FRAMES.findall(told), _RATES.search(told)
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
    frames = int(counts[-1]) if counts else 0
    if done.returncode or not frames:
        raise _damaged(path)
    if not rates:
        raise UserError(
            f"video {path} does not tell how many frames a second it has, as browsers' recordings "
            "may not; convert it, by ffmpeg's -r 30 to an mp4"
        )
    if found := _DAMAGE.search(told):
        logging.warning(
            "video %s is damaged or cut off (%s); what its decoder makes of it are %d frames",
            *(path, found[1].strip(), frames),
        )
    mean, ticks = float(rates[1]), float(rates[2]) * (1000 if rates[3] else 1)
    if ticks >= mean * _VARIES:
        varies = (
            f"it has {mean:g} frames a second on average and is read at {ticks:g}, some repeated"
        )
        return ClipInfo(frames, ticks, varies)
    # MKV, WebM and AVI tell no average; what was done to frames on the way tells of it.
    repeats = _REPEATS.findall(told)
    more, fewer = map(int, repeats[-1]) if repeats else (0, 0)
    varies = ""
    if more + fewer > max(_FEW, (_VARIES - 1) * frames):
        varies = f"it is read at {ticks:g} frames a second, {more} repeated and {fewer} left out"
    return ClipInfo(frames, ticks, varies)


def _told(path, output):
    """What ffmpeg has to say of a file, with the options of an output."""
    program = [_ffmpeg(path).get_ffmpeg_exe(), "-hide_banner", "-nostdin", *_LIMITS]
    with _forks():
        return subprocess.run(
            [*program, "-i", _address(path), *output],
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )


def _video_frames(path, start, frames):
    ffmpeg = _ffmpeg(path)
    output = [*_OUTPUT, _SQUARED, "-frames:v", str(start + frames)]
    try:
        with _forks():
            reader = ffmpeg.read_frames(
                _address(path),
                pix_fmt="rgba",
                bits_per_pixel=32,
                input_params=[*_LIMITS, *_decoder(path)],
                output_params=output,
            )
            width, height = next(reader)["size"]
            for number, data in enumerate(reader):
                if number >= start:
                    yield _on_white(np.frombuffer(data, np.uint8).reshape(height, width, 4))
    except (RuntimeError, OSError, ValueError, StopIteration) as error:
        raise _damaged(path) from error


def _on_white(pixels):
    """RGBA bytes [h, w, 4] as float32 [h, w, 3] in [0, 1]."""
    colours, alpha = np.split(pixels.astype(np.float32) / 255, [3], axis=-1)
    return colours if alpha.min() == 1 else alpha * colours + (1 - alpha)


def _decoder(path):
    """Options that make ffmpeg see the alpha of VP8 and VP9, which its own decoders do not."""
    if path.suffix.lower() not in (".webm", ".mkv"):
        return []
    told = _told(path, [])
    found = _ALPHA.search(told.stderr.decode(errors="replace"))
    return ["-c:v", "libvpx-vp9" if found[1] == "9" else "libvpx"] if found else []


def _address(path):
    """A file's name that ffmpeg takes neither for an option nor for a protocol of its own."""
    return f"file:{os.path.abspath(path)}"


def _ffmpeg(path):
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError(
            f"reading {path} needs imageio-ffmpeg; run: pip install 'metainr[scenes]', or give a "
            "GIF or a folder of frames"
        ) from error
    # It warns of upright frames of a phone that was held so.
    stdlib_logging.getLogger("imageio_ffmpeg").setLevel(stdlib_logging.ERROR)
    return imageio_ffmpeg


def _damaged(path):
    return UserError(f"cannot read video {path}: it is damaged or none; give another one")


@contextlib.contextmanager
def _forks():
    """JAX warns of any fork; these start another program at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        yield
