"""Coloured meshes as few bytes, for pages that draw them."""

import base64
import zlib
from typing import Any, NamedTuple

import numpy as np

MOST_TRIANGLES = 150_000  # about 1.5 MB in a page
_FINEST = 320  # cells along the longest side at which coarsening begins
_LEVELS = 2**16 - 1


class Mesh(NamedTuple):
    """A surface of triangles.

    vertices: float64 [v, 3];
    faces: int [f, 3], numbers of vertices, counter-clockwise seen from outside;
    colours: uint8 [v, 3].
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray


def packed(mesh: Mesh) -> dict[str, Any]:
    """A mesh as viewer.js reads it: places in 65,536 steps of its longest side.

    `bytes` is base64 of a zlib stream of three arrays, the one with the widest numbers first: faces
    as uint32 [3 f], places as uint16 [v, 3] and colours as uint8 [v, 3], each number as its
    difference to the one of its column before.
    """
    low, size = _box(mesh.vertices)
    places = np.round((mesh.vertices - low) / size * _LEVELS)
    arrays = ((mesh.faces.reshape(-1, 1), "<u4"), (places, "<u2"), (mesh.colours, "u1"))
    parts = [np.diff(x.astype(kind), axis=0, prepend=x[:1].astype(kind) * 0) for x, kind in arrays]
    data = b"".join(part.tobytes() for part in parts)
    return {
        "vertices": len(mesh.vertices),
        "triangles": len(mesh.faces),
        "low": low.tolist(),
        "size": size,
        "bytes": base64.b64encode(zlib.compress(data)).decode(),
    }


def coarsened(mesh: Mesh, most: int = MOST_TRIANGLES) -> Mesh:
    """A mesh of at most so many triangles: vertices of one cell of a grid become their mean.

    Source: Rossignac and Borrel, "Multi-resolution 3D approximations for rendering", 1993.
    """
    found, cells = mesh, _FINEST
    while len(found.faces) > most:
        found, cells = _clustered(mesh, cells), cells * 4 // 5
    return found


def _clustered(mesh, cells):
    low, size = _box(mesh.vertices)
    numbers = np.minimum((mesh.vertices - low) / size * cells, cells - 1).astype(np.int64)
    flat = numbers @ [cells * cells, cells, 1]
    _, cluster, counts = np.unique(flat, return_inverse=True, return_counts=True)

    def mean(values):
        sums = [np.bincount(cluster, column, len(counts)) for column in values.T.astype(np.float64)]
        return np.stack(sums, axis=1) / counts[:, None]

    faces = cluster[mesh.faces]
    is_whole = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    colours = np.round(mean(mesh.colours)).astype(np.uint8)
    return Mesh(mean(mesh.vertices), faces[is_whole], colours)


def _box(vertices):
    """The lower corner and the longest side."""
    low = vertices.min(axis=0)
    return low, float(max(np.ptp(vertices, axis=0).max(), 1e-9))
