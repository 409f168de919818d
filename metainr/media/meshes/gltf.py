"""glTF files, checked before trimesh reads them: it takes on trust what they say of themselves."""

import json
import struct
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from metainr.json_files import parsed
from metainr.media.opening import check_regular

_POINTS, _LINES, _TRIANGLES, _STRIP = 0, (1, 2, 3), 4, 5
_FLOAT32 = 5126
_NUMBERS = ("count", "bufferView", "byteOffset", "byteLength", "byteStride")
_MOST = 2**28  # items of an accessor, which may have no bytes that it must fit
_COPIES = "EXT_mesh_gpu_instancing"  # which may be used without being called required
_LOOKS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_")  # say nothing of shape


class Gltf(NamedTuple):
    """A file as trimesh is to read it.

    data: its bytes; points have become a strip of triangles, whose normals trimesh keeps.
    is_cloud: whether they are points in truth, and their triangles nothing.
    has_normals: whether all of the points have one.
    is_posed: whether bones or shape keys move its vertices, which is not read.
    """

    data: bytes
    is_cloud: bool
    has_normals: bool
    is_posed: bool


class Beside:
    """The files in and below a folder, as trimesh asks for what a glTF file names; no others."""

    def __init__(self, folder: Path):
        self._folder = folder.resolve()

    def __getitem__(self, uri: str) -> bytes:
        """The bytes of a file. Raises ValueError if it is elsewhere, UserError if it is none."""
        path = (self._folder / unquote(uri)).resolve()
        if not path.is_relative_to(self._folder):
            raise ValueError(f"it names {uri!r}, which is not in its folder")
        check_regular(path, "buffer")
        return path.read_bytes()

    get = __getitem__


def checked_gltf(data: bytes, is_binary: bool) -> Gltf:
    """The bytes of a .glb or .gltf file.

    Raises ValueError if it needs an extension that changes shapes, its numbers are none of a file,
    or its shapes are stored in a way that trimesh passes over.
    """
    start, length = _json_chunk(data) if is_binary else (0, len(data))
    header = parsed(data[start : start + length])
    _check_numbers(header)
    if not any(scene.get("nodes") for scene in header.get("scenes", [])):
        raise ValueError("its scenes place no mesh")
    shapes = [p for mesh in header.get("meshes", []) for p in mesh["primitives"]]
    for shape in shapes:
        _check_shape(header, shape)
    solid = [p for p in shapes if p.get("mode", _TRIANGLES) in (_TRIANGLES, _STRIP)]
    points = [p for p in shapes if p.get("mode") == _POINTS]
    if solid or not points:
        return Gltf(data, False, False, _is_posed(header))
    for shape in points:
        shape["mode"] = _STRIP
        shape.pop("indices", None)
    has_normals = all("NORMAL" in shape["attributes"] for shape in points)
    text = json.dumps(header).encode()
    if is_binary:
        text += b" " * (-len(text) % 4)
        rest = data[start + length :]
        size = start + len(text) + len(rest)
        text = struct.pack("<4s2II4s", b"glTF", 2, size, len(text), b"JSON") + text + rest
    return Gltf(text, True, has_normals, _is_posed(header))


def _is_posed(header):
    nodes, meshes = header.get("nodes", []), header.get("meshes", [])
    return any("skin" in x or any(x.get("weights", ())) for x in (*nodes, *meshes))


def _json_chunk(data):
    magic, version, _, length, kind = struct.unpack("<4s2II4s", data[:20])
    if (magic, version, kind) != (b"glTF", 2, b"JSON"):
        raise ValueError("it is no binary glTF of version 2")
    return 20, length


def _check_numbers(header: Any) -> None:
    needed = [x for x in header.get("extensionsRequired", []) if not x.startswith(_LOOKS)]
    needed += [x for x in header.get("extensionsUsed", []) if x == _COPIES and x not in needed]
    if needed:
        raise ValueError(f"it needs {', '.join(needed)}, which is not read here")
    for part in ("accessors", "bufferViews"):
        for index, entry in enumerate(header.get(part, [])):
            for name in _NUMBERS:
                number = entry.get(name, 0)
                if type(number) is not int or not 0 <= number <= _MOST:
                    raise ValueError(f"{name} of {part} {index} is {number}")


def _check_shape(header, shape):
    mode = shape.get("mode", _TRIANGLES)
    if mode not in (_POINTS, *_LINES, _TRIANGLES, _STRIP):
        raise ValueError(f"its primitives of mode {mode} are not read here")
    vectors = [shape["attributes"][x] for x in ("POSITION", "NORMAL") if x in shape["attributes"]]
    for index in [*vectors, *([shape["indices"]] if "indices" in shape else [])]:
        accessor = header["accessors"][index]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise ValueError(f"accessor {index} is sparse or empty, which is not read here")
        if index in vectors and accessor["componentType"] != _FLOAT32:
            raise ValueError(f"accessor {index} holds vectors that are not float32")
