"""Meshes of the same surface with rounded vertices, by Draco and by zlib."""

import importlib.util
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.compressing.rivals import Coded, Rival
from experiments.signal_files.solids import POINTS, surface_of
from metainr.evaluation.surfaces import Triangles, uniform_points
from metainr.runs.as_data.frames import Frame
from metainr.signals import oriented_distance

_BITS = (4, 5, 6, 7, 8, 10)
_STRIDES = (4, 2, 1)


def mesh_rivals(frame: Frame) -> Mapping[str, Sequence[tuple[str, Rival]]]:
    """By name, (setting, codec) of distances on a frame's grid; Draco where DracoPy is installed.

    Each takes the surface by marching cubes from the grid, from every second or from every fourth
    point, rounds the vertices to so many bits an axis, and is measured by the distances to it.
    """
    coders = {"mesh, zlib": _zipped}
    if importlib.util.find_spec("DracoPy"):
        coders["mesh, Draco"] = _draco
    return {
        f"{name}, {frame.shape[0] // stride}³": [
            (f"{bits} bits", _rival(frame, coder, stride, bits)) for bits in _BITS
        ]
        for name, coder in coders.items()
        for stride in _STRIDES
    }


def _rival(frame, coder, stride, bits):
    coords = frame.grid(frame.shape)

    def code(values):
        surface = surface_of(values[::stride, ::stride, ::stride])
        size, found = coder(surface, bits)
        distances = np.full(values.shape, frame.most, np.float32)
        if _area(found) > 0:
            points, normals = uniform_points(found, POINTS)
            distances = oriented_distance(points, normals, coords).reshape(values.shape)
        return Coded(size, frame.clipped(distances).astype(np.float32))

    return code


def _zipped(surface, bits):
    """Differences of neighbours in the order of marching cubes, which zlib packs."""
    steps = 2**bits - 1
    places = np.round((surface.vertices + 1) / 2 * steps).astype(np.int16)
    streams = (places, surface.faces.astype(np.int32).reshape(-1, 3))
    size = sum(len(zlib.compress(np.diff(x, axis=0, prepend=0).tobytes(), 9)) for x in streams)
    return size, surface._replace(vertices=2 * places / steps - 1.0)


def _draco(surface, bits):
    import DracoPy

    if not len(surface.faces):
        return 0, surface
    data = DracoPy.encode(
        surface.vertices.astype(np.float32),
        surface.faces.astype(np.uint32),
        quantization_bits=bits,
        compression_level=10,
    )
    found = DracoPy.decode(data)
    return len(data), Triangles(np.asarray(found.points, float), np.asarray(found.faces))


def _area(surface):
    corners = surface.vertices[surface.faces]
    sides = corners[:, 1:] - corners[:, :1]
    return float(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum()) / 2
