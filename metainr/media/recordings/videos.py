"""Videos by ffmpeg, which is kept from the network and from other files."""

import contextlib
import logging as stdlib_logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.media.recordings import video_notes

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
# Playlists and the like, which lead to other files and into the network, are no videos here.
_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf"
_MOST_PIXELS = 2**26
_LIMITS = ["-protocol_whitelist", "file", "-format_whitelist", _FORMATS]
_LIMITS += ["-max_pixels", str(_MOST_PIXELS)]
# The first video that is no cover, at equal times; sar is how much wider than high pixels are.
_SQUARED = "scale='round(iw*clip(sar,0.25,4))':ih,setsar=1"
_OUTPUT = ["-map", "0:V:0", "-fps_mode", "cfr", "-vf"]


def video_info(path: Path) -> tuple[int, float, str]:
    """(frames, rate, how it varies in words), as `ClipInfo` has them.

    Raises UserError if a file has no pictures, tells no rate or cannot be read.
    """
    # As it is read below, to nowhere: what is told of it and of that on the way is all that counts.
    done = _told(path, [*_OUTPUT, "null", "-f", "null", "-"])
    told = done.stderr.decode(errors="replace")
    if not video_notes.has_pictures(told):
        raise UserError(f"video {path} has no pictures; give another one")
    frames = video_notes.count(told)
    if done.returncode or not frames:
        raise _damaged(path)
    found = video_notes.rate_of(told, frames)
    if found is None:
        raise UserError(
            f"video {path} does not tell how many frames a second it has, as browsers' recordings "
            "may not; convert it, by ffmpeg's -r 30 to an mp4"
        )
    video_notes.warn(path, told, frames)
    return frames, *found


def video_frames(path: Path, start: int, frames: int) -> Iterator[np.ndarray]:
    """Frames [h, w, 3] in [0, 1] at equal times, on white.

    Raises UserError if they cannot be read.
    """
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


def _told(path, output):
    """What ffmpeg has to say of a file, with the options of an output."""
    program = [_ffmpeg(path).get_ffmpeg_exe(), "-hide_banner", "-nostdin", *_LIMITS]
    with _forks():
        return subprocess.run(
            [*program, "-i", _address(path), *output],
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )


def _on_white(pixels):
    """RGBA bytes [h, w, 4] as float32 [h, w, 3] in [0, 1]."""
    colours, alpha = np.split(pixels.astype(np.float32) / 255, [3], axis=-1)
    return colours if alpha.min() == 1 else alpha * colours + (1 - alpha)


def _decoder(path):
    """Options for VP8 and VP9 with alpha."""
    if path.suffix.lower() not in (".webm", ".mkv"):
        return []
    decoder = video_notes.alpha_decoder(_told(path, []).stderr.decode(errors="replace"))
    return ["-c:v", decoder] if decoder else []


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
