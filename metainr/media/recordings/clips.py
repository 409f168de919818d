"""Videos, GIFs and folders of frames as arrays."""

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.folders import visible
from metainr.media.images.pictures import SUFFIXES as PICTURES
from metainr.media.images.pictures import as_seen, read_image
from metainr.media.images.resizing import to_square
from metainr.media.opening import check_regular, opened
from metainr.media.recordings.videos import VIDEOS, video_frames, video_info

_GIF = ".gif"
ENDINGS = VIDEOS | {_GIF}
_PICTURES_RATE = 24.0  # of a folder, which says none


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
    return _gif_info(path) if path.suffix.lower() == _GIF else ClipInfo(*video_info(path))


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
        found = video_frames(path, start, frames)
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
