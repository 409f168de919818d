"""Files of meshes and clouds as trimesh reads them: by their bytes, and nothing beside them."""

import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from metainr.errors import UserError, first_line
from metainr.media.meshes.gltf import Beside, checked_gltf
from metainr.media.meshes.ply import check_ply, plain_ply

_MOST = 2**26  # vertices of a scene, whose meshes may each be placed many times
_NORMAL_LINE = re.compile(rb"^vn (.+)$", re.MULTILINE)
_SOLID_LINE = re.compile(rb"^[ \t]*(end[ \t]*)?solid\b[^\r\n]*", re.MULTILINE | re.IGNORECASE)
_VERTEX, _FACET_END = (
    re.compile(rb"^[ \t]*" + word + rb"\b", re.MULTILINE | re.IGNORECASE)
    for word in (rb"vertex", rb"end[ \t]*facet")
)
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
_ZERO_FACE = re.compile(rb"^f (?:\S+ )*0(?:/\S*)?(?: |$)", re.MULTILINE)
_FACE_LINE, _CORNER = re.compile(rb"^f( .*)$", re.MULTILINE), re.compile(rb"(?<= )\d+")
_VERTEX_LINE, _CURVED = re.compile(rb"^v ", re.MULTILINE), re.compile(rb"^surf ", re.MULTILINE)
_SHORT_LINE = re.compile(rb"\n[vf](?: \S*){0,2}\n$")
_LOOSE = 0.05  # of a mesh's vertices, which may be in no face
_RELATIVE_FACE = re.compile(rb"^f .*[ /]-", re.MULTILINE)


class MeshFile(NamedTuple):
    """What a file holds, its parts joined where it places them.

    vertices: float64 [n, 3];
    faces: int [m, 3], numbers of vertices; none of a cloud.
    normals: float64 [n, 3] of a cloud's points, of any length; None if the file has none.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None


def read_mesh_file(path: Path) -> MeshFile:
    """Reads an .obj, .ply, .stl, .glb, .gltf or .off file.

    Materials are not read; of other files only the buffers of a .gltf are, which must lie in or
    below its folder. Raises UserError if it is damaged, faces name vertices that are not there, or
    it needs what is not read here; and if trimesh is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise UserError(
            f"reading {path} needs trimesh; run: pip install 'metainr[scenes]'"
        ) from error
    kind = path.suffix.lower()[1:]
    try:
        data, is_cloud, has_normals = path.read_bytes(), False, False
        if kind == "obj":
            data = _plain_obj(data)
            _tell_obj(path, data)
        if kind == "ply":
            data = plain_ply(data)
            check_ply(path, data)
        if kind == "stl":
            data = _plain_stl(path, data)
            _tell_normals(path, data)
        if kind == "off":
            data = _fanned(data)
        if kind in ("glb", "gltf"):
            data, is_cloud, has_normals, is_posed = checked_gltf(data, kind == "glb")
            if is_posed:
                logging.warning(
                    "%s has bones or shape keys, which are not applied: its parts may lie "
                    "elsewhere; apply them on export",
                    path,
                )
        options = {} if kind in ("stl", "off") else {"skip_materials": True}
        stream, beside = io.BytesIO(data), Beside(path.parent)
        # Stubs do not know that any object with these methods will do.
        found: Any = trimesh.load(stream, kind, beside, process=False, **options)  # pyright: ignore[reportArgumentType]
        parts = _placed(found) if isinstance(found, trimesh.Scene) else [found]
        read = _joined(path, parts, is_cloud)
        if len(read.faces):
            return read
        if is_cloud and has_normals:
            return read._replace(normals=_placed_normals(found))
        of_lines = kind == "obj" and _obj_normals(data, len(read.vertices))
        return read._replace(normals=of_lines if kind == "obj" else _ply_normals(found))
    except UserError:
        raise
    except Exception as error:  # its readers raise whatever they come upon
        raise UserError(
            f"{path} cannot be read ({first_line(error)}); write it anew or in another format"
        ) from error


def _placed(scene):
    """The parts of a scene, where it has them."""
    sizes = {name: len(getattr(x, "vertices", ())) for name, x in scene.geometry.items()}
    total = sum(sizes[scene.graph[node][1]] for node in scene.graph.nodes_geometry)
    if total > _MOST:
        raise ValueError(f"it places {total} vertices, more than {_MOST}")
    return scene.dump() if scene.geometry else []


def _placed_normals(scene):
    """Normals of the vertices of all parts: copies of parts, which are placed, have lost them."""
    placed = [scene.graph[node] for node in scene.graph.nodes_geometry]
    return np.concatenate(
        [scene.geometry[name].vertex_normals @ np.linalg.inv(at[:3, :3]) for at, name in placed]
    )


def _joined(path, parts, is_cloud):
    solid = [part for part in parts if len(getattr(part, "faces", ()))]
    if 0 < len(solid) < len(parts):
        logging.warning("%s: points and lines beside its meshes are left out", path)
    parts = solid or parts
    vertices = [np.asarray(part.vertices, np.float64) for part in parts if len(part.vertices)]
    if any(found.shape[1:] != (3,) for found in vertices):
        raise ValueError("its vertices have not three coordinates each")
    faces = [np.zeros((0, 3), np.int64)]
    for part, offset in zip(solid, np.cumsum([0, *map(len, vertices)])):
        named = np.asarray(part.faces, np.int64)
        if named.min() < 0 or named.max() >= len(part.vertices):
            raise ValueError(f"a face names a vertex that is none of its {len(part.vertices)}")
        faces.append(named + offset)
    found = np.concatenate([np.zeros((0, 3)), *vertices])
    return MeshFile(found, faces[0] if is_cloud else np.concatenate(faces), None)


def _plain_obj(data):
    """An .obj file without what trimesh stumbles over: tabs, comments, faces that count back."""
    data = re.sub(rb"#[^\n]*", b"", re.sub(rb"\r\n?", b"\n", data.removeprefix(b"\xef\xbb\xbf")))
    data = re.sub(rb"[ \t\v\f]+", b" ", re.sub(rb"\\[ \t]*\n", b" ", data))
    data = re.sub(rb" ?\n ?", b"\n", data.strip()) + b"\n"
    if _ZERO_FACE.search(data):
        raise ValueError("a face names a vertex 0, and the first is 1")
    return _absolute(data) if _RELATIVE_FACE.search(data) else data


def _tell_obj(path, data):
    """Warns of what is not read of a plain .obj file, or may be missing in it."""
    if _SHORT_LINE.search(data):
        raise ValueError("its last line is cut off")
    if _CURVED.search(data):
        logging.warning("%s: its curved surfaces are left out; export them as polygons", path)
    corners = np.array(_CORNER.findall(b"\n".join(_FACE_LINE.findall(data))), np.bytes_)
    vertices, used = len(_VERTEX_LINE.findall(data)), len(np.unique(corners))
    if 0 < used < (1 - _LOOSE) * vertices:
        logging.warning(
            "%s: %d of its %d vertices are in no face: it may be cut off",
            *(path, vertices - used, vertices),
        )


def _absolute(data):
    """Numbers of faces that count backwards, from where they stand, as numbers from the start."""
    counts, lines = {b"v": 0, b"vt": 0, b"vn": 0}, data.split(b"\n")
    for i, line in enumerate(lines):
        kind, *corners = line.split(b" ")
        if kind in counts:
            counts[kind] += 1
        elif kind == b"f":
            lines[i] = b" ".join([kind, *(_from_start(corner, counts) for corner in corners)])
    return b"\n".join(lines)


def _from_start(corner, counts):
    numbers = corner.split(b"/")
    for i, (number, count) in enumerate(zip(numbers, counts.values())):
        if number.startswith(b"-"):
            if count + int(number) < 0:
                raise ValueError(f"a face names a vertex {number.decode()} of {count} before it")
            numbers[i] = b"%d" % (count + int(number) + 1)
    return b"/".join(numbers)


def _plain_stl(path, data):
    """An .stl file without what trimesh stumbles over: names, or what follows a last facet."""
    # Text would count so many facets there that no file holds them.
    num = int.from_bytes(data[80:84], "little")
    end = 84 + 50 * num
    if end > len(data) and data.removeprefix(b"\xef\xbb\xbf").lstrip()[:5].lower() == b"solid":
        facets = re.sub(rb"\r\n?", b"\n", _SOLID_LINE.sub(b"", data))
        if len(_VERTEX.findall(facets)) != 3 * len(_FACET_END.findall(facets)):
            raise ValueError("its facets have not three vertices each, or it is cut off")
        return b"solid\n" + facets + b"\nendsolid\n"
    if end > len(data):
        raise ValueError(f"it is cut off: {num} facets do not fit into its {len(data)} bytes")
    if not 84 < end < len(data):
        return data
    logging.warning(
        "%s: what follows its last facet, %d of %d bytes, is left out",
        *(path, len(data) - end, len(data)),
    )
    return data[:end]


@np.errstate(invalid="ignore")
def _tell_normals(path, data):
    """Warns of a binary .stl file whose normals contradict its corners: trimesh does not."""
    num = int.from_bytes(data[80:84], "little")
    if len(data) != 84 + _FACET.itemsize * num:
        return
    facets = np.frombuffer(data, _FACET, num, 84)
    a, b, c = np.moveaxis(facets["corners"].astype(np.float64), 1, 0)
    against = np.sum(np.cross(b - a, c - a) * facets["normal"], axis=1) < 0
    if against.sum() > num / 2:
        logging.warning(
            "%s: the normals of %d of its %d facets point against the order of their corners, "
            "which counts",
            *(path, against.sum(), num),
        )


def _fanned(data):
    """An .off file whose faces of more than 4 corners are triangles: trimesh fails at them."""
    data = re.sub(rb"#[^\r\n]*", b"", data)
    head, word, rest = data.partition(b"OFF")
    if head.strip().endswith((b"4", b"n")):
        raise ValueError("its vertices have not three coordinates each")
    lines = [line for line in map(bytes.strip, rest.splitlines()) if line]
    first, num = (1 + int(lines[0].split()[0]), int(lines[0].split()[1])) if lines else (0, 0)
    faces = [line.split() for line in lines[first : first + num]]
    if len(faces) < num or any(len(face) <= int(face[0]) for face in faces):
        raise ValueError(f"it is cut off: not all of its {num} faces are there")
    if not any(int(face[0]) > 4 for face in faces):
        return data
    corners = [face[1 : int(face[0]) + 1] for face in faces]
    fans = [b"3 %b %b %b" % (c[0], *pair) for c in corners for pair in zip(c[1:], c[2:])]
    lines = [b"%d %d 0" % (first - 1, len(fans)), *lines[1:first], *fans]
    return head + word + b"\n" + b"\n".join(lines)


def _obj_normals(data, count):
    rows = [line.split()[:3] for line in _NORMAL_LINE.findall(data)]
    return np.array(rows, np.float64) if len(rows) == count and count else None


def _ply_normals(cloud: Any) -> np.ndarray | None:
    """Normals [n, 3] of a .ply cloud: trimesh keeps them among what it read."""
    columns = cloud.metadata.get("_ply_raw", {}).get("vertex", {}).get("data", {})
    names = getattr(getattr(columns, "dtype", None), "names", None) or columns
    if not all(axis in names for axis in ("nx", "ny", "nz")):
        return None
    found = [np.asarray(columns[axis]).ravel() for axis in ("nx", "ny", "nz")]
    if any(column.dtype.kind == "u" for column in found):  # which cannot point backwards
        return None
    return np.stack(found, axis=1).astype(np.float64)
