"""Floating-point operations by what the mathematics asks for, not by what a compiler makes of it.

Only matrix products count. Per point, a gradient of an objective costs three evaluations of the
field (one forward, two backward), and what a Hessian-vector product adds to the gradient costs six
(two forward, four backward). What is computed again to save memory is no part of the sum.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr

from metainr.types import Array, Params, Work

_GRADIENT = 3
_PRODUCT = 6


class Points(NamedTuple):
    """At how many points one gradient of an objective asks the field: the inner, the query one."""

    inner: int
    query: int


def forward_flops(apply: Callable[[Params, Array], Array], params: Params, in_dim: int) -> int:
    """Operations of the matrix products in one field evaluation at one point: Σ_layers 2·in·out.

    Args:
        apply: `(params, coords[..., d]) -> values[..., c]`.
        params: the weights, or `jax.ShapeDtypeStruct`s of them.
        in_dim: d.
    """
    point = jax.ShapeDtypeStruct((1, in_dim), jnp.float32)
    return _products(jax.make_jaxpr(apply)(params, point).jaxpr)


def task_flops(forward: int, points: Points, work: Work) -> int:
    """Operations of one task's meta-gradient.

    For MAML of K inner steps: forward · (K · n_inner · (3 + 6) + n_query · 3).

    Args:
        forward: of one evaluation of the field at one point.
        points: evaluations per gradient.
        work: what the algorithm asks of each task.
    """
    inner = _GRADIENT * work.inner_gradients + _PRODUCT * work.inner_products
    return forward * (points.inner * inner + points.query * _GRADIENT * work.query_gradients)


def _products(jaxpr: Jaxpr) -> int:
    """2·(elements of the result)·(terms of each), over all products; of branches the costliest."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            terms = math.prod(shape[axis] for axis in contracted)
            total += 2 * equation.outvars[0].aval.size * terms
        costs = [_products(inner) for inner in _inner_jaxprs(equation.params)]
        if equation.primitive.name == "cond":
            costs = [max(costs)]
        total += sum(costs) * equation.params.get("length", 1)  # of a scan
    return total


def _inner_jaxprs(params: dict[str, Any]) -> Iterator[Jaxpr]:
    """The functions that an operation calls, such as the body of a loop."""
    for leaf in jax.tree.leaves(params, is_leaf=lambda x: isinstance(x, Jaxpr | ClosedJaxpr)):
        if isinstance(leaf, ClosedJaxpr):
            yield leaf.jaxpr
        elif isinstance(leaf, Jaxpr):
            yield leaf
