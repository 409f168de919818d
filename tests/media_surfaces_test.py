"""Meshes and clouds as users, and as attackers, have them: read right, said, or refused."""

import base64
import json
import os
import struct

import numpy as np
import pytest
from absl import logging

from metainr.errors import UserError
from metainr.media.meshes.mesh_files import read_mesh_file
from metainr.media.meshes.surfaces import read_surface

trimesh = pytest.importorskip("trimesh")


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: lines.append(text % values))
    return lines


def _read(path, num=2000):
    return read_surface(path, num, np.random.default_rng(0))


def _ball(radius=1.0, place=(0, 0, 0), inward=False):
    ball = trimesh.creation.icosphere(2, radius=radius)
    ball.apply_translation(place)
    if inward:
        ball.invert()
    return ball


def _write(path, *parts):
    trimesh.util.concatenate(list(parts)).export(path)
    return path


def _facing(found, centre, reach):
    """Outward shares of the normals of those points that are within reach of a centre."""
    offsets = found.points - centre
    near = np.linalg.norm(offsets, axis=1) < reach
    return np.sum(offsets[near] * found.normals[near], axis=1)


def test_each_part_of_a_mesh_is_turned_for_itself(tmp_path, said):
    parts = _ball(), _ball(0.5, (3, 0, 0), inward=True), _ball(0.1, (0, 3, 0))
    found = _read(_write(tmp_path / "balls.stl", *parts))
    assert found.closed
    for centre in ((0, 0, 0), (3, 0, 0), (0, 3, 0)):
        assert (_facing(found, centre, 1.1) > 0).all()
    assert len(said) == 1 and "1 of its 3 parts is inside out" in said[0]


@pytest.mark.parametrize("inward", [False, True])
def test_the_wall_of_a_hollow_faces_into_it(tmp_path, said, inward):
    solid = [_ball(), _ball(0.5, inward=True), _ball(0.2)]
    if inward:
        for part in solid:
            part.invert()
    found = _read(_write(tmp_path / "hollow.ply", *solid, _ball(0.5, (3, 0, 0))))
    assert (_facing(found, 0, 0.3) > 0).all() and (_facing(found, (3, 0, 0), 0.6) > 0).all()
    radii = np.linalg.norm(found.points, axis=1)
    facing = np.sum(found.points * found.normals, axis=1)
    assert (facing[(radii > 0.4) & (radii < 0.6)] < 0).all()
    assert (facing[(radii > 0.9) & (radii < 1.1)] > 0).all()
    assert len(said) == inward


def test_a_closed_part_is_turned_beside_an_open_one(tmp_path, said):
    bowl = _ball(1, (3, 0, 0))
    bowl.update_faces(bowl.triangles_center[:, 2] < 0)
    bowl.remove_unreferenced_vertices()
    found = _read(_write(tmp_path / "two.obj", _ball(inward=True), bowl))
    assert (_facing(found, 0, 1.1) > 0).all() and not found.closed
    assert "1 of its 2 parts" in said[0]


def test_faces_of_a_closed_part_that_disagree_are_wound_alike(tmp_path):
    ball = _ball()
    ball.faces[::2] = ball.faces[::2, ::-1]
    found = _read(_write(tmp_path / "ball.ply", ball))
    assert (_facing(found, 0, 1.1) > 0).all() and found.closed


def test_units_do_not_matter(tmp_path):
    found = _read(_write(tmp_path / "tiny.ply", _ball(1e-9, inward=True)))
    assert found.closed and (_facing(found, 0, 1) > 0).all()


def _points(num=400):
    directions = np.random.default_rng(1).normal(size=(num, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("colours", [(0, 255), (0, 1)])
def test_colours_are_no_normals(tmp_path, said, colours):
    points = _points()
    drawn = np.random.default_rng(2).integers(*colours, points.shape, endpoint=True)
    np.savetxt(tmp_path / "scan.xyz", np.hstack([points, drawn]), fmt="%.6g")
    found = _read(tmp_path / "scan.xyz")
    assert (np.sum(points * found.normals, axis=1) > 0.9).all()
    assert len(said) == 1 and "normals are estimated" in said[0] and "colours?" in said[0]


def test_normals_of_few_digits_and_a_byte_order_mark(tmp_path, said):
    points = _points()
    with (tmp_path / "scan.xyz").open("w", encoding="utf-8-sig") as file:
        np.savetxt(file, np.hstack([points, -points]), fmt=["%.6f"] * 3 + ["%.2f"] * 3)
    found = _read(tmp_path / "scan.xyz")
    assert (np.sum(points * found.normals, axis=1) < -0.99).all() and not said


def test_a_line_of_names_before_a_cloud(tmp_path, said):
    lines = "\n".join(" ".join(f"{x:.5f}" for x in row) for row in np.tile(_points(), 2))
    (tmp_path / "a.xyz").write_text("//X Y Z Nx Ny Nz\n" + lines)
    np.testing.assert_allclose(_read(tmp_path / "a.xyz").points, _points(), atol=1e-5)
    (tmp_path / "a.xyz").write_text("X Y Z Nx Ny Nz\n" + lines)
    _refused(tmp_path / "a.xyz", "others behind #")


def _gltf(points, normals=None, **changed):
    """A glTF of points, as (header without its buffers, bytes)."""
    arrays = [np.asarray(x, "<f4").tobytes() for x in (points, normals) if x is not None]
    size = len(arrays[0])
    accessor = {"componentType": 5126, "type": "VEC3", "count": len(points)}
    return {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "rotation": [1, 0, 0, 0]}],  # half a turn about x
        "meshes": [
            {
                "primitives": [
                    {"mode": 0, "attributes": dict(zip(("POSITION", "NORMAL"), range(2)))}
                    if normals is not None
                    else {"mode": 0, "attributes": {"POSITION": 0}}
                ]
            }
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": i * size, "byteLength": size} for i in range(len(arrays))
        ],
        "accessors": [accessor | {"bufferView": i} | changed for i in range(len(arrays))],
    }, b"".join(arrays)


def _glb(path, header, data):
    text = json.dumps(header | {"buffers": [{"byteLength": len(data)}]}).encode()
    text += b" " * (-len(text) % 4)
    chunks = [(b"JSON", text), (b"BIN\0", data)]
    body = b"".join(struct.pack("<I4s", len(x), kind) + x for kind, x in chunks)
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
    return path


def test_a_clouds_normals_are_used_in_every_format(tmp_path, said):
    points = _points(50)
    normals = np.roll(points, 1, axis=1)  # any will do: they must be the file's own
    lines = ["v {} {} {}".format(*p) for p in points] + ["vn {} {} {}".format(*n) for n in normals]
    (tmp_path / "cloud.obj").write_text("\n".join(lines))
    found = _read(tmp_path / "cloud.obj")
    np.testing.assert_allclose(found.normals, normals, atol=1e-6)
    turned = np.array([1, -1, -1])
    header, data = _gltf(points, normals)
    uri = {"buffers": [{"byteLength": len(data), "uri": "the%20points.bin"}]}
    (tmp_path / "cloud.gltf").write_text(json.dumps(header | uri))
    (tmp_path / "the points.bin").write_bytes(data)
    for path in (_glb(tmp_path / "cloud.glb", header, data), tmp_path / "cloud.gltf"):
        found = _read(path)
        np.testing.assert_allclose(found.points, turned * points, atol=1e-6)
        np.testing.assert_allclose(found.normals, turned * normals, atol=1e-6)
        assert not found.closed
    assert not said


def test_a_gltf_cloud_without_normals(tmp_path, said):
    found = _read(_glb(tmp_path / "cloud.glb", *_gltf(_points())))
    assert (np.sum(found.points * found.normals, axis=1) > 0.9).all()
    assert len(said) == 1 and "has no normals" in said[0]


def _refused(path, match):
    with pytest.raises(UserError, match=match) as caught:
        _read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("uri", ["../secret.bin", "%2e%2e/secret.bin", "/etc/hostname", "linked"])
def test_a_gltf_reads_no_file_outside_its_folder(tmp_path, uri):
    header, data = _gltf(_points(20))
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(data)
    (folder / "linked").symlink_to(tmp_path / "secret.bin")
    buffers = {"buffers": [{"byteLength": len(data), "uri": uri}]}
    (folder / "a.gltf").write_text(json.dumps(header | buffers))
    _refused(folder / "a.gltf", "which is not in its folder")
    encoded = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    buffers = {"buffers": [{"byteLength": len(data), "uri": encoded}]}
    (folder / "a.gltf").write_text(json.dumps(header | buffers))
    assert len(_read(folder / "a.gltf").points) == 20


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"count": -1}, "count of accessors 0 is -1"),
        ({"count": 10**12}, "count of accessors 0 is 1000000000000"),
        ({"byteOffset": -12}, "byteOffset of accessors 0 is -12"),
        ({"count": 10**6}, "cannot be read"),
        ({"bufferView": 7}, "cannot be read"),
        ({"sparse": {"count": 1}}, "accessor 0 is sparse"),
        ({"componentType": 5122}, "vectors that are not float32"),
    ],
)
def test_absurd_numbers_in_a_glb(tmp_path, changed, match):
    _refused(_glb(tmp_path / "a.glb", *_gltf(_points(30), **changed)), match)


def test_what_a_glb_needs_and_is_not_read(tmp_path):
    header, data = _gltf(_points(30))
    packed = header | {"extensionsRequired": ["KHR_draco_mesh_compression"]}
    _refused(_glb(tmp_path / "a.glb", packed, data), "it needs KHR_draco_mesh_compression")
    copied = header | {"extensionsUsed": ["EXT_mesh_gpu_instancing", "KHR_materials_unlit"]}
    _refused(_glb(tmp_path / "a.glb", copied, data), r"it needs EXT_mesh_gpu_instancing, which")
    for scenes in ([], [{"name": "empty"}]):
        unplaced = _glb(tmp_path / "a.glb", header | {"scenes": scenes}, data)
        _refused(unplaced, "its scenes place no mesh")
    header["meshes"][0]["primitives"][0]["mode"] = 6
    _refused(_glb(tmp_path / "a.glb", header, data), "mode 6")
    (tmp_path / "a.gltf").write_text('{"a":' + "[" * 100_000)
    _refused(tmp_path / "a.gltf", "cannot be read")


def test_faces_without_their_vertices(tmp_path):
    head = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    head += "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    for face in ("0 1 7", "0 1 -2", "0 1 2000000000"):
        (tmp_path / "a.ply").write_text(f"{head}0 0 0\n1 0 0\n0 1 0\n3 {face}\n")
        _refused(tmp_path / "a.ply", "a face names a vertex")
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n")
    _refused(tmp_path / "a.obj", "cannot be read")
    for face in ("0 1 2", "1 2 0", "1/1 0/1 2/1"):
        (tmp_path / "a.obj").write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1 2 3\nf {face}\n")
        _refused(tmp_path / "a.obj", "names a vertex 0, and the first is 1")
    (tmp_path / "a.obj").write_text("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n" * 2)
    _refused(tmp_path / "a.obj", "three coordinates|cannot be read")
    triangles = [f"v {x} 0 0\nv {x + 1} 0 0\nv {x} 1 0\nf -3 -2 -1\n" for x in (0, 5)]
    (tmp_path / "a.obj").write_text("".join(triangles))
    found = _read(tmp_path / "a.obj").points[:, 0]
    assert 0.4 < (found < 1.01).mean() < 0.6 and ((found < 1.01) | (found > 4.99)).all()
    (tmp_path / "a.obj").write_text(triangles[0].replace("-3", "-4"))
    _refused(tmp_path / "a.obj", "names a vertex -4 of 3 before it")


def test_texts_that_are_cut_off(tmp_path):
    text = _ball().export(file_type="ply", encoding="ascii").decode()
    (tmp_path / "a.ply").write_text(text + "\n\n")
    assert _read(tmp_path / "a.ply").closed
    (tmp_path / "a.ply").write_text("\n".join(text.splitlines()[:-9]))
    _refused(tmp_path / "a.ply", "is cut off: it promises 482 lines, and 473 are there")
    text = _ball().export(file_type="off")
    for rest in (text.rpartition("\n3 ")[0], text.rpartition(" ")[0]):
        (tmp_path / "a.off").write_text(rest)
        _refused(tmp_path / "a.off", "is cut off: not all of its 320 faces are there")


def test_an_obj_with_tabs_comments_and_continued_lines(tmp_path, said):
    _write(tmp_path / "ball.obj", _ball())
    plain = (tmp_path / "ball.obj").read_text()
    lines = [line for line in plain.splitlines() if line[:2] in ("v ", "f ")]
    odd = [f" {x.replace(' ', chr(9) * (i % 2) + ' ')}\t# no. {i}" for i, x in enumerate(lines)]
    odd[-1] = lines[-1].replace("f ", "f \\\r\n\t")
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "odd.obj").write_bytes((end.join(["# C:\\", *odd]) + end).encode())
        found = _read(tmp_path / "odd.obj")
        assert found.closed and np.allclose(found.points, _read(tmp_path / "ball.obj").points)
    tabs = "\n".join(lines).replace(" ", "\t")
    (tmp_path / "tabs.obj").write_text(tabs)
    assert _read(tmp_path / "tabs.obj").closed and not said


def test_an_obj_that_is_cut_off_or_curved(tmp_path, said):
    path = tmp_path / "a.obj"
    lines = _ball().export(file_type="obj").strip().splitlines()
    path.write_text("\n".join(lines))
    assert _read(path).closed and not said
    path.write_text("\n".join(lines[:-160]))
    assert not _read(path).closed
    assert "of its 162 vertices are in no face: it may be cut off" in said.pop()
    for rest in (lines[-1].rpartition(" ")[0], "v 1 2", "f"):
        path.write_text("\n".join([*lines[:-1], rest]))
        _refused(path, "its last line is cut off")
    path.write_text("\n".join([*lines, "cstype bspline", "surf 0 1 0 1 1 2 3 4", "end"]))
    assert _read(path).closed and "its curved surfaces are left out" in said.pop() and not said


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_a_ply_whose_lines_end_by_returns(tmp_path, encoding):
    path, data = tmp_path / "a.ply", _ball().export(file_type="ply", encoding=encoding)
    head, mark, body = data.partition(b"end_header")
    body = body.replace(b"\n", b"\r", -1 if encoding == "ascii" else 1)
    path.write_bytes(head.replace(b"\n", b"\r") + mark + body)
    found = read_mesh_file(path)
    np.testing.assert_allclose(found.vertices, _ball().vertices, atol=1e-6)
    np.testing.assert_array_equal(found.faces, _ball().faces)


@pytest.mark.parametrize("number", ["1e308", "1e400", "1e31", "nan", "-inf"])
def test_coordinates_that_are_none(tmp_path, number):
    rows = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
    (tmp_path / "a.obj").write_text(f"{rows}v 0 -{number.strip('-')} {number}\nf 1 2 4\nf 1 2 3\n")
    _refused(tmp_path / "a.obj", "long, with coordinates|not finite|cannot be read")
    np.savetxt(tmp_path / "a.xyz", _points(20))
    with (tmp_path / "a.xyz").open("a") as file:
        file.write(f"0 0 {number}\n")
    _refused(tmp_path / "a.xyz", "long, with coordinates|not finite")


def test_single_precision_far_from_the_origin_is_told(tmp_path, said):
    far = [512345.0, 5403210.0, 430.0]
    ball = _ball(1)
    ball.vertices = (ball.vertices + far).astype(np.float32)
    ball.export(tmp_path / "far.ply")
    _read(tmp_path / "far.ply")
    assert any("in steps of 0.5, as single precision has them" in line for line in said)
    said.clear()
    np.savetxt(tmp_path / "far.xyz", np.hstack([_points(50) + far, _points(50)]))
    _read(tmp_path / "far.xyz")
    assert not said


@pytest.mark.parametrize("suffix", [".ply", ".xyz", ".gltf"])
def test_pipes_and_devices_are_refused(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"device{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        _refused(tmp_path / f"{name}{suffix}", "is a pipe or device; give a file")


def test_a_material_file_is_not_opened(tmp_path):
    _write(tmp_path / "ball.obj", _ball())
    os.mkfifo(tmp_path / "paint.mtl")  # to open it would wait for ever
    (tmp_path / "ball.obj").write_text("mtllib paint.mtl\n" + (tmp_path / "ball.obj").read_text())
    assert _read(tmp_path / "ball.obj").closed


def _prism(path):
    """A prism over an L, of polygons: a fan from its first corner leaves the L."""
    base = [(4, 0), (4, 1), (1, 1), (1, 4), (0, 4), (0, 0)]
    rows = [f"{x} {y} {z}" for z in (0, 1) for x, y in base]
    faces = [[5, 4, 3, 2, 1, 0], [6, 7, 8, 9, 10, 11]]
    faces += [[i, (i + 1) % 6, (i + 1) % 6 + 6, i + 6] for i in range(6)]
    if path.suffix == ".obj":
        rows = [f"v {row}" for row in rows]
        rows += ["f " + " ".join(str(i + 1) for i in face) for face in faces]
    else:
        rows = ["OFF # L", "12 8 0", *rows]
        rows += [" ".join(map(str, [len(face), *face])) for face in faces]
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize("suffix", [".obj", ".off"])
def test_concave_polygons_are_told(tmp_path, said, suffix):
    assert _read(_prism(tmp_path / f"l{suffix}")).points.max() > 3.9
    assert len(said) == 1 and "concave" in said[0] and "triangulate them on export" in said[0]


def test_a_stl_with_bytes_after_its_last_facet(tmp_path, said):
    data = _ball().export(file_type="stl")
    (tmp_path / "a.stl").write_bytes(data + b"\0\0")
    assert _read(tmp_path / "a.stl").closed and "last facet, 2 of" in said[0]
    (tmp_path / "a.stl").write_bytes(data[:-60])
    with pytest.raises(UserError, match="is cut off: 320 facets do not fit"):
        _read(tmp_path / "a.stl")
    (tmp_path / "a.stl").write_text(_ball().export(file_type="stl_ascii") + "\n\n")
    assert _read(tmp_path / "a.stl").closed and len(said) == 1


def test_a_stl_whose_normals_contradict_its_corners(tmp_path, said):
    data = bytearray(_ball().export(file_type="stl"))
    for normals, told in ((0 * _ball().face_normals, False), (-_ball().face_normals, True)):
        for i, normal in enumerate(normals):
            struct.pack_into("<3f", data, 84 + 50 * i, *normal)
        (tmp_path / "a.stl").write_bytes(data)
        assert (_facing(_read(tmp_path / "a.stl"), 0, 2) > 0).all()
        assert told == any("320 of its 320 facets point against the order" in x for x in said)


@pytest.mark.parametrize("turn", [1, -1])
def test_faces_that_are_there_twice(tmp_path, said, turn):
    ball = _ball()
    ball.faces = np.concatenate([ball.faces, np.roll(ball.faces, 1, axis=1)[:, ::turn]])
    ball.export(tmp_path / "a.ply")
    found = _read(tmp_path / "a.ply")
    assert found.closed and (_facing(found, 0, 1.1) > 0).all()
    assert len(said) == 1 and "320 faces more than once" in said[0]


def test_a_ply_of_strips_is_refused(tmp_path):
    rows = ["ply", "format ascii 1.0", "element vertex 20", "property float x"]
    rows += ["property float y", "property float z", "element tristrips 1"]
    rows += ["property list int int vertex_indices", "end_header"]
    rows += [f"{i // 2} {i % 2} 0" for i in range(20)] + [" ".join(map(str, [20, *range(20)]))]
    for end in ("\n", "\r\n"):
        (tmp_path / "a.ply").write_bytes(end.join(rows).encode())
        _refused(tmp_path / "a.ply", "its element tristrips lists vertices")
    (tmp_path / "a.ply").write_text("\n".join(rows).replace("tristrips", "range_grid"))
    assert len(_read(tmp_path / "a.ply").points) == 20


def test_binary_polygons_of_several_sizes_are_refused(tmp_path):
    """Of four, five, and three corners: on average four, as many as the first has."""
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)] + [(2, 0.5, 0.5)]
    header = (
        b"ply\nformat binary_little_endian 1.0\nelement vertex 9\nproperty float x\n"
        b"property float y\nproperty float z\nelement face 4\n"
        b"property list uchar int vertex_indices\nend_header\n"
    )
    points = b"".join(struct.pack("<3f", *corner) for corner in corners)

    def write(faces):
        rows = b"".join(struct.pack(f"<B{len(f)}i", len(f), *f) for f in faces)
        (tmp_path / "a.ply").write_bytes(header + points + rows)
        return tmp_path / "a.ply"

    with pytest.raises(UserError, match="polygons of several sizes.*triangulate"):
        read_mesh_file(write([(0, 1, 3, 2), (4, 6, 7, 5), (1, 2, 3), (0, 2, 4, 6, 8)]))
    equal = write([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6)])
    assert len(read_mesh_file(equal).faces) == 8


def test_words_in_the_name_of_a_stl_are_no_vertices(tmp_path):
    text = _ball().export(file_type="stl_ascii").partition("\n")[2].rpartition("endsolid")[0]
    whole = text.replace("\n", "\r\n")
    for name in ("vertex of a facet", "my Solid, endsolid", ""):
        (tmp_path / "a.stl").write_text(f"solid {name}\n{whole}endsolid {name}\n", newline="")
        assert len(read_mesh_file(tmp_path / "a.stl").faces) == len(_ball().faces)
        assert _read(tmp_path / "a.stl").closed
    (tmp_path / "a.stl").write_text(f"solid\n{text.rpartition('vertex')[0]}")
    with pytest.raises(UserError, match="not three vertices each, or it is cut off"):
        read_mesh_file(tmp_path / "a.stl")


@pytest.mark.parametrize("where", ["skin", "weights", None])
def test_poses_of_a_gltf_are_told(tmp_path, said, where):
    header, data = _gltf(_points(), _points())
    target = header["meshes"][0] if where == "weights" else header["nodes"][0]
    target.update({"skin": {"skin": 0}, "weights": {"weights": [0, 0.5]}}.get(where, {}))
    if where == "skin":
        header["skins"] = [{"joints": [0]}]
    _read(_glb(tmp_path / "a.glb", header, data))
    assert [line for line in said if "bones or shape keys" in line] == said
    assert len(said) == bool(where)


@pytest.mark.parametrize("head", ["4OFF", "nOFF\n4"])
def test_an_off_of_other_than_three_coordinates_is_refused(tmp_path, head):
    corners = ["0 0 0 2", "2 0 0 2", "0 2 0 2", "0 0 2 2"]
    faces = ["3 0 2 1", "3 0 1 3", "3 0 3 2", "3 1 2 3"]
    (tmp_path / "a.off").write_text("\n".join([head, "4 4 0", *corners, *faces]))
    _refused(tmp_path / "a.off", "have not three coordinates each")


def test_normals_without_a_sign_are_none(tmp_path, said):
    axes = [f"property float {axis}" for axis in "xyz"]
    axes += [f"property uchar n{axis}" for axis in "xyz"]
    rows = [" ".join(map(str, [*p, *np.uint8(127.5 * (p + 1))])) for p in _points(50)]
    head = ["ply", "format ascii 1.0", "element vertex 50", *axes, "end_header"]
    (tmp_path / "a.ply").write_text("\n".join([*head, *rows]) + "\n")
    _read(tmp_path / "a.ply")
    assert len(said) == 1 and "normals are estimated" in said[0]
