"""Oriented clouds: generated animals against brute force, and users' meshes and clouds."""

import numpy as np
import pytest
from absl import logging

from metainr import signals
from metainr.errors import UserError
from metainr.media.meshes.normals import estimated_normals
from metainr.media.meshes.surfaces import read_surface
from metainr.signals.clouds import round_cones
from metainr.signals.clouds.animals import animal
from metainr.signals.clouds.round_cones import RoundCones

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trimesh():
    return pytest.importorskip("trimesh")


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: said.append(text % values))
    return said


def _animals(num_points=64, seed=0):
    return signals.make("animals", signals.CloudOptions(num_points, seed))


def _one(radii=(0.3, 0.1)):
    return RoundCones(np.array([[0.1, 0.2, -0.3]]), np.array([[0.5, -0.2, 0.4]]), np.array([radii]))


def _points(num):
    return np.random.default_rng(1).uniform(-1, 1, (num, 3))


@pytest.mark.parametrize("radii", [(0.3, 0.1), (0.1, 0.4), (0.2, 0.2)])
def test_a_round_cones_distance_is_that_to_the_nearest_of_many_balls(radii):
    cones, coords = _one(radii), _points(300)
    shares = np.linspace(0, 1, 2001)[:, None]
    centres = cones.starts + shares * (cones.ends - cones.starts)
    balls = radii[0] + shares * (radii[1] - radii[0])
    away = np.linalg.norm(coords[:, None] - centres, axis=-1) - balls.T
    np.testing.assert_allclose(round_cones.distance(cones, coords), away.min(axis=1), atol=1e-6)


@pytest.mark.parametrize("radii", [(0.3, 0.1), (0.1, 0.4), (0.2, 0.2)])
def test_it_is_the_distance_to_the_surface_inside_too(radii):
    cones = _one(radii)
    points, normals = round_cones.surface_points(cones, 40_000, np.random.default_rng(2))
    coords = points[:200] - 0.08 * np.random.default_rng(3).random((200, 1)) * normals[:200]
    found = signals.oriented_distance(points, normals, coords)
    np.testing.assert_allclose(round_cones.distance(cones, coords), found, atol=4e-3)


def test_surface_points_lie_on_the_surface_and_normals_leave_it():
    solid = animal(np.random.default_rng(4))
    points, normals = round_cones.surface_points(solid, 2000, np.random.default_rng(5))
    np.testing.assert_allclose(round_cones.distance(solid, points), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    outside = points + 1e-3 * normals
    found = round_cones.distance(solid, outside)
    assert np.mean(np.abs(found - 1e-3) < 1e-9) > 0.99  # but for creases between parts


def test_surface_points_are_uniform():
    cones = _one((0.3, 0.1))
    way = (cones.ends - cones.starts)[0]
    length, slope = np.linalg.norm(way), -0.2 / np.linalg.norm(way)
    points, _ = round_cones.surface_points(cones, 40_000, np.random.default_rng(6))
    # The first ball's cap ends where the normal has n·a = −s, at height −s r on the axis.
    along = (points - cones.starts[0]) @ way / length
    first, last = 0.3**2 * (1 - slope), 0.1**2 * (1 + slope)
    share = first / (first + last + (1 - slope**2) * length * 0.2)
    assert np.mean(along < -slope * 0.3) == pytest.approx(share, abs=0.01)


def test_a_solid_fills_its_box():
    solid = round_cones.into_box(animal(np.random.default_rng(7)), 0.9)
    points, _ = round_cones.surface_points(solid, 20_000, np.random.default_rng(8))
    assert np.ptp(points, axis=0).max() == pytest.approx(1.8, abs=5e-3)
    np.testing.assert_allclose(points.min(axis=0), -points.max(axis=0), atol=0.02)


def test_distances_of_an_animal_agree_with_its_own_cloud():
    cloud = _animals(20_000).get("test", 0)
    found = signals.oriented_distance(cloud.points, cloud.normals, cloud.coords[:600])
    outside = cloud.distances[:600] > 0.02
    np.testing.assert_allclose(found[outside], cloud.distances[:600][outside], atol=8e-3)
    assert ((found < 0) == (cloud.distances[:600] < 0)).mean() > 0.99
    near = np.abs(cloud.distances[:600]) < 0.03
    smooth = signals.tangent_distance(cloud.points, cloud.normals, cloud.coords[:600])
    assert np.abs(smooth - cloud.distances[:600])[near].mean() < 3e-3


@pytest.mark.parametrize("name", ["sphere.obj", "sphere.ply", "sphere.stl", "sphere.glb"])
def test_meshes_are_scaled_to_the_box_and_back(trimesh, tmp_path, name):
    path = tmp_path / name
    ball = trimesh.creation.icosphere(4, radius=5.0)
    ball.apply_translation([10, -3, 2])
    ball.export(path)
    options = signals.CloudOptions(256, mesh_file=str(path), closed=True)
    clouds = signals.make("mesh", options)
    assert clouds.sizes == {"train": 0, "validation": 0, "test": 1}
    cloud = clouds.get("test", 0)
    np.testing.assert_allclose(np.linalg.norm(cloud.points, axis=1), 0.9, atol=4e-3)
    np.testing.assert_allclose(np.sum(cloud.points * cloud.normals, axis=1), 0.9, atol=5e-3)
    truth = np.linalg.norm(cloud.coords, axis=1) - 0.9
    np.testing.assert_allclose(cloud.distances, truth, atol=8e-3)
    back = cloud.points / cloud.scale + cloud.centre
    np.testing.assert_allclose(np.linalg.norm(back - [10, -3, 2], axis=1), 5, atol=0.03)


def test_a_place_far_away_is_known_to_the_millimetre(trimesh, tmp_path):
    far = np.array([512345.37, 5403210.81, 431.62])
    np.savetxt(tmp_path / "far.xyz", np.hstack([_sphere(4000) + far, _sphere(4000)]), "%.6f")
    options = signals.CloudOptions(256, mesh_file=str(tmp_path / "far.xyz"))
    cloud = signals.make("mesh", options).get("test", 0)
    np.testing.assert_allclose(cloud.centre, far, rtol=0, atol=0.02)
    back = cloud.points / cloud.scale + cloud.centre
    np.testing.assert_allclose(np.linalg.norm(back - far, axis=1), 1, atol=1e-5)


def test_a_boxs_distances_are_those_of_trimesh(trimesh, tmp_path):
    path = tmp_path / "box.ply"
    box = trimesh.creation.box((1.8, 1.2, 0.6))
    box.export(path)
    options = signals.CloudOptions(128, mesh_file=str(path))
    cloud = signals.make("mesh", options).get("test", 0)
    gap = np.abs(cloud.coords) - np.array([0.9, 0.6, 0.3])
    truth = np.linalg.norm(np.maximum(gap, 0), axis=1) + np.minimum(gap.max(axis=1), 0)
    np.testing.assert_allclose(cloud.distances, truth, atol=1e-2)
    far = np.abs(truth) > 1e-2
    np.testing.assert_array_equal((cloud.distances < 0)[far], (truth < 0)[far])


@pytest.mark.parametrize("name", ["box.obj", "box.glb", "box.ply"])
def test_a_mesh_whose_faces_share_no_vertices_is_closed(trimesh, tmp_path, name):
    box = trimesh.creation.box((1.8, 1.2, 0.6))
    box.unmerge_vertices()
    box.export(tmp_path / name)
    assert read_surface(tmp_path / name, 100, RNG).closed


def test_meshes_inside_out_are_turned(trimesh, tmp_path, warnings):
    ball = trimesh.creation.icosphere(2)
    ball.invert()
    ball.export(tmp_path / "ball.ply")
    found = read_surface(tmp_path / "ball.ply", 100, RNG)
    assert (np.sum(found.points * found.normals, axis=1) > 0.9).all()
    assert len(warnings) == 1 and "it is inside out; the faces are turned" in warnings[0]


def test_a_mesh_with_a_hole_has_no_inside(trimesh, tmp_path):
    ball = trimesh.creation.icosphere(2)
    ball.update_faces(np.arange(len(ball.faces)) > 20)
    ball.export(tmp_path / "ball.ply")
    options = signals.CloudOptions(64, mesh_file=str(tmp_path / "ball.ply"))
    assert signals.make("mesh", options).get("test", 0).points.shape == (64, 3)
    with pytest.raises(UserError, match="no watertight mesh.*shape_from=cloud"):
        signals.make("mesh", options._replace(closed=True))


def _sphere(num):
    directions = np.random.default_rng(9).normal(size=(num, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_clouds_with_normals_keep_them(trimesh, tmp_path, warnings):
    points = _sphere(50)
    normals = np.roll(points, 1, axis=1)  # any will do: they must be the file's own
    np.savetxt(tmp_path / "cloud.xyz", np.hstack([points, normals]))
    head = "ply\nformat ascii 1.0\nelement vertex 50\n"
    head += "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    rows = "\n".join(" ".join(map(str, row)) for row in np.hstack([points, normals]))
    (tmp_path / "cloud.ply").write_text(f"{head}end_header\n{rows}\n")
    for name in ("cloud.xyz", "cloud.ply"):
        found = read_surface(tmp_path / name, 10, RNG)
        np.testing.assert_allclose(found.points, points, atol=1e-6)
        np.testing.assert_allclose(found.normals, normals, atol=1e-6)
        assert not found.closed
    assert not warnings


def test_a_binary_cloud_without_normals(trimesh, tmp_path, warnings):
    points = _sphere(500)
    trimesh.PointCloud(points).export(tmp_path / "cloud.ply")
    found = read_surface(tmp_path / "cloud.ply", 10, RNG)
    assert (np.sum(found.points * found.normals, axis=1) > 0.9).all()
    assert len(warnings) == 1 and "has no normals: normals are estimated" in warnings[0]


def test_estimated_normals_of_two_separate_rings_point_outward():
    turn, tube = np.random.default_rng(10).uniform(0, 2 * np.pi, (2, 6000))
    around = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    outward = np.cos(tube)[:, None] * around + np.sin(tube)[:, None] * [0, 0, 1]
    ring = 2 * around + 0.6 * outward
    points, normals = np.concatenate([ring, ring + [9, 0, 1]]), np.tile(outward, (2, 1))
    agreement = np.sum(estimated_normals(points) * normals, axis=1)
    assert agreement.min() > 0.8


def test_a_small_cloud_is_repeated(tmp_path):
    np.savetxt(tmp_path / "cloud.xyz", np.hstack([_sphere(50)] * 2))
    options = signals.CloudOptions(128, mesh_file=str(tmp_path / "cloud.xyz"))
    clouds = signals.make("mesh", options)
    assert clouds.names["test"] == ("cloud.xyz",)
    cloud = clouds.get("test", 0)
    assert cloud.points.shape == (128, 3) and len(np.unique(cloud.points, axis=0)) == 50


def test_a_folder_is_split_and_bad_files_are_left_out(trimesh, tmp_path, warnings):
    for index in range(10):
        trimesh.creation.icosphere(1, radius=1 + index).export(tmp_path / f"ball{index}.ply")
    (tmp_path / "broken.ply").write_bytes(b"ply\nno")
    options = signals.CloudOptions(16, mesh_folder=str(tmp_path))
    clouds = signals.make("mesh_folder", options)
    assert clouds.sizes == {"train": 8, "validation": 1, "test": 1}
    radii = {
        name: round(0.9 / float(clouds.get(split, i).scale))
        for split, names in clouds.names.items()
        for i, name in enumerate(names)
    }
    assert radii == {f"ball{index}.ply": 1 + index for index in range(10)}
    assert len(warnings) == 1 and "broken.ply" in warnings[0]


def _text(path, content):
    path.write_text(content)
    return str(path)


def test_bad_files_are_refused(trimesh, tmp_path):
    def refused(path, match, **changed):
        options = signals.CloudOptions(64, mesh_file=path)._replace(**changed)
        with pytest.raises(UserError, match=match) as caught:
            signals.make("mesh", options)
        assert "\n" not in str(caught.value)

    refused("/nowhere.ply", "cannot read mesh or cloud /nowhere.ply: No such file")
    refused(str(tmp_path), "is a folder; give a file")
    refused(None, "give mesh_file")
    refused(_text(tmp_path / "a.doc", "1 2 3"), "no mesh or cloud known here")
    refused(_text(tmp_path / "a.ply", "nothing"), "cannot be read")
    refused(_text(tmp_path / "a.obj", ""), "a.obj")
    refused(_text(tmp_path / "a.xyz", ""), "has 0 points; a cloud needs 16")
    refused(_text(tmp_path / "b.xyz", "1 2 3 4\n"), "4 numbers a line")
    refused(_text(tmp_path / "c.xyz", "1 2 x\n"), "no table of numbers")
    refused(_text(tmp_path / "d.xyz", "0 0 nan\n" * 20), "not finite")
    refused(_text(tmp_path / "e.xyz", "1 1 1 0 0 1\n" * 20), "in one place")
    refused(_text(tmp_path / "f.xyz", "1 1 1\n" * 20), "all 20 points lie in one place")
    ball = trimesh.creation.icosphere(1)
    ball.vertices[3] = np.nan
    ball.export(tmp_path / "nan.obj")
    refused(str(tmp_path / "nan.obj"), "nan.obj")
    np.savetxt(tmp_path / "g.xyz", np.hstack([_sphere(50)] * 2))
    refused(str(tmp_path / "g.xyz"), "no watertight mesh", closed=True)
    refused(str(tmp_path / "g.xyz"), "a cloud of 3 points", num_points=3)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [(None, "give mesh_folder"), ("/nowhere", "does not exist"), ("", "give mesh_folder")],
)
def test_bad_folders_are_refused(folder, expected):
    with pytest.raises(UserError, match=expected):
        signals.make("mesh_folder", signals.CloudOptions(64, mesh_folder=folder))


def test_an_empty_folder_and_an_unknown_class(tmp_path):
    with pytest.raises(UserError, match="has no meshes or clouds among its 0 files; put"):
        signals.make("mesh_folder", signals.CloudOptions(64, mesh_folder=str(tmp_path)))
    with pytest.raises(UserError, match="did you mean animals"):
        signals.make("anmals", signals.CloudOptions(64))
    with pytest.raises(UserError, match="seed -1 is negative"):
        _animals(seed=-1)
