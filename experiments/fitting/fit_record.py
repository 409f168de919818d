"""results.jsonl: what is known of each picture of a folder, a line as soon as it is fitted.

    {"name", "seconds", "tiles", "psnr": {KIND: {INIT: [S]}}, "files": {FILE: {KIND: dB}},
     "dead": [INIT], those whose fit has one value everywhere}
    {"name", "failed": why there is no fit}

A line is written after the picture's files: a picture without a whole one is still to be fitted.
"""

import errno
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.json_files import parsed

FILE = "results.jsonl"


class Outcome(NamedTuple):
    """Of many pictures, the PSNR in dB [pictures, steps + 1] by kind of pixel and init, how many of
    them were fitted, the names of those whose fits failed, and by init of those whose fits died.
    """

    psnr: dict[str, dict[str, np.ndarray]]
    num_fitted: int
    failed: list[str]
    dead: dict[str, list[str]]


class Record:
    """The lines of a folder of fits; threads may add to them."""

    def __init__(self, directory: Path):
        """Opens, or begins, the record in a folder, and drops what a killed run left of a line.

        Raises OSError if that is not possible.
        """
        self._path = directory / FILE
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, sum(map(len, self._lines())))

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: Any) -> None:
        os.close(self._file)

    def add(self, entry: dict[str, Any]) -> None:
        """Appends a line. Raises OSError if there is no room for it."""
        line = (json.dumps(entry, allow_nan=False) + "\n").encode()
        if os.write(self._file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def entries(self) -> Iterator[dict[str, Any]]:
        """The first line of every picture; damaged ones are left out."""
        seen = set()
        for line in self._lines():
            entry = _parsed(line)
            if entry is not None and entry["name"] not in seen:
                seen.add(entry["name"])
                yield entry

    def outcome(self, names: Collection[str]) -> Outcome:
        """What became of those of the named pictures that have a line."""
        rows: dict[str, dict[str, list[np.ndarray]]] = {}
        dead: dict[str, list[str]] = {}
        num_fitted, failed = 0, []
        for entry in self.entries():
            if entry["name"] not in names:
                continue
            if "failed" in entry:
                failed.append(entry["name"])
                continue
            num_fitted += 1
            for init in entry.get("dead", ()):
                dead.setdefault(init, []).append(entry["name"])
            for kind, inits in entry["psnr"].items():
                for init, psnr in inits.items():
                    values = np.array([np.inf if x is None else x for x in psnr])
                    rows.setdefault(kind, {}).setdefault(init, []).append(values)
        psnr = {
            kind: {init: np.stack(found) for init, found in inits.items()}
            for kind, inits in rows.items()
        }
        return Outcome(psnr, num_fitted, sorted(failed), dead)

    def _lines(self):
        with self._path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))


def _parsed(line):
    try:
        entry = parsed(line)
        is_whole = isinstance(entry["name"], str) and {"psnr", "failed"} & entry.keys()
    except (ValueError, TypeError, KeyError):
        return None
    return entry if is_whole else None
