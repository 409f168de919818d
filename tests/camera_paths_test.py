import numpy as np
import pytest

from metainr.camera_paths import interpolate_poses, spiral, tilted, turntable, upward
from metainr.cameras import look_at


def _turned(angle, origin=(0, 0, 0)):
    """The pose at `origin` that is turned about z."""
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]
    return np.concatenate([rotation, np.array(origin, float)[:, None]], axis=1)


@pytest.mark.parametrize("t", [-0.5, 0, 0.25, 0.5, 1, 1.5])
def test_a_turn_about_one_axis_is_even(t):
    between = interpolate_poses(_turned(0.3, (1, 0, 2)), _turned(1.5, (3, 4, 2)), t)
    expected = _turned(0.3 + 1.2 * t, (1 + 2 * t, 4 * t, 2))
    np.testing.assert_allclose(between, expected, atol=1e-6)
    assert between.dtype == np.float32


def test_the_shorter_way_is_taken():
    half = interpolate_poses(_turned(3.0), _turned(-3.0), 0.5)
    np.testing.assert_allclose(half, _turned(np.pi), atol=1e-6)


def test_any_two_poses_are_joined_by_rotations_of_equal_steps():
    first, last = look_at([3, -2, 1], [0, 0, 1]), look_at([-1, -4, 2], [1, 0, 0])
    way = np.stack([interpolate_poses(first, last, t) for t in np.linspace(0, 1, 9)])
    np.testing.assert_allclose(way[0], first, atol=1e-6)
    np.testing.assert_allclose(way[-1], last, atol=1e-6)
    rotations = way[:, :, :3].astype(np.float64)
    identity = np.broadcast_to(np.eye(3), rotations.shape)
    np.testing.assert_allclose(rotations.swapaxes(1, 2) @ rotations, identity, atol=1e-5)
    steps = rotations[:-1].swapaxes(1, 2) @ rotations[1:]
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-5)


def test_the_same_pose_twice_stays():
    pose = look_at([3, -2, 1], [0, 0, 1])
    np.testing.assert_allclose(interpolate_poses(pose, pose, 0.7), pose, atol=1e-6)


def test_a_turntable_goes_round_once():
    poses = turntable(4.0, np.pi / 6, 8)
    assert poses.shape == (8, 3, 4) and poses.dtype == np.float32
    eyes = poses[:, :, 3]
    np.testing.assert_allclose(eyes[0], [4 * np.cos(np.pi / 6), 0, 2], atol=1e-6)
    np.testing.assert_allclose(eyes[2], [0, 4 * np.cos(np.pi / 6), 2], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(eyes, axis=1), 4, rtol=1e-6)
    np.testing.assert_allclose(poses[:, :, 2], eyes / 4, atol=1e-6)  # they look at the origin


def test_a_spiral_climbs_and_sinks_while_it_goes_round():
    eyes = spiral(4.0, 0.1, 0.9, 2, 16)[:, :, 3]
    np.testing.assert_allclose(np.linalg.norm(eyes, axis=1), 4, rtol=1e-6)
    heights = np.arcsin(eyes[:, 2] / 4)
    np.testing.assert_allclose(heights[[0, 4, 8, 12]], [0.1, 0.5, 0.9, 0.5], atol=1e-6)
    turns = np.unwrap(np.arctan2(eyes[:, 1], eyes[:, 0]))
    np.testing.assert_allclose(np.diff(turns), np.pi / 4, atol=1e-5)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, -1, 0), (0.6, 0, 0.8)])
def test_a_turned_path_has_another_top(up):
    poses = tilted(turntable(4.0, 0.5, 12), up)
    np.testing.assert_allclose(upward(poses), up, atol=1e-5)
    eyes = poses[:, :, 3]
    np.testing.assert_allclose(eyes @ up, 4 * np.sin(0.5), atol=1e-5)
    np.testing.assert_allclose(poses[:, :, 2], eyes / 4, atol=1e-6)


def test_leaning_cameras_have_the_axis_as_their_top():
    np.testing.assert_array_equal(upward(np.stack([look_at((3, 0, 1), (0, 0, 0))])), [0, 0, 1])
