"""The front door: `metainr.read_fields`."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.errors import Option, UserError
from metainr.fieldsets import BASE, Index, Layout, Rows, Standard, read_index
from metainr.files import check_regular, expanded
from metainr.media.numpy_files import load_npy
from metainr.registry import look_up
from metainr.runs.as_data.frames import Frame, frame_of, unit_frame
from metainr.runs.as_data.vectors import vectors_of
from metainr.runs.learners import make_algorithm
from metainr.runs.loading import load
from metainr.runs.options import Machine
from metainr.runs.run import Run
from metainr.signals.access import SPLITS
from metainr.types import Array, Params
from metainr.weights import fingerprint

NORMALISATION = "normalisation.npy"


class FieldSet(NamedTuple):
    """A set of fields.

    run: what was learned, which makes fields of vectors.
    about: what the set holds.
    splits: "train", "validation", "test" -> their rows, sources of random access for grain.
    standard: normalisation by the training split.
    layout: how what was adapted lies in a vector.
    params: vector [d] -> the field's weights; may be traced.
    values: (vector [d], coords [n, d]) -> the field's values [n, c].
    frame: how fields are laid over signals; None where the base does not tell.
    """

    run: Run
    about: Index
    splits: Mapping[str, Rows]
    standard: Standard
    layout: Layout
    params: Callable[[Array], Params]
    values: Callable[[Array, Array], Array]
    frame: Frame | None

    def get(
        self, split: str, index: int
    ) -> tuple[np.ndarray, str | None, Callable[[Sequence[int]], np.ndarray]]:
        """(vector [d], label or None, shape -> values [*shape, c]) of one field.

        >>> vector, label, render = metainr.read_fields("fields").get("test", 0)
        >>> render((24, 24)).shape
        (24, 24, 3)
        """
        row = self.splits[split][index]
        label = self.about.classes[row.label] if row.label >= 0 else None
        return row.vector, label, lambda shape: self.render(row.vector[None], shape)[0]

    def digest(self) -> str:
        """Twelve hexadecimal digits that tell the base and the training vectors from others."""
        told = self.about.base + self.splits["train"].digest
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    def label_number(self, label: str | None) -> int:
        """The number of a label, −1 for None. Raises UserError if the set has none of that name."""
        if label is None:
            return -1
        if not self.about.classes:
            raise UserError(
                Option("label", label),
                " asks for a class, and this set of fields has no labels; write it of a folder "
                "with a sub-folder for each class, or leave the label out",
            )
        return list(self.about.classes).index(
            look_up("label", label, {name: name for name in self.about.classes})
        )

    def render(self, vectors: Array, shape: Sequence[int] | None = None) -> np.ndarray:
        """Values [n, *shape, c] of the fields of vectors [n, d]; not clipped.

        shape: of a grid over the signal, of [0, 1)^d where the base tells no other; None: of that
            which the init was learned on.
        """
        frame = self.frame
        if frame is None:
            if shape is None:
                raise UserError("render: this set's fields were learned on no grid; give shape=")
            frame = unit_frame(shape, 1)
        shape = frame.shape if shape is None else tuple(shape)
        if np.ndim(vectors) != 2 or np.shape(vectors)[1] != self.about.size:
            raise UserError(
                f"vectors: an array of shape {list(np.shape(vectors))}, expected [n, "
                f"{self.about.size}]; give vectors of this set"
            )
        coords = jnp.asarray(frame.grid(shape))
        # One after the other: memory holds one rendering, however many fields there are.
        found = [np.asarray(self.values(jnp.asarray(vector), coords)) for vector in vectors]
        channels = found[0].shape[-1] if found else 1
        return np.reshape(found, (len(found), *shape, channels))


def read_fields(path: str | Path, *, run: Run | None = None) -> FieldSet:
    """Reads a set of fields, of which vectors are read as they are asked for.

    Args:
        path: its folder.
        run: the base, where its file does not tell all of it, as of fields of one's own.

    Raises:
        UserError: there is none, it is damaged, of another version, or has another base.

    >>> fields = metainr.read_fields("fields")
    >>> fields.about.steps, len(fields.splits["test"])
    (2, 1)
    """
    folder = expanded(path)
    index = read_index(folder)
    run = load(folder / BASE) if run is None else run
    found = fingerprint(run.init.meta_params)
    if found != index.base:
        raise UserError(
            f"{folder}: the base is {found}, and the set's vectors were fitted from "
            f"{index.base}; restore {BASE}, or give the run that it was written from"
        )
    algorithm = make_algorithm(run.init.learner, run.field, (), (), Machine())
    inner = algorithm.make_inner(run.init.hyper)
    layout, _, params = vectors_of(inner, run.init.meta_params)
    if layout.size != index.size:
        raise UserError(
            f"{folder}: vectors of {index.size} numbers, and the base's fields are told by "
            f"{layout.size}; restore the index, or write the set again"
        )
    splits = {
        split: Rows(folder / split, index.shards[split], index.size, index.classes)
        for split in SPLITS
    }
    values = jax.jit(lambda vector, coords: run.field.apply(params(vector), coords))
    standard = _standard(folder, index.size)
    return FieldSet(run, index, splits, standard, layout, params, values, frame_of(run))


def _standard(folder, size):
    path = folder / NORMALISATION
    check_regular(path, "normalisation", "write the set again", most=8 * size + 4096)
    try:
        values = np.asarray(load_npy(path))
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}); write the set again") from error
    if values.shape != (2, size) or not np.isfinite(values).all() or not (values[1] > 0).all():
        raise UserError(f"{path} is no normalisation of {size} numbers; write the set again")
    return Standard(*values.astype(np.float32))
