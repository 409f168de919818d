"""The surface of a density field as a coloured mesh, in files that every 3-D program reads."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.evaluation.surfaces import level_surface
from metainr.files import write_bytes
from metainr.reporting.viewer import Mesh

_SUFFIXES = (".ply", ".glb")
_FINE = 1e-6  # of the longest side: coarser steps of single precision would be seen
_POINTS = 2**16  # asked for at a time; all batches are equally large, so that one is compiled


def density_mesh(
    field: Callable[[np.ndarray], np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    resolution: int,
    threshold: float,
) -> Mesh:
    """The surface where the density is `threshold`, from a grid of r³ points.

    Matter that reaches the box's sides is closed there. Colours are the field's at the vertices.
    Raises UserError if the density is nowhere above or nowhere below the threshold, or not finite.

    Args:
        field: coords float32 [n, 3] -> (r, g, b, σ) [n, 4], colours in [0, 1].
        low, high: the box's corners [3].
        resolution: r, points along each axis, at least 2.
        threshold: in the density's units.
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    density = _density(field, low, high, resolution)
    _check_levels(density, threshold)
    spacing = (high - low) / (resolution - 1)
    # A border of nothing closes the surface. Densities above twice the threshold say no more about
    # where it is, and below the sides it would depend on how dense the matter is.
    padded = np.pad(np.minimum(density, 2 * threshold), 1)
    found = level_surface(padded, threshold, inside_above=True)
    vertices = low + (found.vertices - 1) * spacing
    levels = np.round(255 * np.clip(_in_batches(field, vertices)[:, :3], 0, 1))
    return Mesh(vertices, found.faces, levels.astype(np.uint8))


def write_mesh(path: str | Path, mesh: Mesh) -> Path:
    """Writes a .ply or .glb file with vertex colours.

    Coordinates are of single precision where that tells them apart. Else they are of double
    precision in a .ply; in a .glb, which has none, they are those from the mesh's centre, and the
    place of that is of double precision. Raises UserError for other endings, and for a .glb where
    trimesh is not installed.
    """
    kind = Path(path).suffix.lower()
    if kind not in _SUFFIXES:
        raise UserError(f"cannot write a mesh to {str(path)!r}: end its name in .ply or .glb")
    return write_bytes(path, _ply(mesh) if kind == ".ply" else _glb(mesh))


def check_trimesh() -> None:
    """Raises UserError where there is no trimesh: before work that ends in needing it."""
    if importlib.util.find_spec("trimesh") is None:
        raise UserError(
            "trimesh, which measures surfaces and writes .glb files, is not installed; run: "
            "pip install 'metainr[scenes]'"
        )


def _ply(mesh):
    kind, real = ("float", "<f4") if _is_near(mesh) else ("double", "<f8")
    names = [("place", real, 3), ("rgb", "u1", 3)], [("count", "u1"), ("named", "<i4", 3)]
    vertices, faces = (np.zeros(len(x), dtype) for x, dtype in zip(mesh, names))
    vertices["place"], vertices["rgb"] = mesh.vertices, mesh.colours
    faces["count"], faces["named"] = 3, mesh.faces
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(vertices)}",
        *(f"property {kind} {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    return "\n".join(lines).encode() + vertices.tobytes() + faces.tobytes()


def _glb(mesh):
    check_trimesh()
    import trimesh

    centre = np.zeros(3) if _is_near(mesh) else np.round(mesh.vertices.mean(axis=0))
    moved = mesh.vertices - centre
    shape = trimesh.Trimesh(moved, mesh.faces, vertex_colors=mesh.colours, process=False)
    place = trimesh.transformations.translation_matrix(centre)
    scene = trimesh.Scene()
    scene.add_geometry(shape, transform=place)
    return scene.export(file_type="glb")


def _is_near(mesh):
    """Whether single precision tells a mesh's vertices apart: it is not too far from the origin."""
    step = np.spacing(np.float32(np.abs(mesh.vertices).max()))
    return step <= _FINE * np.ptp(mesh.vertices, axis=0).max()


def _density(field, low, high, resolution):
    """On the grid [r, r, r], by x, y and z."""
    axes = [np.linspace(a, b, resolution) for a, b in zip(low, high)]
    coords = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return _in_batches(field, coords)[:, 3].reshape((resolution,) * 3)


def _in_batches(field, coords):
    """The field's values at coords [n, 3]; the last batch is filled up with a point."""
    padding = -len(coords) % _POINTS
    padded = np.pad(coords.astype(np.float32), ((0, padding), (0, 0)), mode="edge")
    batches = padded.reshape(-1, _POINTS, 3)
    return np.concatenate([np.asarray(field(batch)) for batch in batches])[: len(coords)]


def _check_levels(density, threshold):
    if not np.isfinite(density).all():
        raise UserError("the field's density is not finite everywhere: the fit has diverged")
    low, high = density.min(), density.max()
    if high <= threshold:
        raise UserError(
            f"no surface at the density {threshold:g}: it is {high:.3g} at most; give a threshold "
            "below that"
        )
    if low > threshold:
        raise UserError(
            f"no surface at the density {threshold:g}: it is {low:.3g} at least; give a threshold "
            "above that"
        )
