"""The generated landmark written to a folder and read back by the loader of published scenes."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from experiments.scenes import landmark_folder
from experiments.scenes.landmark_folder import write_landmark
from metainr import signals
from metainr.cameras import image_pixels, pixel_rays
from metainr.errors import UserError

NUM, RESOLUTION = 30, 24


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    root = tmp_path_factory.mktemp("landmark") / "scene"
    assert write_landmark(root, NUM, RESOLUTION, seed=0) == NUM
    return root


def _read(root, resolution=RESOLUTION, **options):
    options = signals.LandmarkOptions(resolution, photo_folder=str(root), **options)
    return signals.make("phototourism", options)


def _content(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_written_is_what_is_read(scene):
    generated = signals.make("facade", signals.LandmarkOptions(RESOLUTION))
    loaded = _read(scene)
    assert loaded.sizes == {"train": 5, "validation": 5, "test": 20}
    for split, index in (("test", 0), ("test", 19), ("validation", 4), ("train", 0), ("train", 4)):
        ours, theirs = generated.get(split, index), loaded.get(split, index)
        for name in ("poses", "inverse_intrinsics", "bounds", "windows"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert ours.images.shape == theirs.images.shape
        assert np.abs(ours.images - theirs.images).mean() < 0.02  # JPEG's error
        pixels = image_pixels(*ours.windows[0, 2:])
        rays = [pixel_rays(*v[1:4], pixels) for v in (ours, theirs)]
        for a, b in zip(*rays):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("index", range(5))
def test_fewer_pixels_see_along_the_same_rays(scene, index):
    whole, small = (_read(scene, n).get("train", index) for n in (RESOLUTION, RESOLUTION // 2))
    before, after = whole.windows[0, 2:], small.windows[0, 2:]
    assert after.max() == RESOLUTION // 2
    pixels = image_pixels(*after)
    factor = before / after
    coarse = pixel_rays(*small[1:4], pixels).directions
    fine = pixel_rays(*whole[1:4], factor * pixels + (factor - 1) / 2).directions
    np.testing.assert_allclose(coarse, fine, atol=1e-6)
    brightness = [
        views.images[0, :r, :c].mean() for views, (r, c) in ((whole, before), (small, after))
    ]
    np.testing.assert_allclose(*brightness, atol=0.01)


def test_a_second_run_writes_no_photo_and_more_can_follow(tmp_path):
    write_landmark(tmp_path / "a", 26, 8, seed=2)
    before = _content(tmp_path / "a")
    assert write_landmark(tmp_path / "a", 26, 8, seed=2) == 0
    assert _content(tmp_path / "a") == before
    assert write_landmark(tmp_path / "a", 28, 8, seed=2) == 2
    write_landmark(tmp_path / "b", 28, 8, seed=2)
    ours, theirs = (
        {path.relative_to(root): data for path, data in _content(root).items()}
        for root in (tmp_path / "a", tmp_path / "b")
    )
    assert ours == theirs


def test_a_full_disk_leaves_whole_files_and_the_run_goes_on(tmp_path, monkeypatch):
    whole = landmark_folder.write_bytes
    count = 0

    def until_full(path, data):
        nonlocal count
        count += 1
        if count > 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return whole(path, data)

    monkeypatch.setattr(landmark_folder, "write_bytes", until_full)
    with pytest.raises(OSError, match="No space"):
        write_landmark(tmp_path, 26, 8, seed=0)
    with pytest.raises(UserError, match="c2w_mats.npy is missing"):
        _read(tmp_path)
    monkeypatch.setattr(landmark_folder, "write_bytes", whole)
    assert write_landmark(tmp_path, 26, 8, seed=0) == 26 - 8
    assert _read(tmp_path).sizes["test"] == 20


def test_what_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("irreplaceable")
    (tmp_path / "file").write_text("")
    write_landmark(tmp_path / "ours", 27, 8, seed=0)
    before = _content(tmp_path)
    for folder, num, resolution, seed, message in (
        ("foreign", 26, 8, 0, r"foreign holds other files \(thesis.txt\); give an empty"),
        ("file", 26, 8, 0, "file is a file; give --output_dir a folder"),
        ("ours", 27, 9, 0, "was written with resolution 8, not 9"),
        ("ours", 27, 8, 1, "was written with seed 0, not 1"),
        ("ours", 26, 8, 0, "holds dense/images/photo_000026.jpg, which is none of the 26"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            write_landmark(tmp_path / folder, num, resolution, seed)
        assert "\n" not in str(caught.value)
    (tmp_path / "ours" / "landmark.json").write_text("{")
    with pytest.raises(UserError, match="landmark.json is not valid JSON .*another --output_dir"):
        write_landmark(tmp_path / "ours", 27, 8, 0)
    (tmp_path / "ours" / "landmark.json").write_bytes(before[tmp_path / "ours" / "landmark.json"])
    assert _content(tmp_path) == before


@pytest.mark.slow
def test_the_command(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "experiments.make_landmark", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    done = run(f"--output_dir={tmp_path / 'scene'}", "--num_photos=26", "--resolution=8")
    assert done.returncode == 0, done.stderr
    assert "26 photos, 26 of them new" in done.stdout
    assert json.loads((tmp_path / "scene" / "landmark.json").read_text())["resolution"] == 8
    assert _read(tmp_path / "scene").sizes == {"train": 1, "validation": 5, "test": 20}
    refused = run(f"--output_dir={tmp_path / 'scene'}")
    assert refused.returncode == 1
    assert "was written with resolution 8, not 256" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
