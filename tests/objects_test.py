"""One object: its depths have a closed form, its files read back, its scene goes where it fits."""

import importlib.machinery
import json
import socket
import sys
import types
import urllib.request

import jax
import numpy as np
import pytest
from PIL import Image
from scene_files import write_scene

from experiments import view_synthesis
from experiments.objects import live
from experiments.objects.showing import Cameras, Fitted, make_look, path_cameras, surface
from experiments.objects.subject import Subject, subject
from experiments.objects.turn_options import TurnOptions
from experiments.objects.view_files import write_views
from experiments.run.reading import config_of
from metainr.camera_paths import turntable
from metainr.cameras import Views, look_at, pixel_rays
from metainr.errors import UserError
from metainr.media.cameras.pinhole import inverse_pinhole
from metainr.media.cameras.poses import UNMOVED, Placement, depth_looked_at, place_looked_at
from metainr.media.cameras.transforms import read_frames
from metainr.signals.objects import ObjectOptions, one_scene
from metainr.types import Field

RADIUS, SIDE, SAMPLES = 0.7, 24, 96
MOVED = Placement(np.array([10.0, -4.0, 2.0]), 0.25)


def _config(**values):
    config = config_of(view_synthesis.EXPERIMENT, {"ray_samples": SAMPLES, **values})
    return config._replace(run=config.run._replace(only_tests=True))


def _ball():
    """An opaque grey ball around the origin."""

    def apply(params, coords):
        inside = (coords**2).sum(-1, keepdims=True) < params**2
        density = jax.numpy.where(inside, 1e4, -1e4)
        return jax.numpy.concatenate([jax.numpy.zeros((len(coords), 3)), density], -1)

    return Field(lambda key: np.full((1, 1), RADIUS, np.float32), apply)


def _subject(placement=UNMOVED, num=4):
    inverse = inverse_pinhole((30.0, 30.0), (SIDE / 2, SIDE / 2))
    views = Views(
        np.zeros((num, SIDE, SIDE, 3), np.float32),
        turntable(4.0, 0.4, num),
        np.repeat(inverse[None], num, 0),
        np.full((num, 2), (2.7, 5.3), np.float32),
        np.tile([0, 0, SIDE, SIDE], (num, 1)),
    )
    return Subject(views, num, placement)


@pytest.fixture(scope="module")
def fitted():
    return Fitted(_ball(), np.full((1, 1), RADIUS, np.float32), _config(), _subject(MOVED))


@pytest.fixture(scope="module")
def seen(fitted):
    """(cameras, what they see, its depths)."""
    cameras = path_cameras(TurnOptions(frames=2, side=SIDE), fitted.subject)
    return cameras, *make_look(fitted)(cameras)


def _true_depths(camera, inverse):
    """Where pixels' rays meet the ball: |o + z d| = RADIUS, NaN where they do not."""
    pixels = np.moveaxis(np.mgrid[:SIDE, :SIDE], 0, -1).reshape(-1, 2).astype(np.float32)
    rays = pixel_rays(camera[None], inverse[None], np.ones((1, 2), np.float32), pixels)
    along = np.sum(rays.origins * rays.directions, axis=1)
    length = np.sum(rays.directions**2, axis=1)
    root = along**2 - length * (np.sum(rays.origins**2, axis=1) - RADIUS**2)
    with np.errstate(invalid="ignore"):
        return ((-along - np.sqrt(root)) / length).reshape(SIDE, SIDE)


def test_depths_of_a_ball_are_those_of_its_equation(seen):
    cameras, pictures, depths = seen
    for depth, pose, inverse in zip(depths, cameras.poses, cameras.inverse_intrinsics):
        expected = _true_depths(pose, inverse)
        both = np.isfinite(depth) & np.isfinite(expected)
        assert both.sum() > 50 and (np.isfinite(depth) ^ np.isfinite(expected)).mean() < 0.02
        np.testing.assert_allclose(depth[both], expected[both], atol=1.1 * 2.6 / (SAMPLES - 1))
    inside = pictures[np.isfinite(depths)]
    assert abs(inside.mean() - 127.5) < 3 and pictures[0, 0, 0].tolist() == [255] * 3


def test_views_read_back_in_the_cameras_own_coordinates(fitted, seen, tmp_path):
    cameras, pictures, depths = seen
    write_views(tmp_path, pictures, depths, cameras, fitted.subject)
    frames, content = (
        read_frames(tmp_path / "transforms.json"),
        json.loads((tmp_path / "transforms.json").read_text()),
    )
    np.testing.assert_allclose(MOVED.there(frames.poses), cameras.poses, atol=1e-5)
    stored, scale = np.load(tmp_path / "depth.npy"), content["integer_depth_scale"]
    np.testing.assert_allclose(stored, depths / MOVED.scale, rtol=1e-6)
    for frame, picture, depth in zip(content["frames"], pictures, stored):
        np.testing.assert_array_equal(Image.open(tmp_path / frame["file_path"]), picture)
        image = Image.open(tmp_path / frame["depth_file_path"])
        assert image.mode == "I;16" and float(image.text["integer_depth_scale"]) == scale
        expected = np.nan_to_num(depth)
        np.testing.assert_allclose(np.asarray(image) * scale, expected, atol=0.51 * scale)
    again = path_cameras(
        TurnOptions(camera_path=str(tmp_path / "transforms.json"), side=SIDE), fitted.subject
    )
    np.testing.assert_allclose(again.poses, cameras.poses, atol=1e-5)
    np.testing.assert_allclose(again.inverse_intrinsics, cameras.inverse_intrinsics, atol=1e-6)


def test_the_mesh_lies_in_the_cameras_own_coordinates(fitted):
    mesh = surface(fitted, 24, 5.0)
    distances = np.linalg.norm(mesh.vertices - MOVED.centre, axis=1)
    np.testing.assert_allclose(distances, RADIUS / MOVED.scale, atol=2.5 / 23 / MOVED.scale)


def test_placements_are_undone():
    poses = turntable(4.0, 0.4, 5)
    np.testing.assert_allclose(MOVED.back(MOVED.there(poses)), poses, atol=1e-6)
    np.testing.assert_allclose(MOVED.there(MOVED.centre), 0, atol=1e-12)
    moved = MOVED.back(poses)
    np.testing.assert_allclose(place_looked_at(moved), MOVED.centre, atol=1e-4)
    assert depth_looked_at(moved) == pytest.approx(4 / MOVED.scale, rel=1e-5)


@pytest.fixture
def far_scene(tmp_path):
    """A scene whose cameras look at MOVED's centre from 16 away."""
    write_scene(tmp_path, num=9)
    path = tmp_path / "transforms.json"
    content = json.loads(path.read_text())
    for frame in content["frames"]:
        matrix = np.array(frame["transform_matrix"])
        eye = 4 * matrix[:3, 3] / np.linalg.norm(matrix[:3, 3]) / MOVED.scale
        matrix[:3] = look_at(eye + MOVED.centre, MOVED.centre)
        frame["transform_matrix"] = matrix.tolist()
    path.write_text(json.dumps(content))
    return tmp_path


def test_a_scene_is_scaled_to_near_and_far_and_back(far_scene, capsys):
    config = _config(resolution=8, near=2.7, far=5.3)
    found = subject(TurnOptions(object=str(far_scene), auto_scale=True), config)
    np.testing.assert_allclose(np.linalg.norm(found.views.poses[:, :, 3], axis=1), 4, rtol=1e-4)
    assert depth_looked_at(found.views.poses) == pytest.approx(4, rel=1e-4)
    np.testing.assert_allclose(place_looked_at(found.views.poses), 0, atol=1e-3)
    stored = read_frames(far_scene / "transforms.json").poses
    for pose in found.own_poses:
        assert np.abs(stored - pose).max((1, 2)).min() < 1e-4
    assert "look at (10, -4, 2) from 16 away" in capsys.readouterr().out
    assert (found.num_seen, len(found.unseen.images)) == (8, 1)


def test_what_is_not_between_near_and_far_is_told(far_scene):
    with pytest.raises(UserError, match="16 away.*--near=2 to --far=6.*--auto_scale, or other"):
        subject(TurnOptions(object=str(far_scene)), _config(resolution=8))


def test_few_pictures_are_all_seen(tmp_path):
    write_scene(tmp_path / "three", num=3)
    write_scene(tmp_path / "two", num=2)
    found = subject(TurnOptions(object=str(tmp_path / "three")), _config(resolution=8))
    assert (found.num_seen, len(found.unseen.images)) == (3, 0)
    with pytest.raises(UserError, match="2 pictures tell random weights no shape; give at least 3"):
        subject(TurnOptions(object=str(tmp_path / "two")), _config(resolution=8))


@pytest.mark.parametrize(
    ("num_seen", "files", "expected"),
    [
        (None, {"transforms.json": 25}, (22, 3)),
        (1, {"transforms.json": 4}, (1, 3)),
        (4, {"transforms.json": 4}, (4, 0)),
        (None, {"transforms_train.json": 5, "transforms_test.json": 6}, (5, 3)),
        (2, {"transforms_train.json": 5}, (2, 3)),
    ],
)
def test_a_scenes_pictures_are_divided(tmp_path, num_seen, files, expected):
    for i, (name, num) in enumerate(files.items()):
        write_scene(tmp_path, num=num, name=name, prefix=f"{i}_", grey=100 * i)
    views, seen = one_scene(tmp_path, ObjectOptions(8), num_seen, 3)
    assert (seen, len(views.images) - seen) == expected
    greys = views.images[:, 0, 0, 0].round(4).tolist()
    assert len(set(greys)) == len(greys)


def test_a_viewer_needs_viser_and_a_free_port(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setitem(sys.modules, "viser", types.ModuleType("viser"))
        sys.modules["viser"].__spec__ = importlib.machinery.ModuleSpec("viser", None)
        with pytest.raises(UserError, match=f"viewer_port={port} cannot be used .*another one"):
            live.check_viewer(port)
    live.check_viewer(port)
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(UserError, match=r"needs viser; run: pip install 'metainr\[viewer\]'"):
        live.check_viewer(port)


@pytest.mark.slow  # a second for viser
def test_a_fit_is_served(fitted):
    pytest.importorskip("viser")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    show = live.shower(TurnOptions(viewer=True, viewer_port=port), fitted.subject)
    show("step 1", fitted)
    empty = fitted._replace(params=np.zeros((1, 1), np.float32))
    show("step 2", empty)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}") as page:
        assert b"<html" in page.read()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fl_x": 20.0}, "has fl_x without w and h; add them"),
        (None, "is neither orbit nor spiral nor a file"),
    ],
)
def test_mistakes_in_camera_paths(tmp_path, content, message):
    path = tmp_path / "path.json"
    if content is not None:
        frame = {"transform_matrix": [*turntable(4, 0, 1)[0].tolist(), [0, 0, 0, 1]]}
        path.write_text(json.dumps({**content, "frames": [frame]}))
    with pytest.raises(UserError, match=message):
        path_cameras(TurnOptions(camera_path=str(path)), _subject())


def test_the_cameras_of_a_file_keep_its_proportions(tmp_path):
    path = tmp_path / "path.json"
    frame = {"transform_matrix": [*turntable(4, 0, 1)[0].tolist(), [0, 0, 0, 1]]}
    lens = {"fl_x": 200.0, "w": 100, "h": 50}
    path.write_text(json.dumps({**lens, "frames": [frame, frame]}))
    found = path_cameras(TurnOptions(camera_path=str(path), side=40), _subject())
    expected = inverse_pinhole((80.0, 80.0), (20.0, 10.0))
    assert isinstance(found, Cameras) and found.size == (20, 40)
    np.testing.assert_allclose(found.inverse_intrinsics[1], expected, atol=1e-7)
