"""Holds loaded weights against the field that they are meant for."""

import jax
import jax.numpy as jnp
import numpy as np

from metainr.errors import Option, UserError
from metainr.types import Params, Tree
from metainr.weights.naming import flat_leaves, require_finite, shown

_MOST_SHOWN = 2


def match_structure(loaded: Tree, expected_params: Params, source: str) -> Params:
    """Gives loaded weights the structure and dtypes of the expected ones.

    loaded: arrays as `load_weights` returns them, or any pytree of the same names;
    expected_params: a pytree of arrays or of their shapes, such as `jax.eval_shape(field.init,
        key)`, whose names (see `save_weights`) and shapes must be those of `loaded`;
    source: where the weights come from, for the message.

    Raises UserError that names the leaves that are missing, of another shape, of a kind that the
    expected dtype cannot hold, or not expected at all.
    """
    expected = jax.eval_shape(lambda tree: tree, expected_params)
    wanted, found = flat_leaves(expected), flat_leaves(loaded)
    problems = [problem for name in wanted if (problem := _problem(name, wanted, found))]
    problems += [f"{shown(name)} is not expected" for name in found if name not in wanted]
    if problems:
        raise UserError(
            f"weights in {shown(source)} are of another architecture: {_summary(problems)}; "
            "choose the field they were saved from (",
            Option("width"),
            ", ",
            Option("depth"),
            "), signals of as many channels (of sounds, ",
            Option("mono"),
            " makes one), or other weights",
        )
    with np.errstate(over="ignore"):  # what overflows is infinite, and reported as that
        leaves = {name: np.asarray(found[name]).astype(wanted[name].dtype) for name in wanted}
    require_finite(leaves, source)
    return jax.tree.unflatten(jax.tree.structure(expected), map(jnp.asarray, leaves.values()))


def _problem(name, wanted, found):
    if name not in found:
        return f"{shown(name)} {list(wanted[name].shape)} is missing"
    array, want = np.asarray(found[name]), wanted[name]
    if array.shape != want.shape:
        return f"{shown(name)} is {list(array.shape)}, expected {list(want.shape)}"
    if not np.can_cast(array.dtype, want.dtype, "same_kind"):
        return f"{shown(name)} is {array.dtype}, expected {want.dtype}"
    return None


def _summary(problems):
    more = len(problems) - _MOST_SHOWN
    return "; ".join([*problems[:_MOST_SHOWN], *([f"…and {more} more"] if more > 0 else [])])
