"""Samples of a prior: how good they are, what they look like, and their files."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from experiments.generating.generate_options import GenerateOptions
from experiments.signal_files.kind import Kind
from metainr.errors import UserError
from metainr.generation import nearest, quality
from metainr.runs.as_data.generating import Generator
from metainr.runs.as_data.reading import FieldSet
from metainr.types import Array

SHOWN = 8
_MOST_CLASSES = 12
_MOST_TRAINING = 2000


class Sampled(NamedTuple):
    """What was drawn.

    quality: the measures by kind of samples; none without held-out fields.
    sheet: the first samples as pictures, uint8, their nearest training fields, and how far.
    files: of these samples.
    """

    quality: dict[str, dict[str, float]]
    sheet: list[tuple[np.ndarray, np.ndarray, float]]
    files: list[Path]


def sampled(
    generator: Generator, kind: Kind, options: GenerateOptions, seed: int, workdir: Path
) -> Sampled:
    """Draws samples, measures them and writes their files to `workdir`/samples."""
    fields = generator.fields
    train = _rendered(fields, fields.splits["train"].vectors()[:_MOST_TRAINING])
    held_out = _rendered(fields, fields.splits["test"].vectors())
    vectors = generator.sample(
        options.samples, options.label, seed=seed, steps=options.sample_steps
    )
    samples = _rendered(fields, vectors)
    rng = np.random.default_rng(seed)
    size, standard = fields.about.size, fields.standard
    plain = standard.restored(rng.standard_normal((options.samples, size)).astype(np.float32))
    kinds = {
        "samples": samples,
        "independent coordinates": _rendered(fields, plain),
        "training fields": train[rng.permutation(len(train))[: options.samples]],
    }
    found = {}
    if len(held_out):
        found = {name: quality(values, held_out, train)._asdict() for name, values in kinds.items()}
    places, distances = nearest(samples, train)
    sheet = [
        (_picture(kind, samples[i]), _picture(kind, train[places[i]]), float(distances[i]))
        for i in range(min(SHOWN, len(samples)))
    ]
    return Sampled(found, sheet, _written(kind, samples, workdir / "samples")[:SHOWN])


def classes(
    generator: Generator, kind: Kind, options: GenerateOptions, seed: int
) -> dict[str, list[np.ndarray]]:
    """Pictures of samples of each class, of the first of very many; none if one was asked for."""
    fields = generator.fields
    names = () if options.label else fields.about.classes[:_MOST_CLASSES]
    drawn = {
        name: generator.sample(SHOWN, name, seed=seed, steps=options.sample_steps) for name in names
    }
    return {
        name: [_picture(kind, values) for values in _rendered(fields, vectors)]
        for name, vectors in drawn.items()
    }


def _rendered(fields: FieldSet, vectors: Array) -> np.ndarray:
    """Values as files have them: those beyond the range of signals count as its ends."""
    assert fields.frame is not None  # the program refuses such sets
    return fields.frame.clipped(fields.render(vectors))


def _written(kind, samples, folder):
    """Writes a file for each sample in place of older ones; returns their paths."""
    for older in folder.glob(f"*{kind.suffix}"):
        older.unlink()
    paths, empty = [], []
    for i, values in enumerate(samples):
        path, whole = folder / f"{i:04d}{kind.suffix}", np.nan_to_num(values)
        try:
            kind.write(path, whole, kind.told(whole))
            paths.append(path)
        except UserError as error:
            empty.append(error)
    if empty:
        logging.warning("%d of %d samples have no file: %s", len(empty), len(samples), empty[0])
    return paths


def _picture(kind, values):
    """A picture [h, w, 3], uint8; black where a value is not finite."""
    clipped = np.clip(np.nan_to_num(np.asarray(kind.picture(values)), nan=0.0), 0, 1)
    whole = np.repeat(clipped, 3 // clipped.shape[-1], axis=-1)
    return (255 * whole).round().astype(np.uint8)
