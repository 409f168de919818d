"""Reconstructions in COLMAP's text and binary formats, written by hand, with known depths."""

import os
import re
import sys

import numpy as np
import pytest
from absl import logging
from PIL import Image
from scene_files import (
    COLUMNS,
    ROWS,
    photo_pose,
    seen_points,
    write_reconstruction,
)

from metainr import signals
from metainr.cameras import pixel_rays
from metainr.errors import UserError

pycolmap = pytest.importorskip("pycolmap")


def _name(index):
    return f"{index:02d}.jpg"


def _depths(index):
    return (seen_points() - photo_pose(index, 20)[:, 3]) @ photo_pose(index, 20)[:, 2]


def _read(root, resolution=64):
    options = signals.LandmarkOptions(resolution, photo_folder=str(root))
    return signals.make("colmap", options)


@pytest.mark.parametrize("place", ["sparse/0", "sparse", "dense/sparse"])
@pytest.mark.parametrize("binary", [False, True])
def test_cameras_points_and_photos_come_together(tmp_path, place, binary):
    write_reconstruction(tmp_path)
    texts = tmp_path / "sparse" / "0"
    reconstruction = pycolmap.Reconstruction(str(texts))
    for path in texts.iterdir():
        path.unlink()
    texts.rmdir()
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    write = reconstruction.write_binary if binary else reconstruction.write_text
    write(str(tmp_path / place))
    signal = _read(tmp_path)
    assert signal.sizes == {"train": 2, "validation": 5, "test": 20}
    assert signal.names["train"] == [_name(25), _name(26)]
    views = signal.get("train", 1)  # photo 26
    np.testing.assert_allclose(views.images, 234 / 255, atol=0.01)
    np.testing.assert_allclose(views.poses[0, :, :3], photo_pose(26, 20)[:, :3], atol=1e-6)
    np.testing.assert_allclose(views.poses[0, :, 3], 0.05 * photo_pose(26, 20)[:, 3], atol=1e-6)
    near, far = np.percentile(_depths(26), [0.1, 99.9])
    np.testing.assert_allclose(views.bounds[0], [0.05 * 0.9 * near, 0.05 * 1.2 * far], rtol=1e-5)
    # COLMAP's (8.5, 6.25) is the middle of column 8 and a quarter above that of row 6.
    rays = pixel_rays(*views[1:4], np.array([[5.75, 8.0]]))
    np.testing.assert_allclose(rays.directions[0], photo_pose(26, 20)[:, 2], atol=1e-5)


def test_a_simple_pinhole_will_do(tmp_path):
    write_reconstruction(tmp_path, camera=f"1 SIMPLE_PINHOLE {COLUMNS} {ROWS} 20 8 6")
    inverse = _read(tmp_path).get("test", 0).inverse_intrinsics[0]
    expected = [[1 / 20, 0, -7.5 / 20], [0, 1 / 20, -5.5 / 20], [0, 0, 1]]
    np.testing.assert_allclose(inverse, expected, rtol=1e-6)


def test_distorted_photos_are_refused_with_the_remedy(tmp_path):
    write_reconstruction(tmp_path, camera=f"1 SIMPLE_RADIAL {COLUMNS} {ROWS} 20 8 6 0.1")
    with pytest.raises(UserError, match="00.jpg has a SIMPLE_RADIAL .* run colmap image_undist"):
        _read(tmp_path)


@pytest.mark.parametrize(
    "camera", ["SIMPLE_RADIAL {} {} 20 8 6 0", "OPENCV {} {} 20 20 8 6 0 0 0 0"]
)
def test_distortion_that_is_zero_is_none(tmp_path, camera):
    write_reconstruction(tmp_path, camera=f"1 {camera.format(COLUMNS, ROWS)}")
    inverse = _read(tmp_path).get("test", 0).inverse_intrinsics[0]
    expected = [[1 / 20, 0, -7.5 / 20], [0, 1 / 20, -5.5 / 20], [0, 0, 1]]
    np.testing.assert_allclose(inverse, expected, rtol=1e-6)


def test_fisheyes_are_refused_whatever_their_parameters(tmp_path):
    write_reconstruction(tmp_path, camera=f"1 OPENCV_FISHEYE {COLUMNS} {ROWS} 20 20 8 6 0 0 0 0")
    with pytest.raises(UserError, match="00.jpg has a OPENCV_FISHEYE camera"):
        _read(tmp_path)


def test_photos_that_see_few_points_are_skipped(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    write_reconstruction(tmp_path, num_points=5)
    assert _read(tmp_path).sizes == {"train": 1, "validation": 5, "test": 20}
    assert len(lines) == 1 and "skipped 1 photos with few points: 03.jpg" in lines[0]


@pytest.mark.parametrize("binary", [False, True])
def test_names_of_photos_may_have_spaces(tmp_path, binary):
    write_reconstruction(tmp_path)
    for path in [*(tmp_path / "images").iterdir()]:
        path.rename(path.with_name(f"my {path.name}"))
    texts = tmp_path / "sparse" / "0"
    lines = (texts / "images.txt").read_text()
    (texts / "images.txt").write_text(re.sub(r"(\d+\.jpg)", r"my \1", lines))
    if binary:
        reconstruction = pycolmap.Reconstruction(str(texts))
        for image in reconstruction.images.values():
            image.name = f"my {image.image_id - 1:02d}.jpg"
        reconstruction.write_binary(str(texts))
    assert _read(tmp_path).names["train"] == ["my 25.jpg", "my 26.jpg"]


def test_other_models_are_told(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: said.append(text % values))
    write_reconstruction(tmp_path)
    _read(tmp_path)
    assert not any("model" in line for line in said)
    (tmp_path / "sparse" / "1").mkdir()
    _read(tmp_path)
    assert sum("only this model is read, of those beside it, 1," in line for line in said) == 1


def test_masks_and_photos_that_are_missing_are_told(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: said.append(text % values))
    write_reconstruction(tmp_path)
    (tmp_path / "masks").mkdir()
    (tmp_path / "images" / _name(4)).unlink()
    (tmp_path / "images" / _name(5)).write_bytes(b"no photo")
    _read(tmp_path)
    assert "masks: its masks are not used: all of each photo counts" in said[0]
    assert "photos: 1 missing or empty (04.jpg) and 1 unreadable (05.jpg)" in said[1]


def test_photos_of_another_size_are_named(tmp_path):
    write_reconstruction(tmp_path)
    Image.new("L", (COLUMNS + 1, ROWS)).save(tmp_path / "images" / _name(4))
    with pytest.raises(UserError, match="04.jpg has 17×12 pixels as stored, its camera 16×12"):
        _read(tmp_path)


def test_photos_that_exif_turned_are_named(tmp_path):
    write_reconstruction(tmp_path)
    Image.new("L", (ROWS, COLUMNS)).save(tmp_path / "images" / _name(4))
    with pytest.raises(UserError, match="04.jpg has 12×16 pixels as stored, .*16×12: .* EXIF"):
        _read(tmp_path)


def test_names_do_not_lead_out_of_the_folder(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    write_reconstruction(tmp_path)
    images = tmp_path / "sparse" / "0" / "images.txt"
    for index, name in ((3, "../outside.jpg"), (4, f"{tmp_path}/outside.jpg"), (5, "gone/05.jpg")):
        images.write_text(images.read_text().replace(f" 1 {_name(index)}\n", f" 1 {name}\n"))
    Image.new("L", (COLUMNS, ROWS)).save(tmp_path / "outside.jpg")
    signal = _read(tmp_path)
    assert "skipped photos: 2 missing or empty (" in lines[0] and "outside.jpg" in lines[0]
    assert _name(5) in sum(signal.names.values(), [])


def test_a_photo_is_not_taken_for_two(tmp_path):
    write_reconstruction(tmp_path)
    images = tmp_path / "sparse" / "0" / "images.txt"
    images.write_text(images.read_text().replace(" 1 05.jpg", " 1 b/04.jpg"))
    with pytest.raises(UserError, match="04.jpg is 2 photos at once"):
        _read(tmp_path)


def test_few_photos_are_split_in_proportion(tmp_path):
    write_reconstruction(tmp_path)
    reconstruction = pycolmap.Reconstruction(str(tmp_path / "sparse" / "0"))
    images = (tmp_path / "sparse" / "0" / "images.txt").read_text().splitlines()
    (tmp_path / "sparse" / "0" / "images.txt").write_text("\n".join(images[:20]) + "\n")
    points = tmp_path / "sparse" / "0" / "points3D.txt"
    kept = [
        " ".join(str(x) for x in (number, *point.xyz, 9, 9, 9, 0.1, *_track(point, 10)))
        for number, point in reconstruction.points3D.items()
    ]
    points.write_text("\n".join(kept) + "\n")
    assert _read(tmp_path).sizes == {"train": 7, "validation": 1, "test": 2}


def _track(point, most):
    seen = [x for x in point.track.elements if x.image_id <= most]
    return [number for x in seen for number in (x.image_id, x.point2D_idx)]


@pytest.fixture
def binary(tmp_path):
    """A reconstruction in COLMAP's binary files."""
    write_reconstruction(tmp_path)
    folder = tmp_path / "sparse" / "0"
    reconstruction = pycolmap.Reconstruction(str(folder))
    for path in folder.iterdir():
        path.unlink()
    reconstruction.write_binary(str(folder))
    return tmp_path


@pytest.mark.parametrize(
    "name, place",
    [("cameras", 0), ("images", 0), ("points3D", 0), ("points3D", 8 + 43), ("images", 8 + 64 + 7)],
)
@pytest.mark.parametrize("count", [2**63 - 1, 2**64 - 1, 10**9])
def test_counts_that_files_cannot_hold_are_refused_at_once(binary, name, place, count):
    path = binary / "sparse" / "0" / f"{name}.bin"
    data = bytearray(path.read_bytes())
    data[place : place + 8] = count.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"{name}.bin is no file that COLMAP can read"):
        _read(binary)


@pytest.mark.parametrize("name", ["cameras", "images", "points3D", "frames", "rigs"])
def test_noise_is_refused_at_once(binary, name):
    noise = np.random.default_rng(0).bytes(10_000)
    (binary / "sparse" / "0" / f"{name}.bin").write_bytes(noise)
    with pytest.raises(UserError, match=f"{name}.bin is no file that COLMAP can read"):
        _read(binary)


def test_pipes_are_refused_at_once(binary):
    (binary / "sparse" / "0" / "points3D.bin").unlink()
    os.mkfifo(binary / "sparse" / "0" / "points3D.bin")
    with pytest.raises(UserError, match="points3D.bin: it is a pipe or device"):
        _read(binary)


def test_names_that_are_no_text_are_told(binary):
    path = binary / "sparse" / "0" / "images.bin"
    path.write_bytes(path.read_bytes().replace(b"05.jpg", b"\xe95.jpg"))
    with pytest.raises(UserError, match="of a photo is not UTF-8; rename"):
        _read(binary)


def test_points_that_are_missing_are_told(tmp_path):
    write_reconstruction(tmp_path)
    points = tmp_path / "sparse" / "0" / "points3D.txt"
    points.write_text("\n".join(points.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match="00.jpg sees point .*40.*, which points3D lacks"):
        _read(tmp_path)


def test_files_that_are_missing_are_named(tmp_path):
    write_reconstruction(tmp_path / "a")
    (tmp_path / "a" / "images").rename(tmp_path / "a" / "elsewhere")
    with pytest.raises(UserError, match="a has no folder images or dense/images"):
        _read(tmp_path / "a")
    (tmp_path / "a" / "sparse" / "0" / "points3D.txt").unlink()
    with pytest.raises(UserError, match="a has no cameras, images and points3D .*sparse/0"):
        _read(tmp_path / "a")


def test_damaged_files_are_refused(tmp_path):
    write_reconstruction(tmp_path)
    images = tmp_path / "sparse" / "0" / "images.txt"
    images.write_text(images.read_text().replace(" 1 05.jpg", " 7 05.jpg"))  # no camera 7
    with pytest.raises(UserError, match="no reconstruction that COLMAP can read"):
        _read(tmp_path)


def test_a_camera_without_focal_length_is_named(tmp_path):
    write_reconstruction(tmp_path, camera=f"1 SIMPLE_PINHOLE {COLUMNS} {ROWS} 0 8 6")
    with pytest.raises(UserError, match="the camera of photo 00.jpg is singular"):
        _read(tmp_path)


def test_without_pycolmap_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(UserError, match="needs pycolmap; run: pip install"):
        _read(tmp_path)
