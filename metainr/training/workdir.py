"""The folder of a run: its flags and environment, and whether it may go on with other flags."""

import contextlib
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Collection, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from metainr import __version__
from metainr.checks import shown
from metainr.errors import Option, UserError, listed
from metainr.files import expanded, why, write_bytes
from metainr.json_files import read_json
from metainr.training.lock import alone_in
from metainr.training.portable import recorded_of

_CONFIG = "config.json"
_FILES = (
    *(_CONFIG, "results.json", "init.safetensors", "instruments.json", "tables.md", "report.html"),
    *("results.jsonl", "results.csv"),
)
_FOLDERS = ("checkpoints", "metrics", "profile", "samples", "fits", "figures", "unfinished")


def environment() -> dict[str, str]:
    """What a run's numbers may depend on: versions, device, revision, date (UTC)."""
    device = jax.devices()[0]
    versions = {name: metadata.version(name) for name in ("jax", "jaxlib", "flax", "optax")}
    return {
        "device": f"{len(jax.devices())} × {device.device_kind}, {os.cpu_count()} CPU cores",
        "platform": platform.platform(),
        "python": platform.python_version(),
        "metainr": __version__,
        **versions,
        "git_revision": _git_revision(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


@contextlib.contextmanager
def open_workdir(
    path: str | Path,
    config: Mapping[str, Any],
    changeable: Collection[str],
    flag: str = "workdir",
) -> Iterator[Path]:
    """Holds the folder of a run: creates it, or checks that the run in it had the same flags.

    Args:
        path: the folder; `config.json` in it records flags and environment.
        config: flag name -> value, of JSON's types.
        changeable: the flags that may differ from those recorded.
        flag: the one that names the folder.

    A record beside which there is nothing is that of a run that a mistake ended at once; whatever
    its flags, it is replaced.

    Raises UserError if another process holds it, it cannot be written, or something else is in the
    place of what a run writes; and names what differs.
    """
    path = expanded(path)
    with contextlib.ExitStack() as held:
        try:
            _check_places(path)
            path.mkdir(parents=True, exist_ok=True)
            held.enter_context(alone_in(path, flag))
            if (path / _CONFIG).exists():
                _check_same(path / _CONFIG, config, changeable, flag)
            record = {"flags": dict(config), "environment": environment()}
            write_bytes(path / _CONFIG, (json.dumps(record, indent=2) + "\n").encode())
        except OSError as error:
            raise UserError("cannot write to ", Option(flag, path), f": {why(error)}") from error
        yield path


def check_checkpoints(folder: Path, config: Mapping[str, Any], changeable: Collection[str]) -> None:
    """Raises UserError if a checkpoint in a run's folder is of a run with other flags.

    Args:
        folder: of the run.
        config, changeable: as of `open_workdir`.
    """
    for path in sorted(folder.glob("checkpoints/*")):
        recorded = recorded_of(path) if path.name.isdigit() else {}
        if differing := _differing(recorded, config, {*changeable} | config.keys() - recorded):
            raise UserError(
                f"checkpoint {path} is of another run: ",
                *listed(differing),
                "; move it away, or use another ",
                Option("workdir"),
            )


def check_no_run(path: str | Path) -> None:
    """Raises UserError if a folder that a page is to be written into holds a run with its own."""
    if (expanded(path) / _CONFIG).exists():
        raise UserError(
            Option("workdir", path), " holds a run, whose page would be lost; give another folder"
        )


def recorded_flags(path: Path) -> dict[str, Any]:
    """The flags of the run in a folder; empty if there is none, or its record is damaged."""
    try:
        return dict(read_json(path / _CONFIG)["flags"])
    except (ValueError, KeyError, TypeError):
        return {}


def _check_same(file, config, changeable, flag):
    unless_known = ", or delete that file to go on if you know that the options are the run's"
    remedy = ("use another ", Option(flag), unless_known)
    recorded = read_json(file, *remedy).get("flags")
    if not isinstance(recorded, dict):
        raise UserError(f"{file} is not a run's record; ", *remedy)
    differing = _differing(recorded, config, changeable)
    if differing and _came_to_something(file.parent):
        raise UserError(
            Option(flag, file.parent),
            " holds a run with other options: ",
            *listed(differing),
            "; use those to go on, or another ",
            Option(flag),
        )


def _came_to_something(path):
    """Whether a run left more than its record and hidden files."""
    return any(found.name != _CONFIG and found.name[0] != "." for found in path.iterdir())


def _differing(recorded, config, changeable):
    """What of a record is now otherwise, as parts of a message."""
    return [
        (Option(name), f" was {shown(recorded.get(name))} and is now {shown(config.get(name))}")
        for name in sorted({*recorded, *config} - set(changeable))
        if recorded.get(name) != config.get(name)
    ]


def _check_places(path):
    """Raises UserError if something else is in the place of a file or a folder of a run's."""
    for names, is_kind, kind in ((_FILES, Path.is_file, "file"), (_FOLDERS, Path.is_dir, "folder")):
        for name in names:
            place = path / name
            if os.path.lexists(place) and not is_kind(place):
                raise UserError(
                    f"{place} is no {kind}, and a run has one there; move it away and run the same "
                    "command again"
                )


def _git_revision():
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() or "unknown"
