"""The steps of a field, read off the program that JAX traces of it.

So any field can be exported, a user's own too, and what is exported is what was fitted: no formula
is written a second time.
"""

import re
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from metainr.errors import UserError, first_line
from metainr.export.program import Program, Step, Value
from metainr.export.tracer import Tracer
from metainr.types import Apply, Params
from metainr.weights.naming import flat_leaves


def trace(apply: Apply, params: Params, in_dim: int) -> Program:
    """The steps by which a field's values come from coords [n, in_dim].

    Where a platform has an implementation of its own, as the CPU has of the sine, it is the one for
    all others that is read; roundings to bfloat16 are left out. Raises UserError for a field that
    computes what no exported program can.
    """
    (points,) = jax_export.symbolic_shape("n")
    coords = jax.ShapeDtypeStruct((points, in_dim), jnp.float32)
    try:
        closed = jax.make_jaxpr(apply)(params, coords)
    except Exception as error:  # whatever a user's function raises
        raise UserError(
            f"the field cannot be traced for any number of points: {first_line(error)}; let it "
            "compute nothing of their number"
        ) from error
    leaves = flat_leaves(params)
    arrays = [np.asarray(leaf, np.float32) for leaf in leaves.values()]
    weights = dict(zip(_identifiers(leaves), arrays))
    given = Value("coords", coords.shape, "f")
    values = [Value(name, array.shape, "f") for name, array in weights.items()]
    tracer = Tracer()
    (result,) = tracer.run(closed.jaxpr, closed.consts, [*values, given])
    result = tracer.full(result, closed.out_avals[0].shape)
    if not isinstance(result, Value):
        raise UserError("the field's values do not depend on coords; there is nothing to export")
    return Program(given, weights, _needed(tracer.steps, result), result)


def _needed(steps: Sequence[Step], result: Value) -> tuple[Step, ...]:
    """Those steps that the result depends on."""
    wanted, found = {result.name}, []
    for step in reversed(steps):
        if step.result.name in wanted:
            found.append(step)
            wanted |= {x.name for x in step.operands if isinstance(x, Value)}
    return tuple(reversed(found))


def _identifiers(names: Iterable[str]) -> list[str]:
    """Different names that Python takes, and that are no other's: dense_0_kernel."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name)
        if "_" not in plain.strip("_") or not plain[0].isalpha() or plain.startswith("constant_"):
            plain = f"weight_{plain}"
        while plain in found:
            plain += "_"
        found.append(plain)
    return found
