"""Live: parts appear in a folder as files; each is learned by a module as soon as it is whole."""

import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.config import Config
from experiments.streams.contenders import Chosen
from experiments.streams.learned import Setup, grid_of
from experiments.streams.own_stream import check_size, part_files, read_part
from experiments.streams.stream_options import StreamOptions
from metainr.errors import UserError
from metainr.files import expanded
from metainr.json_files import read_json
from metainr.numerics import Summation
from metainr.objectives import pixel_grid
from metainr.output import say
from metainr.reporting import write_json
from metainr.streams import Steps, boxes, join, learn_module
from metainr.streams.descent import observed
from metainr.types import Hyper, Params
from metainr.weights import load_weights, match_structure, save_weights

_POLL = 0.5  # seconds between two looks into the folder
_UNKNOWN = 0.5  # the value of what has not come: grey, or silence
_RECORD = "parts.json"


def follow(
    setup: Setup,
    config: Config[StreamOptions],
    params: Params,
    how: Chosen,
    folder: Path,
    summation: Summation | None,
) -> Path:
    """Learns the files of --follow as they appear, until all parts are there.

    Parts are numbered as they come, those found together by name. `folder` keeps a file of weights
    for each, parts.json, and what is known so far, rendered after every part; the same call goes on
    with what it holds. Returns the path of the last render. Raises UserError for a part that cannot
    be read or is of another size than the first.
    """
    source = check_folder(config.own.follow or "")
    layout, _ = grid_of(setup)
    division, grid = boxes(layout), pixel_grid(layout.part_shape)
    key = jax.random.key(config.run.seed)  # not read: a step sees all points of a part
    steps = Steps(Hyper(how.optimizer, how.learning_rate), config.own.part_steps, config.own.fisher)

    @jax.jit
    def learn(values):
        rows = observed(grid, values)
        own = learn_module(setup.module, division, params, rows, key, steps, summation)
        found = setup.module.apply(own, grid)
        return own, jnp.mean(jnp.square(found - values))

    of = {
        "follow": str(source.resolve()),
        "part_steps": config.own.part_steps,
        "fisher": config.own.fisher,
    }
    parts = _known(folder, of)
    path = _render(setup, config, params, parts, folder)
    say(f"{len(parts)} of {setup.num_parts} parts are known; waiting for files in {source}")
    for file in _arrivals(source, setup, parts):
        began = time.perf_counter()
        read = read_part(file, setup, config)
        first = parts[0] if parts else {"file": file.name, "size": read.size}
        check_size(file, read.size, first["file"], first["size"])
        own, error = learn(read.values.reshape(-1, read.values.shape[-1]))
        number = len(parts)
        save_weights(_weights(folder, number), own)
        parts.append(
            {
                "file": file.name,
                "size": read.size,
                "psnr": float(-10 * np.log10(error)),
                "seconds": time.perf_counter() - began,
            }
        )
        write_json(folder / _RECORD, {"of": of, "parts": parts})
        path = _render(setup, config, params, parts, folder)
        say(
            f"part {number + 1} of {setup.num_parts}, {file.name}: "
            f"{parts[-1]['psnr']:.1f} dB in {parts[-1]['seconds']:.1f} s; {path}"
        )
    return path


def check_folder(path: str) -> Path:
    """The folder to follow. Raises UserError if it is none."""
    folder = expanded(path)
    if not folder.is_dir():
        raise UserError(f"--follow={folder} is no folder; give one in which parts will appear")
    return folder


def _known(folder: Path, of: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts that a folder holds. Raises UserError if they are of another stream."""
    path = folder / _RECORD
    if not path.exists():
        return []
    remedy = f"move {folder} away and run the same command again"
    record = read_json(path, remedy)
    parts = record.get("parts")
    if not isinstance(parts, list) or not all({"file", "size"} <= {*part} for part in parts):
        raise UserError(f"{path} is damaged; {remedy}")
    if record.get("of") != of:
        known = record.get("of")
        raise UserError(f"{path} is of another folder, or other steps: {known}; {remedy}")
    return parts


def _arrivals(source: Path, setup: Setup, parts: list[dict[str, Any]]) -> Iterator[Path]:
    """New files, once they are no longer written to, until there are as many as parts."""
    before: dict[Path, Any] = {}
    while len(parts) < setup.num_parts:
        taken = {part["file"] for part in parts}
        now = {path: _state(path) for path in part_files(source, setup) if path.name not in taken}
        whole = [path for path, state in now.items() if state and before.get(path) == state]
        yield from whole[: setup.num_parts - len(parts)]
        before = now
        if not whole:
            time.sleep(_POLL)


def _state(path):
    """What changes while a file is written; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _render(setup, config, params, parts, folder) -> Path:
    """Writes what is known so far; parts to come are grey."""
    layout, _ = grid_of(setup)
    ask = partial(setup.module.apply, coords=pixel_grid(layout.part_shape))
    found = []
    for number in range(setup.num_parts):
        if number < len(parts):
            path = _weights(folder, number)
            own = match_structure(load_weights(path), params, str(path))
            found.append(np.asarray(ask(own)))
        else:
            found.append(None)
    channels = setup.signals.get("train", 0).shape[-1]
    unknown = np.full((math.prod(layout.part_shape), channels), _UNKNOWN, np.float32)
    values = np.stack([unknown if x is None else x for x in found])
    return setup.kind.write(folder / "known", np.asarray(join(values, layout)), config)


def _weights(folder, number):
    return folder / "modules" / f"{number:04d}.safetensors"
