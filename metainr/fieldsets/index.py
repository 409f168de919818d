"""index.json: what a set of fields holds. It is written last."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from metainr.checks import OptionError, Range, Text, check, kinds_of
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.json_files import read_json
from metainr.signals.access import SPLITS
from metainr.weights.naming import shown

FILE, BASE = "index.json", "base.safetensors"
VERSION = 1
_FORMAT = "metainr fields"
_REMEDY = "name a folder that `metainr fit --as_dataset` wrote"
_SIZES = Range(0, 10**9)


class Index(NamedTuple):
    """What a set holds.

    base: the fingerprint of what was learned, which makes fields of vectors.
    size: numbers of a vector.
    steps: of the inner loop that each fit took.
    classes: labels that there are.
    shards: of each split.
    source: where the signals came from, by the names of the command line's flags.
    """

    base: Annotated[str, Text()]
    size: Annotated[int, Range(1, 2**31)]
    steps: Annotated[int, Range(0, 10**6)]
    classes: tuple[str, ...]
    shards: Mapping[str, int]
    source: Mapping[str, Any]


def write_index(folder: Path, index: Index) -> None:
    """Writes index.json. Raises OSError if it cannot be written."""
    record = {"format": _FORMAT, "version": VERSION, **index._asdict()}
    write_bytes(folder / FILE, (json.dumps(record, indent=1) + "\n").encode())


def read_index(folder: Path) -> Index:
    """Reads index.json. Raises UserError if there is none, or of another format or version."""
    path = folder / FILE
    if not path.exists() and (folder / BASE).exists():
        raise UserError(
            f"{shown(folder)} is a set of fields that is not finished; run the command that writes "
            "it again, which goes on"
        )
    record = read_json(path, _REMEDY)
    if record.get("format") != _FORMAT:
        raise UserError(f"{shown(path)} is no index of a set of fields; {_REMEDY}")
    if record.get("version") != VERSION:
        raise UserError(
            f"{shown(path)} is of version {shown(str(record.get('version')))} of the format, and "
            f"this program reads version {VERSION}; write the set again"
        )
    try:
        kinds = kinds_of(Index)
        found = {name: check(name, record.get(name), kind) for name, kind in kinds.items()}
        shards = {split: check(split, record["shards"][split], _SIZES) for split in SPLITS}
        source = dict(record.get("source") or {})
        classes = tuple(check("classes", name, Text()) for name in record["classes"])
    except (OptionError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{shown(path)} is damaged ({shown(str(error))}); {_REMEDY}") from error
    return Index(**found, classes=classes, shards=shards, source=source)
