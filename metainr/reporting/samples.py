"""The pictures an experiment leaves in samples/: each fit of a few test signals, step by step.

One PNG per target, and one per (signal, init) with the frames of all steps side by side, so that
a page can move through them. index.json lists them:

    {"settings": {NAME: {"steps": [S], "signals": [
        {"label": str, "target": FILE, "frames": {INIT: FILE, …},
         "files": {INIT or "target": [FILE of the workdir, …]}}, …]}}}
"""

import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from PIL import Image

from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.json_files import read_json
from metainr.reporting.results import write_json


class Signal(NamedTuple):
    """One test signal's files: its name, its target and one strip of frames per init.

    files: what its fits, and the signal itself as "target", were exported to.
    """

    label: str
    target: Path
    frames: dict[str, Path]
    files: Mapping[str, Sequence[Path]] = {}


class Samples(NamedTuple):
    """One setting's pictures: the steps of the frames in every strip, and the signals."""

    steps: tuple[int, ...]
    signals: tuple[Signal, ...]


def write_samples(
    directory: str | Path,
    setting: str,
    steps: Sequence[int],
    labels: Sequence[str],
    targets: Sequence[np.ndarray],
    frames: Mapping[str, np.ndarray],
    files: Sequence[Mapping[str, Sequence[Path]]] = (),
) -> Path:
    """Writes one setting's pictures, in place of those there, and returns index.json.

    It keeps the other settings.

    Args:
        directory: the folder samples/ of a workdir.
        setting: the name of the setting, as in results.json.
        steps: [S] the inner steps after which the frames were taken.
        labels: a name per signal.
        targets: per signal [H, W, C], values in [0, 1] (others are clipped), C is 1 or 3.
        frames: {init: [signals, S, H, W, C]}.
        files: per signal {init: files of its fit within the workdir}, if there are any.

    Raises:
        UserError: the numbers of signals or steps differ.
    """
    directory, count = Path(directory), len(labels)
    for init, array in frames.items():
        if np.shape(array)[:2] != (count, len(steps)) or len(targets) != count:
            raise UserError(
                f"frames of {init!r} have shape {np.shape(array)} with {len(targets)} targets; "
                f"give [{count}, {len(steps)}, H, W, C] for {count} labels and {len(steps)} steps"
            )
    folder = quote(setting, safe="=").replace(".", "%2E")  # any name is one safe folder
    shutil.rmtree(directory / folder, ignore_errors=True)  # of other signals or inits
    signals = []
    for i, label in enumerate(labels):
        stem = f"{folder}/{i:03d}_"
        pictures = {init: np.concatenate(list(array[i]), axis=1) for init, array in frames.items()}
        for name, picture in {"target": targets[i], **pictures}.items():
            write_bytes(directory / f"{stem}{quote(name)}.png", _png(picture))
        strips = {init: f"{stem}{quote(init)}.png" for init in frames}
        signals.append({"label": str(label), "target": f"{stem}target.png", "frames": strips})
        if files:
            signals[-1]["files"] = {
                init: [path.relative_to(directory.parent).as_posix() for path in paths]
                for init, paths in files[i].items()
            }
    index = _index(directory)
    index["settings"][setting] = {"steps": [int(step) for step in steps], "signals": signals}
    return write_json(directory / "index.json", index)


def read_samples(directory: str | Path) -> dict[str, Samples]:
    """The pictures of each setting; empty when none were written.

    Raises:
        UserError: index.json is damaged or a picture it names is missing.
    """
    directory, read = Path(directory), {}
    try:
        for name, entry in _index(directory)["settings"].items():
            signals = [
                Signal(
                    item["label"],
                    directory / item["target"],
                    {init: directory / file for init, file in item["frames"].items()},
                    _still_there(directory.parent, item.get("files", {})),
                )
                for item in entry["signals"]
            ]
            read[name] = Samples(tuple(entry["steps"]), tuple(signals))
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{directory}/index.json is damaged; run the evaluation again") from error
    for samples in read.values():
        for signal in samples.signals:
            for file in (signal.target, *signal.frames.values()):
                if not file.is_file():
                    raise UserError(f"{file} is missing; run the evaluation again")
    return read


def _still_there(workdir, files):
    """Paths of exported files, which their owner may have moved away."""
    return {
        init: tuple(path for file in paths if (path := workdir / file).is_file())
        for init, paths in files.items()
    }


def load_picture(path: Path) -> np.ndarray:
    """A target as uint8 [H, W, C], C being 1 or 3; a UserError if the file is damaged."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image)
    except OSError as error:
        raise UserError(f"{path} is no picture ({error}); run the evaluation again") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def load_frames(path: Path, num_steps: int) -> np.ndarray:
    """A strip as uint8 frames [steps, H, W, C]; a UserError if it holds another number."""
    strip = load_picture(path)
    if strip.shape[1] % num_steps:
        raise UserError(
            f"{path} is {strip.shape[1]} pixels wide, not {num_steps} frames; "
            "run the evaluation again"
        )
    return np.stack(np.split(strip, num_steps, axis=1))


def _index(directory: Path) -> dict[str, Any]:
    path = directory / "index.json"
    if not path.exists():
        return {"settings": {}}
    return read_json(path, f"remove {directory} and run the evaluation again")


def to_levels(picture: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as uint8; others are clipped, NaN is black."""
    picture = np.nan_to_num(np.asarray(picture, np.float32), nan=0.0)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _png(picture: np.ndarray) -> bytes:
    pixels = to_levels(picture)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
