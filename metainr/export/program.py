"""A field as a short list of steps, in which exports say it in other languages."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

Shape = tuple[Any, ...]
"""Sizes of axes; the number of points is a symbol of JAX among them."""

ELEMENTWISE = frozenset(
    "abs acos acosh add and asin asinh atan atanh ceil clamp convert_element_type cos cosh div eq "
    "erf exp exp2 expm1 floor ge gt integer_pow le log log1p logistic lt max min mul ne neg not or "
    "pow rem round rsqrt select_n sign sin sinh sqrt square sub tan tanh xor".split()
)
"""Primitives of JAX whose operands broadcast as NumPy's do."""


class Value(NamedTuple):
    """An array that a step computes, or that the field is given.

    shape: as far as it is not brought back by broadcasting.
    kind: "f", "i" or "b": float32, int64 or booleans.
    """

    name: str
    shape: Shape
    kind: str


Operand = Value | np.ndarray
"""What a step reads: a value, or a constant of such a type."""


class Step(NamedTuple):
    """`result = op(*operands)`.

    op: one of `ELEMENTWISE` but clamp, with its params in JAX, or one of these:
        matmul: x [n, k], y [k, m]; einsum: `equation`;
        gather: table, places [..., k]: what the table has at such places of its first k axes;
        reshape, expand: the result's shape; transpose: `axes`; concatenate: `axis`;
        slice: `parts` by axis, (start, stop, stride) or one place, whose axis is then gone;
        reduce_sum, reduce_prod, reduce_max, reduce_min: `axes`.
    """

    op: str
    operands: tuple[Operand, ...]
    params: Mapping[str, Any]
    result: Value


class Program(NamedTuple):
    """values [n, c] = f(coords [n, d]).

    weights: the field's own arrays by name, in float32.
    steps: in the order in which they run; each result is read by a later one, or is the field's.
    """

    coords: Value
    weights: dict[str, np.ndarray]
    steps: tuple[Step, ...]
    result: Value


def kind_of(dtype: Any) -> str:
    """The kind of a type: "f", "i" or "b"; "" of what no program has, such as complex numbers."""
    if jnp.issubdtype(dtype, jnp.floating):
        return "f"
    return {"bool": "b", "int32": "i", "int64": "i", "uint32": "i"}.get(np.dtype(dtype).name, "")


def is_static(shape: Shape) -> bool:
    """Whether all sizes are numbers."""
    return all(isinstance(size, int) for size in shape)
