"""Clips: scenes that move as they are told, and files that are read back."""

import os
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from absl import logging
from PIL import Image

from experiments.media.videos import write_video
from metainr import signals
from metainr.errors import UserError
from metainr.media.recordings.clips import clip_info, read_clip
from metainr.signals.video.moving import Shape, centre, film

OPTIONS = signals.ClipOptions(16, 6)
SHADES = np.full((2, 3), 0.2)


def _greys(count, side=32, step=20):
    """Frame i is grey 10 + step · i: uint8 [count, side, side, 3]."""
    levels = (10 + step * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, side, side, 3)).copy()


def _frames(folder, count, side=32, step=20):
    folder.mkdir(parents=True)
    for number, frame in enumerate(_greys(count, side, step)):
        Image.fromarray(frame).save(folder / f"frame{number}.png")
    return folder


def _means(clip):
    return 255 * clip.mean(axis=(1, 2, 3))


def test_something_moves_and_a_finer_clip_is_of_the_same_scene():
    coarse = signals.make("moving", OPTIONS).get("train", 0)
    assert np.abs(coarse[-1] - coarse[0]).max() > 0.2
    finer = signals.make("moving", OPTIONS._replace(resolution=64)).get("train", 0)
    halved = finer.reshape(6, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    assert np.abs(halved - coarse).mean() < 0.02


def test_shapes_bounce_within_the_picture():
    shape = Shape(False, 0.25, (0.0, 0.5), (0.0, 1.0), (1.0, 1.0, 1.0))
    share = np.linspace(0, 1, 101)
    centres = centre(shape, share)
    np.testing.assert_allclose(centres[[0, 25, 100]], [[0, 0.5], [0, 0.75], [0, 0.0]], atol=1e-12)
    far = centre(shape._replace(travel=(7.0, -9.0)), share)
    assert np.abs(far).max() <= 0.75 + 1e-12


@pytest.mark.parametrize("is_box", [True, False])
def test_shapes_are_where_they_are_said_to_be(is_box):
    shape = Shape(is_box, 0.3, (-0.2, 0.1), (0.4, 0.0), (1.0, 0.6, 0.0))
    clip = film([shape], SHADES, 3, 100)
    white = clip[..., 0] > 0.6
    area = 4 * white.mean(axis=(1, 2))
    np.testing.assert_allclose(area, 0.36 if is_box else np.pi * 0.09, rtol=0.03)
    axis = (2 * np.arange(100) + 1) / 100 - 1
    found = [(axis[rows].mean(), axis[columns].mean()) for rows, columns in map(np.nonzero, white)]
    np.testing.assert_allclose(found, centre(shape, np.linspace(0, 1, 3)), atol=0.02)
    np.testing.assert_allclose(clip[0, 0, 0], 0.2, atol=1e-6)


@pytest.mark.parametrize("ending", ["mp4", "gif", "frames"])
def test_clips_are_read_back(tmp_path, ending):
    frames = _greys(12)
    if ending == "frames":
        path = _frames(tmp_path / "frames", 12)
    else:
        path = write_video(tmp_path / f"clip.{ending}", frames, 10)
    info = clip_info(path)
    assert info.frames == 12 and not info.varies
    assert info.rate == pytest.approx(24 if ending == "frames" else 10)
    clip = read_clip(path, 3, 6, 16)
    assert clip.shape == (6, 16, 16, 3) and clip.dtype == np.float32
    np.testing.assert_allclose(_means(clip), 10 + 20 * np.arange(3, 9), atol=2)


def test_frames_that_are_there_twice_are_refused(tmp_path):
    _frames(tmp_path / "a", 3)
    Image.new("RGB", (32, 32)).save(tmp_path / "a" / "frame1.jpg")
    with pytest.raises(UserError, match="has 2 pictures called frame1, of several endings"):
        clip_info(tmp_path / "a")


@pytest.mark.parametrize("name", ["-vf.mp4", "concat:a.mp4", "http:a.mp4", "%03d 'a.mp4", "A.MP4"])
def test_a_clips_name_is_only_a_name(tmp_path, monkeypatch, name):
    write_video(tmp_path / "moving.mp4", _greys(12), 10).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / name):
        assert clip_info(path).frames == 12
        np.testing.assert_allclose(_means(read_clip(path, 0, 3, 16)), [10, 30, 50], atol=2)


def test_a_playlist_is_no_clip(tmp_path):
    write_video(tmp_path / "other.mp4", _greys(12), 10)
    lists = "ffconcat version 1.0\nfile other.mp4\n", "#EXTM3U\n#EXTINF:1,\nother.mp4\n"
    for content in lists:
        (tmp_path / "list.mp4").write_text(content)
        with pytest.raises(UserError, match="cannot read video .*list.mp4"):
            clip_info(tmp_path / "list.mp4")
        with pytest.raises(UserError, match="cannot read video .*list.mp4"):
            read_clip(tmp_path / "list.mp4", 0, 2, 16)


def test_no_program_but_ffmpeg_is_started(tmp_path, monkeypatch):
    write_video(tmp_path / "a.mp4", _greys(12), 10)
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, command, *args, **options):
            started.append(command[0])
            super().__init__(command, *args, **options)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    clip_info(tmp_path / "a.mp4")
    read_clip(tmp_path / "a.mp4", 0, 3, 16)
    assert len(started) >= 2 and {*started} == {imageio_ffmpeg.get_ffmpeg_exe()}


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_pipes_and_devices_are_no_clips(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"device{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(UserError, match="is a pipe or device; give a file"):
            clip_info(tmp_path / f"{name}{suffix}")


def test_the_centre_is_cut_out(tmp_path):
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    frames[:, :, 16:48] = (200, 100, 50)
    frames[:, 0, 0, 0] = range(0, 200, 50)  # a GIF keeps equal frames as one
    for path in (tmp_path / "clip.gif", tmp_path / "clip.mp4"):
        clip = read_clip(write_video(path, frames), 0, 4, 8)
        inner = 255 * clip[:, 1:-1, 1:-1]
        np.testing.assert_allclose(inner, np.broadcast_to([200, 100, 50], inner.shape), atol=6)


def _varying_video(tmp_path):
    """Ten frames a thirtieth of a second each, then ten that last three times as long."""
    path = write_video(tmp_path / "even.mp4", _greys(20, step=10), 30)
    times = "setpts='if(lt(N,10),N/30,10/30+(N-10)/10)/TB'"
    even, uneven = str(path), str(tmp_path / "uneven.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", even, "-vf", times]
    subprocess.run([*command, "-fps_mode", "vfr", uneven], check=True)
    path.unlink()
    return uneven


def test_rates_that_vary_are_told(tmp_path, caplog):
    video = _varying_video(tmp_path)
    info = clip_info(video)
    assert info.frames > 30 and info.rate == 30 and "read at 30" in info.varies
    assert len(read_clip(video, 0, info.frames, 16)) == info.frames
    with pytest.raises(UserError, match=f"has {info.frames} frames"):
        read_clip(video, 0, info.frames + 1, 16)
    # At equal times: of the slow frames every one comes three times.
    steps = np.round(np.diff(_means(read_clip(video, 0, 19, 16))) / 10)
    assert steps[:9].tolist() == [1] * 9 and steps[9:].sum() == pytest.approx(3, abs=1)
    gif = tmp_path / "uneven.gif"
    first, *others = (Image.fromarray(frame) for frame in _greys(6))
    first.save(gif, save_all=True, append_images=others, duration=[20, 20, 20, 100, 100, 100])
    assert "last 20 to 100 ms" in clip_info(gif).varies
    signals.make("clip", OPTIONS._replace(clip=str(gif)))
    signals.make("clip", OPTIONS._replace(clip=video))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert all("frame rate varies in" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.avi"])
def test_rates_that_vary_are_told_where_the_file_states_none(tmp_path, name):
    path, start = str(tmp_path / name), [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    source = ["-f", "lavfi", "-i", "testsrc=size=32x32:rate=30:duration=1,format=yuv420p"]
    for dropped, told in (("0", ""), ("between(n,10,20)", "at 30 frames a second, 11 repeated")):
        chosen = ["-vf", f"select='not({dropped})'", "-fps_mode", "vfr", "-y"]
        subprocess.run([*start, *source, *chosen, path], check=True)
        info = clip_info(path)
        assert info.frames == 30 and told in info.varies and bool(told) == bool(info.varies)


def test_recordings_of_browsers_without_a_rate_are_refused_with_the_remedy(tmp_path):
    path = tmp_path / "a.webm"
    uneven = "testsrc=size=32x32:rate=30:duration=4,settb=1/1000,setpts='N*33+mod(N*7,11)'"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i", uneven]
    subprocess.run(
        [*command, "-fps_mode", "passthrough", "-enc_time_base", "1:1000", str(path)], check=True
    )
    head, duration, rest = path.read_bytes().partition(b"\x23\xe3\x83")
    size = 3 + 1 + (rest[0] & 0x7F)  # of the element of a frame's duration, which becomes a void
    void = bytes([0xEC, 0x80 | size - 2, *[0] * (size - 2)])
    path.write_bytes(head + void + (duration + rest)[size:])
    with pytest.raises(UserError, match="how many frames a second .* ffmpeg's -r 30"):
        clip_info(path)


@pytest.mark.parametrize(
    "colours, told",
    [
        ("color_trc=smpte2084", "is HDR (smpte2084)"),
        ("color_primaries=bt2020:color_trc=bt709", "has a wide gamut (bt2020)"),
        ("color_primaries=bt709:color_trc=bt709", ""),
    ],
)
def test_colours_that_are_not_those_of_screens_are_told(
    tmp_path, monkeypatch, caplog, colours, told
):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    path = str(tmp_path / "a.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i"]
    source = f"testsrc=size=32x32:rate=10:duration=1,format=yuv420p10le,setparams={colours}"
    subprocess.run([*command, source, path], check=True)
    assert clip_info(path).frames == 10
    assert told in caplog.text and bool(told) == ("taken as sRGB" in caplog.text)


def test_numbers_that_are_missing_among_frames_are_told(tmp_path):
    folder = _frames(tmp_path / "a", 12)
    assert not clip_info(folder).varies
    for number in (1, 3, 5, 7, 9, 11):
        (folder / f"frame{number}.png").unlink()
    assert not clip_info(folder).varies  # every second one
    (folder / "frame4.png").unlink()
    assert "its pictures go on by 2 to 4" in clip_info(folder).varies
    (folder / "frame6.png").rename(folder / "last.png")
    assert not clip_info(folder).varies


@pytest.mark.parametrize("count", [1, 2])
def test_several_videos_in_a_file_are_told(tmp_path, caplog, count):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    source = ["-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=1"]
    tracks = [word for number in range(count) for word in ("-map", str(number))]
    subprocess.run([*command, *source * count, *tracks, str(tmp_path / "a.mp4")], check=True)
    assert clip_info(tmp_path / "a.mp4").frames == 10
    assert ("a.mp4 holds several videos" in caplog.text) == (count > 1)


@pytest.mark.parametrize("size", ["64x32", "32x64"])
def test_videos_whose_frames_change_size_are_told(tmp_path, caplog, size):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    for name, side in (("a", "64x32"), ("b", size)):
        source = ["-f", "lavfi", "-i", f"testsrc=size={side}:rate=10:duration=1"]
        subprocess.run([*command, *source, str(tmp_path / f"{name}.webm")], check=True)
    (tmp_path / "list.txt").write_text("file a.webm\nfile b.webm\n")
    source = ["-f", "concat", "-i", str(tmp_path / "list.txt"), "-c", "copy"]
    subprocess.run([*command, *source, str(tmp_path / "c.webm")], check=True)
    assert clip_info(tmp_path / "c.webm").frames == 20
    assert ("frames of 64x32 and 32x64 pixels" in caplog.text) == (size == "32x64")


def test_frames_of_several_sizes_are_refused(tmp_path):
    folder = _frames(tmp_path / "clip", 3)
    Image.new("RGB", (20, 32)).save(folder / "frame3.png")
    assert len(read_clip(folder, 0, 3, 8)) == 3
    with pytest.raises(UserError, match="has pictures of 32×32 and 20×32 pixels; make"):
        read_clip(folder, 0, 4, 8)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi"])
def test_videos_that_are_cut_off_or_damaged_are_told(tmp_path, caplog, name):
    path = tmp_path / name
    start = ["-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=30:duration=3"]
    options = ["-pix_fmt", "yuv420p", *(["-movflags", "+faststart"] if name == "a.mp4" else [])]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *start, *options, str(path)], check=True)
    assert clip_info(path).frames == 90 and not caplog.records
    data = path.read_bytes()
    path.write_bytes(data[: 2 * len(data) // 3])
    frames = clip_info(path).frames
    assert 0 < frames < 90
    assert "is damaged or cut off" in caplog.text and f"are {frames} frames" in caplog.text


def test_interlaced_and_upright_videos(tmp_path, caplog):
    path, turned = str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    source = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1"]
    subprocess.run([*program, *source, path], check=True)
    turn = ["-display_rotation", "-90", "-i", path, "-c", "copy", turned]
    subprocess.run([*program, *turn], check=True)
    expected = np.rot90(read_clip(path, 0, 1, 16)[0], -1)
    np.testing.assert_allclose(read_clip(turned, 0, 1, 16)[0], expected, atol=0.05)
    assert not caplog.records
    options = ["-c:v", "libx264", "-flags", "+ilme+ildct", "-x264-params", "tff=1", "-y"]
    subprocess.run([*program, *source, *options, path], check=True)
    clip_info(path)
    assert "is interlaced" in caplog.text


@pytest.fixture
def folder(tmp_path):
    """A folder of two videos, a GIF and two folders of frames, ten frames each."""
    for number in range(2):
        write_video(tmp_path / f"{number}.mp4", _greys(10, step=2 + number))
        _frames(tmp_path / "frames" / str(number), 10, step=5 + number)
    write_video(tmp_path / "moving.gif", _greys(10, step=8))
    return tmp_path


def test_a_folder_is_split_and_cut(folder, caplog):
    _frames(folder / "short", 3)
    (folder / "broken.mp4").write_bytes(b"not a video")
    options = OPTIONS._replace(video_folder=str(folder))
    clips = signals.make("clips", options)
    assert clips.sizes == {"train": 3, "validation": 1, "test": 1}
    assert "left out 2 unusable" in caplog.text
    found = [clips.get(split, i) for split, n in clips.sizes.items() for i in range(n)]
    assert {clip.shape for clip in found} == {(6, 16, 16, 3)}
    slopes = [round((_means(clip)[-1] - _means(clip)[0]) / 5) for clip in found]
    assert dict(zip(sum(clips.names.values(), []), slopes)) == {
        **{"0.mp4": 2, "1.mp4": 3, "frames/0": 5, "frames/1": 6, "moving.gif": 8}
    }
    again = signals.make("clips", options)
    np.testing.assert_array_equal(found[0], again.get("train", 0))


def test_one_clip(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.gif", _greys(8))
    clip = signals.make("clip", OPTIONS._replace(clip=str(path)))
    assert clip.sizes == {"train": 0, "validation": 0, "test": 1}
    np.testing.assert_allclose(_means(clip.get("test", 0)), 10 + 20 * np.arange(6), atol=1)
    assert clip.names["test"] == ("a.gif",)
    monkeypatch.chdir(_frames(tmp_path / "frames", 8))
    assert signals.make("clip", OPTIONS._replace(clip=".")).names["test"] == ("frames",)


def test_what_is_no_clip(tmp_path):
    def refusal(name, **options):
        with pytest.raises(UserError) as raised:
            signals.make(name, OPTIONS._replace(**options))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "1 frames are no clip" in refusal("moving", frames=1)
    line = refusal("moving", frames=2, resolution=1_000_000)
    assert "clip_frames=2 at resolution=1000000 take 2.24e+04 GiB" in line
    assert "'cliq': did you mean clip" in refusal("cliq")
    assert "give clip" in refusal("clip")
    assert "/nowhere.mp4 does not exist" in refusal("clip", clip="/nowhere.mp4")
    (tmp_path / "a.txt").write_text("hello")
    assert "a.txt is none" in refusal("clip", clip=str(tmp_path / "a.txt"))
    for name in ("a.mp4", "a.gif"):
        (tmp_path / name).write_bytes(b"not a video")
        assert "cannot read" in refusal("clip", clip=str(tmp_path / name))
    short = write_video(tmp_path / "short.gif", _greys(4))
    line = refusal("clip", clip=str(short))
    assert "has 4 frames, fewer than 6" in line and "clip_frames" in line
    single = write_video(tmp_path / "single.gif", _greys(1))
    for frames in (1, 6):
        assert "single.gif has 1 frame;" in refusal("clip", clip=str(single), frames=frames)
    single.unlink()
    (tmp_path / "empty").mkdir()
    assert "empty is a folder without pictures" in refusal("clip", clip=str(tmp_path / "empty"))
    assert "give video_folder" in refusal("clips")
    assert "has 1 good clips" in refusal("clips", video_folder=str(tmp_path), frames=4)


def test_a_video_of_sound_only_has_no_pictures(tmp_path):
    path = tmp_path / "sound.mp4"
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error"]
    subprocess.run([*program, "-f", "lavfi", "-i", "anullsrc", "-t", "0.1", path], check=True)
    with pytest.raises(UserError, match="sound.mp4 has no pictures; give another one"):
        clip_info(path)
