"""Meshes and point clouds in files, as points of a surface with normals."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.files import expanded
from metainr.media.meshes.mesh_files import read_mesh_file
from metainr.media.meshes.normals import estimated_normals
from metainr.media.meshes.solids import folds, oriented, without_twins
from metainr.media.opening import check_regular

SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off", ".xyz")
_FEWEST = 16
_FARTHEST = 1e30  # between points: what is computed of them, squares and cubes, stays a number
_COARSE = 1e-3  # of the longest side: steps of coordinates that are told of
_UNIT = 0.02  # that lengths of normals are off by, in files of few digits


class Surface(NamedTuple):
    """Points of a surface, in a file's own coordinates.

    points, normals: float64 [n, 3]; normals of length 1, outward if the file's are.
    closed: whether they are samples of a mesh without holes, that has an inside.
    """

    points: np.ndarray
    normals: np.ndarray
    closed: bool


def read_surface(path: str | Path, num: int, rng: np.random.Generator) -> Surface:
    """Reads a file: of a mesh `num` points uniform on it, of a cloud all of its points.

    Normals are those of the mesh's faces, see `oriented`, or those that come with the cloud; a
    cloud without gets estimated ones, which is said.

    Args:
        path: .obj, .ply, .stl, .glb, .gltf or .off, read through trimesh, or .xyz: text lines of x
            y z, or of x y z and three more numbers, which are normals if their length is 1.
        num: how many points to put on a mesh.
        rng: where.

    Raises UserError if there is no such file, it cannot be read, is empty, holds NaN, or is of a
    size that cannot be computed with.
    """
    path = expanded(path)
    if path.suffix.lower() not in SUFFIXES and path.is_file():
        raise UserError(
            f"{path} is no mesh or cloud known here; convert it to {', '.join(SUFFIXES)}"
        )
    check_regular(path, "mesh or cloud")
    if path.suffix.lower() == ".xyz":
        return _from_cloud(path, *_read_xyz(path))
    found = read_mesh_file(path)
    if len(found.faces):
        return _from_mesh(path, found, num, rng)
    if not len(found.vertices):
        raise UserError(f"{path} holds no points; give a mesh or a cloud that does")
    return _from_cloud(path, found.vertices, found.normals)


def _from_mesh(path, read, num, rng):
    import trimesh

    _check_points(path, read.vertices)
    low, high = read.vertices.min(axis=0), read.vertices.max(axis=0)
    centre, side = (low + high) / 2, (high - low).max() or 1.0
    # Vertices with several normals or colours stand there several times: joined, edges close. What
    # is one point must not depend on the file's units.
    joined = trimesh.Trimesh((read.vertices - centre) / side, read.faces)
    a, b, c = joined.faces.T
    faces = joined.faces[(a != b) & (b != c) & (c != a)]
    if not joined.area > 0:
        raise UserError(f"{path} has faces without area alone; give a mesh with a surface")
    vertices, faces = np.asarray(joined.vertices), without_twins(path, np.asarray(faces))
    folded = folds(vertices, faces)
    if folded:
        logging.warning(
            "%s folds back onto itself at %d edges: it may have polygons that are concave, which "
            "are cut wrongly here; triangulate them on export",
            *(path, folded),
        )
    faces, closed = oriented(path, vertices, faces)
    mesh = trimesh.Trimesh(joined.vertices, faces, process=False)
    points, faces = trimesh.sample.sample_surface(mesh, num, seed=rng)[:2]
    return Surface(np.asarray(points) * side + centre, mesh.face_normals[faces], closed)


def _from_cloud(path, points, normals, lacks="has no normals"):
    if len(points) < _FEWEST:
        raise UserError(f"{path} has {len(points)} points; a cloud needs {_FEWEST} at least")
    _check_points(path, points)
    if normals is not None:
        _check_finite(path, normals)
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        if (lengths > 0).all():
            return Surface(points, normals / lengths, False)
        lacks = "has normals of length 0"
    logging.warning("%s %s: normals are estimated from neighbours, outward", path, lacks)
    return Surface(points, estimated_normals(points), False)


def _read_xyz(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which is refused below
            head = int(_begins(path, b"//"))  # CloudCompare's line of names
            options = {"ndmin": 2, "encoding": "utf-8-sig", "skiprows": head}
            table = np.loadtxt(path, np.float64, **options)
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path} is no table of numbers ({error}); give lines of x y z with spaces between "
            "them, and others behind #"
        ) from error
    if table.size and table.shape[1] not in (3, 6):
        raise UserError(
            f"{path} has {table.shape[1]} numbers a line; give x y z, or x y z and the normal"
        )
    table = table.reshape(-1, table.shape[1] if table.size else 3)
    points, others = table[:, :3], table[:, 3:]
    if not others.size:
        return points, None
    # No name tells them from colours, of which not all have length 1.
    if (np.abs(np.linalg.norm(others, axis=1) - 1) <= _UNIT).all():
        return points, others
    return points, None, "has lines that end in no normal, as its length is not 1 (colours?)"


def _begins(path, mark):
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _check_points(path, points):
    _check_finite(path, points)
    largest = np.abs(points).max()
    # Halves, as a difference of the largest numbers is none.
    side = 2 * (points.max(axis=0) / 2 - points.min(axis=0) / 2).max()
    if not (side == 0 or 1 / _FARTHEST < side < _FARTHEST):
        raise UserError(
            f"{path} is {side:.3g} long, with coordinates up to {largest:.3g}; give it in units "
            "that suit its size"
        )
    step = float(np.spacing(np.float32(min(largest, _FARTHEST))))
    if step > _COARSE * side > 0 and (points == points.astype(np.float32)).all():
        logging.warning(
            "%s holds coordinates up to %.8g in steps of %.3g, as single precision has them, and "
            "is %.3g long; take an offset away before it is saved",
            *(path, largest, step, side),
        )


def _check_finite(path, numbers):
    if not np.isfinite(numbers).all():
        raise UserError(f"{path} holds numbers that are not finite; remove those points")
