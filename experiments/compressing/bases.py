"""Bases for compression: read, or made of a run and the signals that it was learned on."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import metainr
from experiments.compressing.kinds import Kind, kind_of_base, names_of
from metainr import signals
from metainr.codec import Base, is_base, load_base, with_statistics
from metainr.codec.frame import Frame, unit_frame
from metainr.errors import UserError
from metainr.progress import progress
from metainr.ready import located
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
        return base, kind_of_base(base.record)
    run = metainr.load(path)
    frame, kind = frame_of(run, path), kind_of_base(run.record)
    found = _from_folder(kind, Path(train_folder)) if train_folder else _learned_on(run, path)
    count = min(num_train, len(found))
    with progress(count, "training signal", "statistics", leave=False) as bar:
        return with_statistics(run, frame, _counted(found, count, bar), steps), kind


def frame_of(run: Run, path: str) -> Frame:
    """How a run's fields are laid over signals. Raises UserError for those without a grid."""
    params = jax.eval_shape(run.field.init, jax.random.key(0))
    axes = 1 if run.shape is None else len(run.shape)
    coords = jax.ShapeDtypeStruct((1, axes), jnp.float32)
    channels = jax.eval_shape(run.field.apply, params, coords).shape[-1]
    if run.shape is not None:
        return unit_frame(run.shape, channels)
    if run.record.get("experiment") == "audio":
        samples = round(run.record["sample_rate"] * run.record["duration"])
        # Sample i of n lies at −1 + 2 i / (n − 1).
        return Frame((samples,), channels, (-1.0,), (2 * samples / (samples - 1),), -1.0, 1.0)
    raise UserError(
        f"--base={path} was learned by {run.record.get('experiment', 'nobody known')}; only "
        "pictures (image_regression), sounds (audio) and arrays (metainr.learn) can be compressed"
    )


def class_of(record: Mapping[str, Any], path: str) -> SignalClass:
    """The class of signals that a record names. Raises UserError if there is none any more."""
    name = record.get("signal")
    experiment, seed = record.get("experiment"), record.get("seed", 0)
    if name and experiment == "image_regression":
        folders = record.get("image_folder"), record.get("data_dir")
        return signals.make(name, signals.ImageOptions(record["resolution"], seed, *folders))
    if name and experiment == "audio":
        length, folder = (record["sample_rate"], record["duration"]), record.get("audio_folder")
        return signals.make(name, signals.SoundOptions(*length, seed, folder))
    raise UserError(
        f"--base={path} does not say what it was learned on; give --train_folder, signals of that "
        "class"
    )


class _Indexed:
    """Signals by number, read when they are asked for."""

    def __init__(self, count, read):
        self._count, self._read = count, read

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        return self._read(index)


def _learned_on(run, path):
    found = class_of(run.record, path)
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
