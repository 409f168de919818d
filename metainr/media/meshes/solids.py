"""Which parts of a mesh are closed, and their faces seen from outside."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

_FLAT = 1e-3  # radians between two faces that lie on each other, in files of few digits
_LOOKED_AT = 8  # faces of a part that must all lie in another, for the part to do so


class Oriented(NamedTuple):
    """Faces int [m, 3], counter-clockwise from outside; whether all parts of them are closed."""

    faces: np.ndarray
    closed: bool


def oriented(path: Path, vertices: np.ndarray, faces: np.ndarray) -> Oriented:
    """The faces of a mesh, those of closed parts that are inside out turned, which is said.

    Parts are what edges connect. One is closed if each of its edges has two faces. One that is
    inside out (of negative volume) is turned with all that lies in it; but one in an odd number of
    others is the wall of a hollow, and stays. Parts that are not closed are left as they are.

    Args:
        path: of the mesh, for what is said.
        vertices: float64 [n, 3], each of them once; coordinates about 1.
        faces: int [m, 3], m > 0.
    """
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    part = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(faces))
    is_closed, is_wound = _edges(mesh, part)
    unwound = (is_closed & ~is_wound)[part]
    if unwound.any():
        some = trimesh.Trimesh(vertices, faces[unwound], process=False)
        trimesh.repair.fix_winding(some)
        faces = faces.copy()
        faces[unwound] = some.faces
    if not (is_closed | is_wound).all():
        logging.warning(
            "%s has faces on both sides of %d parts that are not closed: normals there may be "
            "wrong; turn them in a mesh editor",
            *(path, (~is_closed & ~is_wound).sum()),
        )
    turned = _inside_out(vertices[faces], part, is_closed)
    if turned.any():
        count = f"{turned.sum()} of its {len(turned)} parts" if len(turned) > 1 else "it"
        logging.warning("%s: %s is inside out; the faces are turned", path, count)
    return Oriented(np.where(turned[part][:, None], faces[:, ::-1], faces), bool(is_closed.all()))


def without_twins(path: Path, faces: np.ndarray) -> np.ndarray:
    """Faces int [m, 3] without those of the same vertices as one before, which is said."""
    import trimesh

    first = trimesh.grouping.unique_rows(np.sort(faces, axis=1))[0]
    if len(first) < len(faces):
        logging.warning(
            "%s holds %d faces more than once, which are left out", path, len(faces) - len(first)
        )
    return faces[np.sort(first)]


def folds(vertices: np.ndarray, faces: np.ndarray) -> int:
    """At how many edges of two faces they lie on each other, whichever way these are wound.

    Fans of triangles from a corner of a polygon do so where it is concave.
    """
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    start, end = np.moveaxis(vertices[mesh.face_adjacency_edges], 1, 0)
    along = end - start
    one, other = np.moveaxis(vertices[mesh.face_adjacency_unshared], 1, 0) - start
    one, other = np.cross(along, one), np.cross(along, other)
    sine = np.linalg.norm(np.cross(one, other), axis=1)
    cosine = np.sum(one * other, axis=1)
    return int((sine < _FLAT * cosine).sum())


def _edges(mesh, part):
    """Of each part whether all edges have two faces, and those the same side up: bool [p] each."""
    owner = np.repeat(part, 3)
    upward = np.where(mesh.edges[:, 0] < mesh.edges[:, 1], 1, -1)
    # One edge may be that of several parts which touch there.
    places = mesh.edges_unique_inverse.astype(np.int64) * (part.max() + 1) + owner
    _, first, edge = np.unique(places, return_index=True, return_inverse=True)
    num = np.bincount(edge)
    balance = np.bincount(edge, upward)

    def every(holds):
        return np.bincount(owner[first], ~holds, part.max() + 1) == 0

    return every(num == 2), every((num < 2) | (balance == 0))


def _inside_out(triangles, part, is_closed):
    """Of each part whether it is to be turned: bool [p]."""
    count = len(is_closed)
    weights = 3 * np.bincount(part, minlength=count)[:, None]
    centres = np.stack([np.bincount(part, x, count) for x in triangles.sum(axis=1).T], 1) / weights
    # Each part's volume from its own centre: far from the origin it would be lost in rounding.
    a, b, c = np.moveaxis(triangles - centres[part][:, None], 1, 0)
    negative = is_closed & (np.bincount(part, np.sum(a * np.cross(b, c), axis=1), count) < 0)
    if not negative.any():
        return negative
    holders = _holders(triangles, part, is_closed)
    turned = negative.copy()
    for one, around in enumerate(holders):
        # In an odd number of others, what faces inward is the wall of a hollow: it goes with them.
        if len(around) % 2:
            turned[one] = negative[min(around, key=lambda i: len(holders[i]))]
    return turned


def _holders(triangles, part, is_closed):
    """Of each part the closed ones that it lies in: lists of numbers, by number."""
    order = np.argsort(part, kind="stable")
    pieces = np.split(triangles[order], np.cumsum(np.bincount(part))[:-1])
    low = np.stack([piece.min(axis=(0, 1)) for piece in pieces])
    high = np.stack([piece.max(axis=(0, 1)) for piece in pieces])
    holders = []
    for one, piece in enumerate(pieces):
        boxes = is_closed & (low < low[one]).all(axis=1) & (high > high[one]).all(axis=1)
        points = piece[:: -(-len(piece) // _LOOKED_AT)].mean(axis=1)
        holders.append([i for i in np.flatnonzero(boxes) if _holds(pieces[i], points)])
    return holders


def _holds(triangles, points):
    """Whether closed triangles [m, 3, 3] go round all of the points [n, 3].

    The solid angles that they are seen under sum to ±4π from inside and 0 from outside. Source: Van
    Oosterom and Strackee, "The solid angle of a plane triangle", IEEE Trans. Biomed. Eng. 1983.
    """
    for point in points:
        a, b, c = np.moveaxis(triangles - point, 1, 0)
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        ab, bc, ca = (np.sum(x * y, axis=1) for x, y in ((a, b), (b, c), (c, a)))
        volume = np.sum(a * np.cross(b, c), axis=1)
        angle = 2 * np.arctan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb)
        if abs(angle.sum()) < 2 * np.pi:
            return False
    return True
