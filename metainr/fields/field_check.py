"""Whether a field is one: found out from shapes alone, without computing its values."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from metainr.errors import UserError
from metainr.types import Field, Params

_N = 5  # points


def check_field(field: Field, in_dim: int, out_dim: int) -> None:
    """Raises UserError, with what came and what was expected, unless the field keeps its contract.

    That is: `init(key)` gives arrays of floats, and `apply(params, coords[..., in_dim])` floats
    [..., out_dim], for a point alone, for rows of points and for more axes.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    params = _shapes("init", "a key", field.init, key)
    _require_float_weights(params)
    for leading in ((_N,), (), (2, _N)):
        coords = jax.ShapeDtypeStruct((*leading, in_dim), jnp.float32)
        what = f"coords {_text(coords.shape)}"
        values = _shapes("apply", what, field.apply, params, coords)
        _require_values(values, (*leading, out_dim), what)


def _shapes(name: str, what: str, function: Callable[..., Any], *args: Any) -> Any:
    try:
        return jax.eval_shape(function, *args)
    except Exception as error:  # whatever a user's function raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{name} of the field fails at {what}: {reason}") from error


def _require_float_weights(params: Params) -> None:
    leaves = jax.tree.leaves_with_path(params)
    if not leaves:
        raise UserError("init of the field returns no arrays; expected its weights")
    for path, leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            raise UserError(
                f"{name!r} of the field's weights is of type {leaf.dtype}, expected floats; keep "
                "what is not learned out of them"
            )


def _require_values(values: Any, shape: tuple[int, ...], what: str) -> None:
    expected = f"expected floats {_text(shape)}"
    if not isinstance(values, jax.ShapeDtypeStruct):
        raise UserError(
            f"apply of the field returns a {type(values).__name__} at {what}, {expected}"
        )
    if values.shape != shape or not jnp.issubdtype(values.dtype, jnp.floating):
        lacks_axis = shape[-1] == 1 and values.shape == shape[:-1]
        remedy = "; keep the axis of values, as values[..., None] does" if lacks_axis else ""
        raise UserError(
            f"apply of the field returns {values.dtype} {_text(values.shape)} at {what}, "
            f"{expected}{remedy}"
        )


def _text(shape):
    return str(list(shape))
