"""The folder of a run: its flags and environment, and whether it may go on with other flags."""

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Collection, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from metainr import __version__
from metainr.checks import shown
from metainr.errors import Option, UserError, listed
from metainr.files import write_bytes
from metainr.json_files import read_json

_CONFIG = "config.json"


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


def open_workdir(
    path: Path,
    config: Mapping[str, Any],
    changeable: Collection[str],
    flag: str = "workdir",
) -> None:
    """Creates the folder of a run, or checks that the run in it had the same flags.

    Args:
        path: the folder; `config.json` in it records flags and environment.
        config: flag name -> value, of JSON's types.
        changeable: the flags that may differ from those recorded.
        flag: the one that names the folder.

    Raises UserError if it cannot be written, or names what differs.
    """
    file = path / _CONFIG
    try:
        if file.exists():
            _check_same(file, config, changeable, flag)
        record = {"flags": dict(config), "environment": environment()}
        write_bytes(file, (json.dumps(record, indent=2) + "\n").encode())
    except OSError as error:
        named = Option(flag, path)
        raise UserError("cannot write to ", named, f": {error.strerror}") from error


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
    differing = [
        (Option(name), f" was {shown(recorded.get(name))} and is now {shown(config.get(name))}")
        for name in sorted({*recorded, *config} - set(changeable))
        if recorded.get(name) != config.get(name)
    ]
    if differing:
        raise UserError(
            Option(flag, file.parent),
            " holds a run with other options: ",
            *listed(differing),
            "; use those to go on, or another ",
            Option(flag),
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
