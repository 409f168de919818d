"""Floating-point operations by what the mathematics asks for, not by what a compiler makes of it.

Only matrix products count. Per point, a gradient of an objective costs three evaluations of the
field (one forward, two backward), and what a Hessian-vector product adds to the gradient costs six
(two forward, four backward). What is computed again to save memory is no part of the sum.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr

from metainr.numerics.gradients import observe
from metainr.numerics.terms import features_of
from metainr.types import Apply, Objective, Params, Support, Work

_GRADIENT = 3
_PRODUCT = 6


def forward_flops(apply: Apply, params: Params, in_dim: int) -> int:
    """Operations of the matrix products in one field evaluation at one point: Σ_layers 2·in·out.

    Args:
        apply: `(params, coords[..., d]) -> values[..., c]`.
        params: the weights, or `jax.ShapeDtypeStruct`s of them.
        in_dim: d.
    """
    point = jax.ShapeDtypeStruct((1, in_dim), jnp.float32)
    return _products(jax.make_jaxpr(apply)(params, point).jaxpr)


def objective_flops(objective: Objective, apply: Apply, params: Params, support: Support) -> int:
    """Operations of the matrix products in one evaluation of an objective's features.

    They are what its measurements read of the field at all points: values or derivatives. Arguments
    are those of `metainr.numerics.num_points`; shapes will do for `params` and `support`.
    """
    total = 0
    drawn = jax.eval_shape(partial(observe, objective), params, support, jax.random.key(0), 0)
    for term, rows in zip(objective, drawn):
        coords = jax.eval_shape(term.measurement.points, rows.inputs)
        row = jax.ShapeDtypeStruct((1, *coords.shape[1:]), coords.dtype)
        features = partial(features_of, term=term, apply=apply)
        jaxpr = jax.make_jaxpr(lambda p, x, f=features: f(p, coords=x))(params, row)
        total += coords.shape[0] * _products(jaxpr.jaxpr)
    return total


def task_flops(inner: int, query: int, work: Work) -> int:
    """Operations of one task's meta-gradient.

    For MAML of K inner steps: K · inner · (3 + 6) + query · 3.

    Args:
        inner, query: of one evaluation of the objectives (`objective_flops`).
        work: what the algorithm asks of each task.
    """
    of_inner = _GRADIENT * work.inner_gradients + _PRODUCT * work.inner_products
    return round(inner * of_inner + query * _GRADIENT * work.query_gradients)


def _products(jaxpr: Jaxpr) -> int:
    """2·(elements of the result)·(terms of each), over all products; of branches the costliest."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape = _shape(equation.invars[0])
            terms = math.prod(shape[axis] for axis in contracted)
            total += 2 * math.prod(_shape(equation.outvars[0])) * terms
        costs = [_products(inner) for inner in _inner_jaxprs(equation.params)]
        if equation.primitive.name == "cond":
            costs = [max(costs)]
        total += sum(costs) * equation.params.get("length", 1)  # of a scan
    return total


def _shape(variable: Any) -> tuple[int, ...]:
    return variable.aval.shape


def _inner_jaxprs(params: dict[str, Any]) -> Iterator[Jaxpr]:
    """The functions that an operation calls, such as the body of a loop."""
    for leaf in jax.tree.leaves(params, is_leaf=lambda x: isinstance(x, Jaxpr | ClosedJaxpr)):
        if isinstance(leaf, ClosedJaxpr):
            yield leaf.jaxpr
        elif isinstance(leaf, Jaxpr):
            yield leaf
