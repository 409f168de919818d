"""Copies in a user's folder: the same signal must not be learned from and tested on."""

import hashlib
from collections import defaultdict
from pathlib import Path

from absl import logging

from metainr.media.folders import below

_SHOWN = 5


def without_copies(root: Path, paths: list[Path]) -> list[Path]:
    """The paths without those whose bytes are those of one before; a warning names them.

    The bytes of a folder are those of the files in it. What is empty, no file or cannot be read is
    nobody's copy.
    """
    sizes = defaultdict(list)
    for path in paths:
        sizes[_size(path)].append(path)
    copies, first = {}, {}
    # Few files are read: others of their size are rare.
    suspects = [x for (_, size), x in sizes.items() if size and len(x) > 1]
    for path in [path for alike in suspects for path in alike]:
        original = first.setdefault(_digest(path), path)
        if original is not path:
            copies[path] = original
    if copies:
        names = [f"{x.relative_to(root)} (of {y.relative_to(root)})" for x, y in copies.items()]
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        logging.warning("%s: left out %d copies: %s", root, len(names), shown)
    return [path for path in paths if path not in copies]


def _files(path):
    return below(path, Path.is_file) if path.is_dir() else [path] if path.is_file() else []


def _size(path):
    """What copies have in common, at little cost."""
    files = _files(path)
    return len(files), sum(file.stat().st_size for file in files)


def _digest(path):
    """The bytes of a path in short; for what has none, the path itself."""
    try:
        found = [_hash(file) for file in _files(path)]
    except OSError:
        return path
    return tuple(found) or path


def _hash(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
