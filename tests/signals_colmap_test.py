"""Reconstructions in COLMAP's text and binary formats, written by hand, with known depths."""

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


def test_photos_that_see_few_points_are_skipped(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    write_reconstruction(tmp_path, num_points=5)
    assert _read(tmp_path).sizes == {"train": 1, "validation": 5, "test": 20}
    assert len(lines) == 1 and "skipped 1 photos with few points: 03.jpg" in lines[0]


def test_photos_of_another_size_are_named(tmp_path):
    write_reconstruction(tmp_path)
    Image.new("L", (COLUMNS + 1, ROWS)).save(tmp_path / "images" / _name(4))
    with pytest.raises(UserError, match="04.jpg has 17×12 pixels as stored, its camera 16×12"):
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
