"""A function's value, gradient and Laplacian in one sweep through its operations.

With u the value somewhere inside, u_i its derivative along coordinate i and ℓ its Laplacian, an
operation f carries on

    f(u),    J(u) u_i,    Σ_i f''(u)[u_i, u_i] + J(u) ℓ,

so that a linear layer meets d + 2 arrays: in two dimensions the price of four evaluations, where
one second derivative per coordinate takes five and a Hessian more.

Source: the forward Laplacian of Li et al., "A computational framework for neural network-based
variational Monte Carlo with Forward Laplacian", Nature Machine Intelligence 2024.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from metainr.types import Array

_CALLS = ("jit", "pjit")  # the same operation, as it was called before JAX 0.7.3


class Sweep(NamedTuple):
    """An array u as coordinates move it: its value, d derivatives u_i and the sum of all u_ii.

    All have the shape of u.
    """

    value: Array
    slopes: tuple[Array, ...]
    laplacian: Array


def forward_laplacian(function: Callable[[Array], Array], coords: Array) -> Sweep:
    """Value, derivatives along the d coordinates, and Laplacian of `function` at `coords`.

    Exact for everything that JAX differentiates twice, with custom derivatives as they are given;
    differentiable in turn. Bodies of loops and of conditionals count as single operations, which
    costs more there.

    Args:
        function: `coords[..., d] -> values[..., c]`, each row of its own.
        coords: where.
    """
    traced = jax.make_jaxpr(function)(coords)
    start = Sweep(coords, unit_directions(coords), jnp.zeros_like(coords))
    (found,) = _run(traced, [start])
    return found if isinstance(found, Sweep) else _constant(found, len(start.slopes))


def unit_directions(coords: Array) -> tuple[Array, ...]:
    """The tangents of `coords` [..., d] along its d coordinates, each of its shape."""
    rows = jnp.eye(coords.shape[-1], dtype=coords.dtype)
    return tuple(jnp.broadcast_to(row, coords.shape) for row in rows)


def _run(traced: ClosedJaxpr, arguments: list[Any]) -> list[Any]:
    """Evaluates a traced function of arrays and sweeps."""
    known = dict(zip(traced.jaxpr.constvars, traced.consts))
    known |= zip(traced.jaxpr.invars, arguments)

    def read(atom):
        return atom.val if isinstance(atom, Literal) else known[atom]

    for equation in traced.jaxpr.eqns:
        if equation.primitive.name in _CALLS:
            results = _run(equation.params["jaxpr"], [read(atom) for atom in equation.invars])
            known |= zip(equation.outvars, results)
        else:
            known |= _operate(traced, equation, known)
    return [read(atom) for atom in traced.jaxpr.outvars]


def _operate(traced, equation, known):
    """The results of one operation: sweeps where an input is one and the result is continuous."""
    variables = list(dict.fromkeys(v for v in equation.invars if not isinstance(v, Literal)))
    moving = [v for v in variables if isinstance(known[v], Sweep)]
    jaxpr = traced.jaxpr.replace(
        constvars=[], invars=variables, outvars=equation.outvars, eqns=[equation]
    )
    operation = jaxpr_as_fun(ClosedJaxpr(jaxpr, []))
    sweeps = [known[v] for v in moving]

    def apply(*values):
        moved = dict(zip(moving, values))
        results = operation(*(moved.get(v, known[v]) for v in variables))
        continuous = [x if jnp.issubdtype(x.dtype, jnp.inexact) else None for x in results]
        return continuous, results

    if not moving:
        return zip(equation.outvars, apply()[1])
    directions = list(zip(*(sweep.slopes for sweep in sweeps)))

    def slopes(*values):
        _, push, results = jax.linearize(apply, *values, has_aux=True)
        along = [push(*direction) for direction in directions]
        return (along, push(*(sweep.laplacian for sweep in sweeps))), results

    # Linearized together, so that what costs most, the operation's value, is computed once.
    values = [sweep.value for sweep in sweeps]
    (along, straight), push, results = jax.linearize(slopes, *values, has_aux=True)
    bent = [push(*direction)[0][i] for i, direction in enumerate(directions)]
    found = {}
    for place, (variable, value) in enumerate(zip(equation.outvars, results)):
        found[variable] = value
        if straight[place] is not None:
            first = tuple(slope[place] for slope in along)
            second = functools.reduce(operator.add, (b[place] for b in bent), straight[place])
            found[variable] = Sweep(value, first, second)
    return found


def _constant(value, num_slopes):
    zeros = jnp.zeros_like(value)
    return Sweep(value, (zeros,) * num_slopes, zeros)
