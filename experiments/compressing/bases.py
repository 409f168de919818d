"""Bases for compression: read, or made of a run and the signals that it was learned on."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import metainr
from experiments.signal_files.kind import Kind
from experiments.signal_files.kinds import kind_of_record, names_of
from experiments.signal_files.solids import POINTS
from metainr import signals
from metainr.codec import Base, is_base, load_base, with_statistics
from metainr.errors import UserError
from metainr.progress import progress
from metainr.ready import located
from metainr.runs.as_data.frames import Frame, frame_of
from metainr.runs.run import Run
from metainr.types import SignalClass


def opened_base(
    path: str, train_folder: str | None, num_train: int, steps: int | None
) -> tuple[Base, Kind]:
    """A base file's base, or that of a run, and the kind of files that it is for.

    Args:
        path: of a base, a workdir or a file of weights; or ready:NAME.
        train_folder: signals to take statistics of; None: those that the run was learned on.
        num_train: how many of them.
        steps: of their fits; None: as many as the run was learned for.

    Raises UserError if there is no such run, or no training signals.
    """
    if is_base(located(path)):
        base = load_base(located(path))
        return base, kind_of_record(base.record, base.frame)
    run = metainr.load(path)
    frame = _frame_of(run, path)
    kind = kind_of_record(run.record, frame)
    found = _from_folder(kind, Path(train_folder)) if train_folder else _learned_on(run, path, kind)
    count = min(num_train, len(found))
    with progress(count, "training signal", "statistics", leave=False) as bar:
        return with_statistics(run, frame, _counted(found, count, bar), steps), kind


def _frame_of(run: Run, path: str) -> Frame:
    """How a run's fields are laid over signals. Raises UserError for those without a grid."""
    frame, name = frame_of(run), run.record.get("experiment", "nobody known")
    if frame is None:
        raise UserError(
            f"--base={path} was learned by {name}; only pictures (image_regression), sounds "
            "(audio), clips (video), meshes (shapes) and arrays (metainr.learn) can be compressed"
        )
    if name == "shapes" and run.record.get("shape_from") != "distance":
        raise UserError(
            f"--base={path} was learned from clouds, and a file's fit sees distances; give one "
            "that was learned with --shape_from=distance"
        )
    return frame


def class_of(record: Mapping[str, Any], path: str, kind: Kind) -> SignalClass:
    """The class of signals that a record names, as values of its kind.

    Raises UserError if there is none any more.
    """
    name, experiment = record.get("signal"), record.get("experiment")
    if not name or experiment not in _OPTIONS:
        raise UserError(
            f"--base={path} does not say what it was learned on; give --train_folder, signals of "
            "that class"
        )
    found = signals.make(name, _OPTIONS[experiment](record, record.get("seed", 0)))
    return found._replace(get=lambda split, index: kind.of_signal(found.get(split, index)))


_OPTIONS = {
    "image_regression": lambda record, seed: signals.ImageOptions(
        record["resolution"], seed, record.get("image_folder"), record.get("data_dir")
    ),
    "audio": lambda record, seed: signals.SoundOptions(
        record["sample_rate"],
        record["duration"],
        seed,
        record.get("audio_folder"),
        mono=record.get("mono", False),
    ),
    "video": lambda record, seed: signals.ClipOptions(
        record["resolution"], record["clip_frames"], seed, record.get("video_folder")
    ),
    "shapes": lambda record, seed: signals.CloudOptions(
        POINTS, seed, mesh_folder=record.get("mesh_folder"), closed=True
    ),
}


class _Indexed:
    """Signals by number, read when they are asked for."""

    def __init__(self, count, read):
        self._count, self._read = count, read

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        return self._read(index)


def _learned_on(run, path, kind):
    found = class_of(run.record, path, kind)
    return _Indexed(found.sizes["train"], lambda index: found.get("train", index))


def _from_folder(kind, folder):
    names = names_of(kind, folder)
    return _Indexed(len(names), lambda index: kind.read(folder / names[index])[0])


def _counted(found, count, bar) -> Iterator[np.ndarray]:
    for index in range(count):
        yield found[index]
        bar.update()


def size_told(base_bytes: int, total: int, count: int, points: int) -> dict[str, float]:
    """Bits a point of `count` files with `points` points together, alone and with their base."""
    return {
        "bits_per_point": 8 * total / points if points else math.nan,
        "with_base": 8 * (total + base_bytes) / points if points else math.nan,
        "base_bytes": base_bytes,
        "files": count,
    }
