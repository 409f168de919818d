"""What trimesh misreads of .ply files, found before it does."""

import struct

from metainr.errors import UserError

_MAY_LIST = (b"vertex", b"face", b"range_grid")  # the last: what a scanner saw, points alone
_TYPES = {
    **dict.fromkeys((b"char", b"int8"), "b"),
    **dict.fromkeys((b"uchar", b"uint8"), "B"),
    **dict.fromkeys((b"short", b"int16"), "h"),
    **dict.fromkeys((b"ushort", b"uint16"), "H"),
    **dict.fromkeys((b"int", b"int32"), "i"),
    **dict.fromkeys((b"uint", b"uint32"), "I"),
    **dict.fromkeys((b"float", b"float32"), "f"),
    **dict.fromkeys((b"double", b"float64"), "d"),
}
_ORDERS = {b"binary_little_endian": "<", b"binary_big_endian": ">"}


def plain_ply(data: bytes) -> bytes:
    """A .ply file whose lines end as they do today, not by a return alone."""
    head, mark, body = data.partition(b"end_header")
    if b"\n" in head or b"\r" not in head:
        return data
    head, is_text = head.replace(b"\r", b"\n"), not _elements(head)[0]
    return head + mark + body.replace(b"\r", b"\n", -1 if is_text else 1)


def check_ply(path: object, data: bytes) -> None:
    """Raises for a .ply file of which trimesh would read something else than it holds.

    ValueError: triangles stand in it as strips or the like, or its text is cut off. UserError: its
    faces are binary and of several sizes, which are all read by the size of the first.
    """
    head, mark, body = data.partition(b"end_header")
    order, elements = _elements(head)
    for name, count, properties in elements:
        if name not in _MAY_LIST and count and any(kind == "list" for kind, *_ in properties):
            if any(rest[-1].startswith(b"vertex_ind") for _, *rest in properties):
                shown = name.decode(errors="replace")
                raise ValueError(f"its element {shown} lists vertices, and only faces may")
    if mark and not order:
        _check_lines(body, sum(count for _, count, _ in elements))
    if order and mark:
        _check_sizes(path, body[2 if body.startswith(b"\r") else 1 :], order, elements)


def _elements(head):
    """(byte order or "", [(name, count, [("plain", type, name) or ("list", types…, name)])])."""
    order, elements = "", []
    for line in head.splitlines():
        words = line.split()
        if words[:1] == [b"format"] and len(words) > 1:
            order = _ORDERS.get(words[1], "")
        if words[:1] == [b"element"] and len(words) == 3:
            elements.append((words[1], int(words[2]), []))
        if words[:1] == [b"property"] and len(words) > 2 and elements:
            is_list = words[1] == b"list"
            elements[-1][2].append(("list", *words[2:]) if is_list else ("plain", *words[1:]))
    return order, elements


def _check_lines(body, claimed):
    there = sum(not line.isspace() for line in body.splitlines()[1:] if line)
    if there < claimed:
        raise ValueError(f"it is cut off: it promises {claimed} lines, and {there} are there")


def _check_sizes(path, body, order, elements):
    place = 0
    for name, count, properties in elements:
        codes = [[_TYPES[word] for word in rest[:-1]] for _, *rest in properties]
        if name == b"face":
            if len(_sizes(body[place:], count, order, codes)) > 1:
                raise UserError(
                    f"{path} has polygons of several sizes, which cannot be read from a binary "
                    ".ply; triangulate on export, or save it as text"
                )
            return
        if any(kind == "list" for kind, *_ in properties):
            return  # before the faces there are no other lists in files that people have
        place += count * sum(struct.calcsize(order + code) for (code,) in codes)


def _sizes(body, count, order, codes):
    """The different lengths of the rows' lists, of which one is enough to read them all."""
    found, place = set(), 0
    for _ in range(count):
        lengths = []
        for code in codes:
            if len(code) == 2:
                lengths.append(*struct.unpack_from(order + code[0], body, place))
                place += struct.calcsize(order + code[0])
                place += lengths[-1] * struct.calcsize(order + code[1])
            else:
                place += struct.calcsize(order + code[0])
        found.add(tuple(lengths))
        if len(found) > 1 or place > len(body):
            break
    return found
