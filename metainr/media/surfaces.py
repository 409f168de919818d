"""Meshes and point clouds in files, as points of a surface with normals."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.media.normals import estimated_normals

SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off", ".xyz")
_FEWEST = 16


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

    Normals are those of the mesh's faces, or those that come with the cloud; a cloud without gets
    estimated ones, which is said. A watertight mesh that is inside out is turned.

    Args:
        path: .obj, .ply, .stl, .glb, .gltf or .off, read through trimesh, or .xyz: text lines of x
            y z, or of x y z and the normal.
        num: how many points to put on a mesh.
        rng: where.

    Raises UserError if there is no such file, it cannot be read, is empty or holds NaN.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        state = "is no file" if path.exists() else "does not exist"
        raise UserError(f"{path} {state}; give a mesh or cloud: {', '.join(SUFFIXES)}")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{path} is no mesh or cloud known here; convert it to {', '.join(SUFFIXES)}"
        )
    if path.suffix.lower() == ".xyz":
        return _from_cloud(path, *_read_xyz(path))
    found = _load(path)
    if hasattr(found, "faces") and len(found.faces):
        return _from_mesh(path, found, num, rng)
    if not len(getattr(found, "vertices", ())):
        raise UserError(f"{path} holds no points; give a mesh or a cloud that does")
    return _from_cloud(path, np.asarray(found.vertices, np.float64), _ply_normals(found))


def _load(path) -> Any:
    try:
        import trimesh
    except ImportError as error:
        raise UserError(
            f"reading {path} needs trimesh; run: pip install 'metainr[scenes]'"
        ) from error
    try:
        found = trimesh.load(path, process=False)
        # Scenes place their parts; one that holds nothing has nothing to join.
        if isinstance(found, trimesh.Scene) and found.geometry:
            return found.to_geometry()
        return found
    except Exception as error:  # its readers raise whatever they come upon
        raise UserError(
            f"{path} cannot be read ({error}); write it anew or in another format"
        ) from error


def _from_mesh(path, read, num, rng):
    import trimesh

    _check_finite(path, read.vertices)
    # Vertices with several normals or colours stand there several times: joined, edges close.
    mesh = trimesh.Trimesh(read.vertices, read.faces)
    closed = bool(mesh.is_watertight)
    if closed:
        if not mesh.is_winding_consistent:
            mesh.fix_normals()
        if mesh.volume < 0:
            logging.warning("%s is inside out; its faces are turned", path)
            mesh.invert()
    if not mesh.area > 0:
        raise UserError(f"{path} has faces without area alone; give a mesh with a surface")
    points, faces = trimesh.sample.sample_surface(mesh, num, seed=rng)[:2]
    return Surface(np.asarray(points), mesh.face_normals[faces], closed)


def _from_cloud(path, points, normals):
    if len(points) < _FEWEST:
        raise UserError(f"{path} has {len(points)} points; a cloud needs {_FEWEST} at least")
    _check_finite(path, points)
    if normals is not None:
        _check_finite(path, normals)
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        if (lengths > 0).all():
            return Surface(points, normals / lengths, False)
    logging.warning("%s has no normals: they are estimated from neighbours, outward", path)
    return Surface(points, estimated_normals(points), False)


def _read_xyz(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which is refused below
            table = np.loadtxt(path, np.float64, ndmin=2)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is no table of numbers ({error}); give lines of x y z") from error
    if table.size and table.shape[1] not in (3, 6):
        raise UserError(
            f"{path} has {table.shape[1]} numbers a line; give x y z, or x y z and the normal"
        )
    table = table.reshape(-1, table.shape[1] if table.size else 3)
    return table[:, :3], table[:, 3:] if table.shape[1] == 6 else None


def _ply_normals(cloud: Any) -> np.ndarray | None:
    """Normals [n, 3] of a .ply cloud: trimesh keeps them among what it read."""
    columns = cloud.metadata.get("_ply_raw", {}).get("vertex", {}).get("data", {})
    names = getattr(getattr(columns, "dtype", None), "names", None) or columns
    if not all(axis in names for axis in ("nx", "ny", "nz")):
        return None
    found = [np.asarray(columns[axis], np.float64).ravel() for axis in ("nx", "ny", "nz")]
    return np.stack(found, axis=1)


def _check_finite(path, numbers):
    if not np.isfinite(numbers).all():
        raise UserError(f"{path} holds numbers that are not finite; remove those points")
