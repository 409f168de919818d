"""The binary files of COLMAP, held against what they claim before COLMAP's own reader takes them.

It trusts their counts, and reads on behind a file's end for as long as these say.

Source: https://colmap.github.io/format.html.
"""

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

from metainr.errors import UserError
from metainr.files import check_regular


class _Record(NamedTuple):
    """What a file has many of: bytes, then a text if it is named, then a count of items."""

    size: int
    named: bool = False
    counter: str = ""
    item: int = 0


_RECORDS = {
    "cameras": _Record(24),
    "images": _Record(64, True, "<Q", 24),
    "points3D": _Record(43, False, "<Q", 8),
    "rigs": _Record(8),
    "frames": _Record(64, False, "<I", 16),
}


def check_claims(folder: Path) -> None:
    """Raises UserError for a file of a reconstruction that claims more than it can hold."""
    for path in sorted(folder.iterdir()):
        if path.stem not in _RECORDS or path.suffix not in (".bin", ".txt"):
            continue
        check_regular(path, "COLMAP's file")
        if path.suffix == ".bin" and not _holds(path, _RECORDS[path.stem]):
            raise UserError(
                f"{path} is no file that COLMAP can read (its {path.stat().st_size} bytes are "
                "fewer than its counts claim); export it again with colmap model_converter"
            )


def spaced_names(folder: Path) -> dict[int, str]:
    """The names with spaces in a reconstruction's images.txt, which COLMAP's own reader cuts there.

    By the numbers of the images. Raises UnicodeDecodeError for a name that is not UTF-8.
    """
    path = folder / "images.txt"
    if (folder / "images.bin").exists() or not path.exists():
        return {}  # COLMAP prefers the former
    names, lines = {}, iter(path.read_bytes().splitlines())
    for line in lines:
        parts = line.strip().split(maxsplit=9)
        if not parts or parts[0].startswith(b"#"):
            continue
        next(lines, b"")  # the points that it sees
        if len(parts) == 10 and b" " in parts[9]:
            names[int(parts[0])] = parts[9].decode()
    return names


def _holds(path, record):
    size = path.stat().st_size
    if size < 8:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        (count,) = struct.unpack_from("<Q", data)
        if count * record.size > size - 8:
            return False
        return not record.counter or _end(data, count, record) <= size


def _end(data, count, record):
    """Where the records end, or somewhere behind the data."""
    width, place = struct.calcsize(record.counter), 8
    for _ in range(count):
        place += record.size
        if place > len(data) or (record.named and not (place := data.find(b"\0", place) + 1)):
            return len(data) + 1
        if place + width > len(data):
            return len(data) + 1
        (items,) = struct.unpack_from(record.counter, data, place)
        place += width + record.item * items
    return place
