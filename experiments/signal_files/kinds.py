"""The kinds of files by what was learned, and by what compressed files call them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.signal_files.arrays import arrays
from experiments.signal_files.clips import NAME as CLIP
from experiments.signal_files.clips import clips
from experiments.signal_files.kind import Kind
from experiments.signal_files.pictures import NAMES as PICTURES
from experiments.signal_files.pictures import pictures
from experiments.signal_files.solids import NAMES as SOLIDS
from experiments.signal_files.solids import solids
from experiments.signal_files.sounds import NAME as SOUND
from experiments.signal_files.sounds import sounds
from metainr.checks import Range, check
from metainr.errors import UserError
from metainr.media.folders import below
from metainr.runs.as_data.frames import Frame


def kind_of_record(record: Mapping[str, Any], frame: Frame) -> Kind:
    """The kind of files that fields stand for, of which a record and a frame tell."""
    experiment = record.get("experiment")
    if experiment == "image_regression":
        return pictures()
    if experiment == "audio":
        return sounds(check("sample_rate", record.get("sample_rate"), Range(1, 10**6)))
    if experiment == "video":
        return clips(frame.shape[-1])
    return solids(frame) if experiment == "shapes" else arrays(len(frame.shape))


def kind_of_file(name: str) -> Kind:
    """The kind of files that a compressed one becomes again, by what its header calls it."""
    if name in PICTURES:
        return pictures()
    if name in SOLIDS:
        return solids(None)
    return {SOUND: sounds(0), CLIP: clips(0)}.get(name) or arrays(0)


def names_of(kind: Kind, root: Path) -> list[str]:
    """The files of a kind in a folder and below it, or the one file: names relative to it, sorted.

    Raises UserError if there are none.
    """
    return named(root, kind.endings, _several(kind.what), "input")


def named(root: Path, endings: frozenset[str], what: str, flag: str) -> list[str]:
    """As `names_of`, by endings. Raises UserError that calls them `what`, from --`flag`."""
    if root.is_file():
        return [root.name]
    if not root.is_dir():
        raise UserError(f"--{flag}={root} does not exist; name a file, or a folder of {what}")
    found = below(root, lambda path: path.suffix.lower() in endings and path.is_file())
    if not found:
        raise UserError(
            f"--{flag}={root} has no {what}; put files there that end in "
            f"{', '.join(sorted(endings))}"
        )
    return [path.relative_to(root).as_posix() for path in found]


def _several(what):
    return f"{what}es" if what.endswith("sh") else f"{what}s"
