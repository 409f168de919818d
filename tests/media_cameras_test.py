"""What is made of poses and lenses, whichever format they come from."""

import json

import numpy as np
import pytest
from absl import logging
from PIL import Image
from scene_files import write_scene
from scipy.spatial.transform import Rotation

from metainr.errors import UserError
from metainr.media.cameras import transforms
from metainr.media.cameras.lenses import bent_by, is_scaled
from metainr.media.cameras.poses import pose_and_scale
from metainr.media.cameras.transforms import focal_and_centre


def _matrix(scale=1.0, place=(1.0, 2.0, 3.0)):
    rotation = Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).as_matrix()
    return np.concatenate([scale * rotation, np.array(place)[:, None]], axis=1)


@pytest.mark.parametrize("scale", [1e-200, 0.01, 0.2517, 3, 1e150])
def test_scaled_rotations_are_normalised(scale):
    pose, found = pose_and_scale(np.concatenate([_matrix(scale), [[0, 0, 0, 1]]]))
    np.testing.assert_allclose(pose, _matrix(), atol=1e-12)
    np.testing.assert_allclose(found, scale, rtol=1e-12)


def test_rounded_rotations_stay_as_they_are():
    rounded = _matrix(1.001).round(4)
    pose, scale = pose_and_scale(rounded)
    assert scale == 1 and np.array_equal(pose, rounded)


@pytest.mark.parametrize(
    "change, words",
    [
        ([1, 1, 1.1, 1], "no rotation"),
        ([1, -1, 1, 1], "left-handed"),
        ([1, 0, 1, 1], "singular"),
        ([0, 0, 0, 1], "singular"),
        ([1, 1, np.inf, 1], "holds NaN or infinity"),
        ([1, 1, 1, np.nan], "holds NaN or infinity"),
    ],
)
def test_other_matrices_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        pose_and_scale(_matrix() * change)
    with pytest.raises(ValueError, match="last row"):
        pose_and_scale(np.concatenate([_matrix(), [[1, 0, 0, 1]]]))


def test_what_bends_no_ray_is_a_pinhole():
    zeros = {name: 0.0 for name in ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2", "s1", "k")}
    harmless = {"sharpness": 3.1, "scale": 2, "aabb_scale": 16, "offset": [1, 2, 3], "w": 8}
    for model in ("OPENCV", "SIMPLE_RADIAL", "pinhole", None):
        assert bent_by({**harmless, **zeros, "camera_model": model, "is_fisheye": False}) == ""
    assert bent_by({"distortion_params": [0, 0.0], "rolling_shutter": [0, 0, 0]}) == ""


@pytest.mark.parametrize(
    "name, value",
    [
        *((name, 1e-3) for name in ("k", "k1", "k5", "k6", "p2", "s4", "sx1", "omega", "skew")),
        *((name, True) for name in ("is_fisheye", "equirectangular", "is_orthographic")),
        ("camera_model", "OPENCV_FISHEYE"),
        ("camera_model", "FISHEYE"),
        ("camera_model", ["OPENCV"]),
        ("camera_model", "none of ours"),
        ("ftheta_p0", 0.1),
        ("distortion_params", [0, 0.1]),
        ("k2", "0.1"),
        ("k2", float("nan")),
    ],
)
def test_what_bends_rays_is_named(name, value):
    assert bent_by({"k1": 0, name: value}) == name


def test_scaled_pictures_may_be_a_pixel_off():
    assert is_scaled((1000, 1501), (125, 188)) and is_scaled((1000, 1501), (125, 187))
    assert is_scaled((12, 16), (1200, 1600))
    assert not is_scaled((48, 32), (32, 48)) and not is_scaled((1000, 1500), (125, 200))
    assert not is_scaled((0, 16), (12, 16))


def _frames(folder, own, **fields):
    """Those of a scene whose first frame has fields of its own."""
    write_scene(folder, num=2, **fields)
    content = json.loads((folder / "transforms.json").read_text())
    content["frames"][0].update(own)
    (folder / "transforms.json").write_text(json.dumps(content))
    return transforms.read_frames(folder / "transforms.json")


def test_a_name_without_an_ending_that_may_be_two_pictures(tmp_path):
    write_scene(tmp_path, num=2)
    Image.new("RGB", (8, 8)).save(tmp_path / "r_1.jpg")
    with pytest.raises(UserError, match="names ../r_1., which may be r_1.jpg or r_1.png"):
        transforms.read_frames(tmp_path / "transforms.json")
    (tmp_path / "r_1.jpg").rename(tmp_path / "r_1.txt")
    assert transforms.read_frames(tmp_path / "transforms.json").paths[1].name == "r_1.png"


def test_a_frames_own_camera_replaces_the_files(tmp_path):
    angle, common = _frames(tmp_path, {"camera_angle_x": 0.5}, fl_x=50).lenses
    assert (angle, common) == ({"camera_angle_x": 0.5}, {"fl_x": 50})
    focal, common = _frames(tmp_path, {"fl_x": 50, "fl_y": 51}, camera_angle_y=0.6).lenses
    assert focal == {"fl_x": 50, "fl_y": 51} and {*common} == {"camera_angle_x", "camera_angle_y"}


@pytest.mark.parametrize("fields", [{"cx": 0.5, "cy": 0.5}, {"fl_x": 1.25}])
def test_parts_of_a_picture_are_no_pixels(tmp_path, fields):
    frames = _frames(tmp_path, {}, **fields)
    with pytest.raises(UserError, match=f"r_0.png has {[*fields][0]} .*; give pixels"):
        transforms.check_size(frames, 30, 40)
    transforms.check_size(_frames(tmp_path, {}, **fields, w=1, h=1), 40, 40)


def test_fields_that_are_not_used_are_told_once(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *rest: lines.append(line % rest))
    monkeypatch.setattr(transforms, "_told", set())
    for _ in range(2):
        _frames(tmp_path, {"mask_path": "a.png", "time": 0.5}, train_filenames=["r_0.png"])
    assert len(lines) == 3
    assert "transforms.json: its mask_path is not used" in lines[0]
    assert "its time is not used: the scene is taken as still" in lines[1]
    assert "its train_filenames is not used" in lines[2]


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"camera_angle_x": 0.7, "fl_y": 100}, "fl_y of frame 0 without fl_x"),
        ({"fl_x": 20, "w": 16, "camera_angle_x": 2.0}, "frame 0: camera_angle_x means .* 5.1"),
        ({"camera_angle_x": 0.7, "intrinsic_matrix": [[99]]}, "intrinsic_matrix of frame 0 is not"),
    ],
)
def test_intrinsics_that_are_half_or_twice_told(tmp_path, fields, words):
    with pytest.raises(UserError, match=words):
        _frames(tmp_path, {}, **fields)


def test_a_focal_length_of_larger_pictures_than_the_angle(tmp_path):
    frames = _frames(tmp_path, {}, fl_x=20, camera_angle_x=0.7)
    with pytest.raises(UserError, match="r_0.png: camera_angle_x means .* 10.96 pixels"):
        transforms.check_size(frames, 8, 8)
    transforms.check_size(frames, 8, 15)


def test_an_angle_up_goes_with_a_focal_length_across():
    lens = {"fl_x": 20.0, "camera_angle_y": 0.2}
    (across, up), _ = focal_and_centre(lens, 12, 16)
    assert across == 20 and up == pytest.approx(6 / np.tan(0.1))
