"""A ball as a mesh: where it is, closed, coloured, and the same once written and read."""

import sys

import numpy as np
import pytest
import trimesh

from experiments.solids.meshes import Mesh, density_mesh, write_mesh
from metainr.errors import UserError
from metainr.media.meshes.mesh_files import read_mesh_file

CENTRE, RADIUS = np.array([0.2, -0.1, 0.3], np.float32), 0.6
LOW, HIGH = np.array([-1.0, -1, -1]), np.array([1.0, 1.2, 1.1])


def _ball(coords, slope=10.0):
    """Density 5 on the sphere; colours are the directions from its centre."""
    offsets = coords - CENTRE
    distance = np.linalg.norm(offsets, axis=-1, keepdims=True)
    density = np.maximum(5 + slope * (RADIUS - distance), 0)
    return np.concatenate([0.5 + 0.5 * offsets / RADIUS, density], axis=-1)


@pytest.fixture(scope="module")
def mesh():
    return density_mesh(_ball, LOW, HIGH, 40, 5.0)


def _shape(mesh):
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


@pytest.mark.parametrize("slope", [10.0, 1e4])
def test_a_ball_has_its_place_and_radius(slope):
    found = density_mesh(lambda coords: _ball(coords, slope), LOW, HIGH, 40, 5.0)
    distances = np.linalg.norm(found.vertices - CENTRE, axis=-1)
    cell = 2.2 / 39
    np.testing.assert_allclose(distances, RADIUS, atol=0.1 * cell if slope == 10 else cell)
    assert len(found.vertices) > 1000


def test_the_surface_is_closed_and_faces_outwards(mesh):
    shape = _shape(mesh)
    assert shape.is_watertight and shape.is_winding_consistent
    np.testing.assert_allclose(shape.volume, 4 / 3 * np.pi * RADIUS**3, rtol=0.02)


def test_colours_are_the_fields_at_the_vertices(mesh):
    expected = 127.5 * (1 + (mesh.vertices - CENTRE) / RADIUS)
    assert mesh.colours.dtype == np.uint8
    np.testing.assert_allclose(mesh.colours, expected, atol=6)


def test_matter_that_reaches_the_sides_is_closed_there():
    half = density_mesh(_ball, np.array([*LOW[:2], CENTRE[2]]), HIGH, 40, 5.0)
    shape, border = _shape(half), 0.5 * 0.8 / 39 * np.pi * RADIUS**2
    assert shape.is_watertight
    np.testing.assert_allclose(shape.volume, 2 / 3 * np.pi * RADIUS**3 + border, rtol=0.02)


@pytest.mark.parametrize("name", ["ball.ply", "ball.glb", "BALL.PLY"])
def test_files_hold_the_mesh(tmp_path, mesh, name):
    read = trimesh.load(write_mesh(tmp_path / "meshes" / name, mesh), force="mesh", process=False)
    np.testing.assert_allclose(read.vertices, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(read.faces, mesh.faces)
    np.testing.assert_array_equal(read.visual.vertex_colors[:, :3], mesh.colours)


@pytest.mark.parametrize("name", ["far.ply", "far.glb"])
def test_a_mesh_far_away_keeps_its_shape(tmp_path, mesh, name):
    far = mesh._replace(vertices=mesh.vertices + [512345.37, 5403210.81, 431.62])
    read = read_mesh_file(write_mesh(tmp_path / name, far))
    np.testing.assert_allclose(read.vertices, far.vertices, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(read.faces, far.faces)


@pytest.mark.parametrize(
    ("values", "threshold", "message"),
    [
        (0.5, 5.0, "it is 0.5 at most; give a threshold below"),
        (9.0, 5.0, "it is 9 at least; give a threshold above"),
        (np.nan, 5.0, "not finite"),
    ],
)
def test_no_surface_is_told(values, threshold, message):
    with pytest.raises(UserError, match=message):
        density_mesh(lambda coords: np.full((len(coords), 4), values), LOW, HIGH, 8, threshold)


def test_other_endings_are_refused(tmp_path):
    triangle = Mesh(np.eye(3), np.array([[0, 1, 2]]), np.zeros((3, 3), np.uint8))
    with pytest.raises(UserError, match="end its name in .ply or .glb"):
        write_mesh(tmp_path / "ball.obj", triangle)


def test_what_is_not_installed_is_told(tmp_path, mesh, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(UserError, match="writes .glb files, is not installed; run: pip"):
        write_mesh(tmp_path / "ball.glb", mesh)
