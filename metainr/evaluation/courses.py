"""How far a block of fits has come: what a fit that was stopped needs to go on, as bytes."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from metainr.evaluation.blocks import Block
from metainr.types import Tree

_STATE, _METRIC, _VIEW = "state", "metric", "view"


class Course(NamedTuple):
    """A block of fits on its way.

    block: the fits themselves.
    taken: steps taken so far.
    metrics: column of the listed steps -> metrics by name, [signals] each.
    views: of the columns reached so far, [views, ...] each.
    """

    block: Block
    taken: int
    metrics: dict[int, dict[str, np.ndarray]]
    views: list[np.ndarray]


class Watch(NamedTuple):
    """What accompanies fits that take long.

    about: whatever they depend on but signals, inits, keys and steps: objective, network, ...
    advanced: called with the number of steps that were taken, added up over signals.
    load, save: keep a course by its name, as bytes; `load` gives None for what was never saved.
    """

    about: str
    advanced: Callable[[int], object]
    load: Callable[[str], bytes | None]
    save: Callable[[str, bytes], None]


def name_of(*trees: Tree) -> str:
    """A name for fits that depend on these pytrees of arrays, numbers and texts, and on no more."""
    digest = hashlib.blake2b(str(jax.tree.structure(trees)).encode(), digest_size=12)
    for leaf in jax.tree.leaves(trees):
        array = np.asarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def to_bytes(course: Course) -> bytes:
    """The course as an .npz archive."""
    arrays: dict[str, Any] = {"taken": np.asarray(course.taken)}
    for i, leaf in enumerate(jax.tree.leaves(course.block.states)):
        arrays[f"{_STATE}/{i}"] = np.asarray(leaf)
    for column, metrics in course.metrics.items():
        arrays |= {f"{_METRIC}/{column}/{name}": values for name, values in metrics.items()}
    arrays |= {f"{_VIEW}/{i}": view for i, view in enumerate(course.views)}
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def from_bytes(data: bytes | None, fresh: Course) -> Course:
    """The course that was saved of the fits that `fresh` begins; `fresh` if that is damaged."""
    if data is None:
        return fresh
    leaves, structure = jax.tree.flatten(fresh.block.states)
    try:
        with np.load(io.BytesIO(data)) as found:
            arrays = dict(found)
        states = structure.unflatten([arrays[f"{_STATE}/{i}"] for i in range(len(leaves))])
        taken = int(arrays["taken"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return fresh
    metrics: dict[int, dict[str, np.ndarray]] = {}
    for key, values in arrays.items():
        kind, _, rest = key.partition("/")
        if kind == _METRIC:
            column, _, name = rest.partition("/")
            metrics.setdefault(int(column), {})[name] = values
    views = [arrays[f"{_VIEW}/{i}"] for i in range(sum(k.startswith(_VIEW) for k in arrays))]
    return Course(fresh.block._replace(states=states), taken, metrics, views)
