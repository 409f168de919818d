"""Primitives of JAX that do not act on each element alone, as steps of a program.

A rule takes the operands, whole, and the primitive's params; it returns what each result is, or
nothing for a form that no program has.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jax import lax

from metainr.export.program import Operand

Rewritten = tuple[str, tuple[Operand, ...], dict[str, Any]]
"""(op, operands, params) of a step."""

Rule = Callable[[tuple[Operand, ...], Mapping[str, Any]], Sequence[Rewritten]]


def _dot_general(operands, params):
    x, y = operands
    (of_x, of_y), (batch_x, batch_y) = params["dimension_numbers"]
    plain = tuple(of_x) == (len(x.shape) - 1,) and tuple(of_y) == (0,) and not batch_x
    if plain and len(y.shape) == 2:
        return [("matmul", (x, y), {})]
    letters = iter(string.ascii_lowercase)
    names_x = [next(letters) for _ in x.shape]
    names_y = [next(letters) for _ in y.shape]
    for i, j in zip((*of_x, *batch_x), (*of_y, *batch_y)):
        names_y[j] = names_x[i]
    free_x = [name for i, name in enumerate(names_x) if i not in (*of_x, *batch_x)]
    free_y = [name for j, name in enumerate(names_y) if j not in (*of_y, *batch_y)]
    result = "".join([*(names_x[i] for i in batch_x), *free_x, *free_y])
    equation = f"{''.join(names_x)},{''.join(names_y)}->{result}"
    return [("einsum", (x, y), {"equation": equation})]


def _gather(operands, params):
    """Of the first axes of a table, entries by their numbers; or a part that is known."""
    table, places = operands
    numbers, sizes = params["dimension_numbers"], tuple(params["slice_sizes"])
    axes, gone = tuple(numbers.start_index_map), tuple(numbers.collapsed_slice_dims)
    kept = [i for i in range(len(table.shape)) if i not in gone]
    rank = len(places.shape) - 1 + len(kept)
    is_plain = (
        tuple(numbers.offset_dims) == tuple(range(rank - len(kept), rank))
        and not numbers.operand_batching_dims
        and params["mode"] != lax.GatherScatterMode.CLIP
    )
    if is_plain and isinstance(places, np.ndarray) and places.ndim == 1:
        starts = dict(zip(axes, places.tolist()))
        parts = {i: (starts.get(i, 0), starts.get(i, 0) + sizes[i], 1) for i in kept}
        return [_part((table,), parts | {i: starts[i] for i in gone})]
    is_whole = all(sizes[i] == table.shape[i] for i in kept)
    if is_plain and is_whole and axes == gone == tuple(range(len(axes))):
        return [("gather", operands, {})]
    return []


def _slice(operands, params):
    strides = params["strides"] or [1] * len(params["start_indices"])
    parts = zip(params["start_indices"], params["limit_indices"], strides)
    return [_part(operands, dict(enumerate(parts)))]


def _dynamic_slice(operands, params):
    if not all(isinstance(start, np.ndarray) for start in operands[1:]):
        return []
    starts = [int(start) for start in operands[1:]]
    parts = [(start, start + size, 1) for start, size in zip(starts, params["slice_sizes"])]
    return [_part(operands[:1], dict(enumerate(parts)))]


def _split(operands, params):
    ends = np.cumsum(params["sizes"]).tolist()
    return [
        _part(operands, {params["axis"]: (end - size, end, 1)})
        for end, size in zip(ends, params["sizes"])
    ]


def _unstack(operands, params):
    axis = params["axis"]
    return [_part(operands, {axis: place}) for place in range(operands[0].shape[axis])]


def _part(operands, parts):
    """A slice, without the axes of which it takes the whole."""
    shape = operands[0].shape
    chosen = {axis: part for axis, part in parts.items() if part != (0, shape[axis], 1)}
    return "slice", operands, {"parts": chosen}


def _named(op: str, **names: str) -> Rule:
    """The rule of a primitive that is a step as it is, but for the names of its params."""

    def rule(operands, params):
        return [(op, operands, {name: params[own] for name, own in names.items()})]

    return rule


RULES: dict[str, Rule] = {
    "dot_general": _dot_general,
    "gather": _gather,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "split": _split,
    "unstack": _unstack,  # from JAX 0.12 on
    "transpose": _named("transpose", axes="permutation"),
    "concatenate": _named("concatenate", axis="dimension"),
    **{
        name: _named(name, axes="axes")
        for name in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min")
    },
}
"""By the primitive's name."""
