"""Clips: videos and GIFs, and MP4s or, without imageio-ffmpeg, GIFs."""

import numpy as np

from experiments.media.sheets import sheet
from experiments.media.videos import kind_of_file, levels, write_video
from experiments.signal_files.kind import Kind
from metainr.codec.codec import About
from metainr.codec.container import MOST_VALUES
from metainr.errors import UserError
from metainr.media import clip_info, read_clip
from metainr.media.recordings.clips import ENDINGS

NAME = "clip"
_SPEED = 8000  # frames in 1000 s, of clips that have no file


def clips(side: int) -> Kind:
    """The kind, its frames cut to centred squares of so many pixels a side.

    H.264 loses a little more than what is told of the 8 bits of `stored`.
    """

    def read(path):
        info = clip_info(path)
        if 3 * side * side * info.frames > MOST_VALUES:
            raise UserError(f"clip {path} has {info.frames} frames, too many; cut it")
        return read_clip(path, 0, info.frames, side), About(NAME, max(1, round(1000 * info.rate)))

    def write(path, values, about):
        write_video(path, levels(values), (about.rate or _SPEED) / 1000)

    return Kind(
        "clip",
        frozenset(ENDINGS),
        f".{kind_of_file()}",
        read,
        of_signal=lambda signal: signal,
        told=lambda values: About(NAME, _SPEED),
        stored=lambda values, about: np.round(255 * values) / np.float32(255),
        write=write,
        picture=lambda values: sheet(np.asarray(values)),
    )
