"""Videos are read back with the frames, sizes and times that were written."""

import sys

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from experiments.media.videos import write_video
from metainr.errors import UserError


def _frames(num=7, height=32, width=48):
    """A bright square that moves to the right on a smooth ground."""
    rows, columns = np.mgrid[:height, :width]
    ground = np.stack([3 * rows, 2 * columns, rows + columns], -1).astype(np.uint8)
    frames = np.repeat(ground[None], num, 0)
    for number, frame in enumerate(frames):
        frame[8:20, 4 * number : 4 * number + 12] = 230
    return frames


def _read(path):
    """Frames and what the file says of them."""
    with imageio.get_reader(path) as reader:  # its length is infinite
        return np.stack([frame for frame in reader]), reader.get_meta_data()


def _error(read, written):
    assert read.shape == written.shape and read.dtype == np.uint8
    return np.abs(read.astype(int) - written).mean()


@pytest.mark.parametrize("name", ["turn.mp4", "new/TURN.MP4"])
def test_mp4(tmp_path, name):
    frames = _frames()
    path = write_video(tmp_path / name, frames, 10)
    read, meta = _read(path)
    assert _error(read, frames) < 6
    assert meta["fps"] == 10 and meta["codec"] == "h264"


def test_mp4_makes_odd_sides_even(tmp_path):
    frames = _frames(3, 33, 49)
    read, _ = _read(write_video(tmp_path / "odd.mp4", frames))
    assert _error(read, np.pad(frames, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")) < 6


def test_gif(tmp_path):
    frames = _frames()
    with Image.open(write_video(tmp_path / "turn.gif", frames, 10)) as image:
        read = []
        for number in range(image.n_frames):
            image.seek(number)
            assert image.info["duration"] == 100 and image.info["loop"] == 0
            read.append(np.asarray(image.convert("RGB")))
    assert _error(np.stack(read), frames) < 6


def test_a_single_frame_is_a_video(tmp_path):
    for name in ("one.gif", "one.mp4"):
        assert write_video(tmp_path / name, _frames(1)).stat().st_size > 100


@pytest.mark.parametrize(
    ("name", "frames", "message"),
    [
        ("turn.avi", _frames(), "end its name in .mp4 or .gif"),
        ("turn.mp4", _frames(0), "at least one"),
        ("turn.gif", _frames(2, 1, 5), "2 × 2"),
    ],
)
def test_mistakes_are_told(tmp_path, name, frames, message):
    with pytest.raises(UserError, match=message):
        write_video(tmp_path / name, frames)
    assert not list(tmp_path.iterdir())


def test_what_is_not_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UserError, match="needs imageio-ffmpeg; run: pip install"):
        write_video(tmp_path / "turn.mp4", _frames())
    write_video(tmp_path / "turn.gif", _frames())
