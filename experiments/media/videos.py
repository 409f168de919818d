"""Moving pictures as files."""

import importlib.util
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from metainr.errors import UserError
from metainr.files import write_bytes

_QUALITY = 8  # of 10; text and edges stay clean
_SMALLEST_SIDE = 128  # pixels of a video; those of smaller clips are enlarged


def write_video(path: str | Path, frames: np.ndarray, frames_per_second: float = 24) -> Path:
    """Writes frames uint8 [t, h, w, 3] as an .mp4 (H.264) or an endless .gif.

    H.264 halves the resolution of colours and needs even sides: an odd one gets its last row or
    column of pixels twice. GIF
    keeps 256 colours a frame and times in hundredths of a second. Raises UserError for other
    endings, for no frames, where sides are below 2 pixels, and for an .mp4 where imageio-ffmpeg is
    not installed.
    """
    path = Path(path)
    encode = {".mp4": _mp4, ".gif": _gif}.get(path.suffix.lower())
    if encode is None:
        raise UserError(f"cannot write a video to {str(path)!r}: end its name in .mp4 or .gif")
    if not len(frames) or min(frames.shape[1:3]) < 2:
        raise UserError(
            f"cannot write {str(path)!r}: frames are {list(frames.shape)}; give at least one, of "
            "2 × 2 pixels or more"
        )
    return write_bytes(path, encode(np.asarray(frames), frames_per_second))


def levels(frames: np.ndarray) -> np.ndarray:
    """Frames in [0, 1] as uint8 [t, h, w, 3], small ones enlarged: a pixel becomes a square."""
    times = -(-_SMALLEST_SIDE // frames.shape[1])
    found = np.round(255 * np.clip(np.nan_to_num(frames), 0, 1)).astype(np.uint8)
    return found.repeat(times, axis=1).repeat(times, axis=2)


def kind_of_file() -> str:
    """The ending of videos that can be written here: "mp4", or "gif" without imageio-ffmpeg."""
    return "mp4" if importlib.util.find_spec("imageio_ffmpeg") else "gif"


def _mp4(frames, frames_per_second):
    try:
        import imageio.v2 as imageio
        import imageio_ffmpeg  # noqa: F401  imageio finds it by itself, or fails late
    except ImportError as error:
        raise UserError(
            "writing an .mp4 needs imageio-ffmpeg; run: pip install 'metainr[scenes]', or end the "
            "name in .gif"
        ) from error
    odd = [(0, side % 2) for side in frames.shape[1:3]]
    frames = np.pad(frames, ((0, 0), *odd, (0, 0)), mode="edge")
    options = {"codec": "libx264", "quality": _QUALITY, "macro_block_size": 2}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "video.mp4"  # the encoder writes to no stream
        with warnings.catch_warnings():
            # JAX warns of any fork; this one starts another program at once.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            with imageio.get_writer(file, fps=frames_per_second, **options) as writer:
                for frame in frames:
                    writer.append_data(np.ascontiguousarray(frame))
        return file.read_bytes()


def _gif(frames, frames_per_second):
    first, *others = (Image.fromarray(frame) for frame in frames)
    stream = io.BytesIO()
    duration = round(1000 / frames_per_second)
    first.save(stream, "GIF", save_all=True, append_images=others, duration=duration, loop=0)
    return stream.getvalue()
