"""Coordinate networks by name; a new one is one file and one line here.

Networks of other libraries become fields by `of_flax`, `of_equinox` and `of_functions`;
`check_field` tells whether one is what the rest of metainr takes.
"""

import functools
import inspect
from collections.abc import Callable

from metainr.errors import UserError
from metainr.fields.activations import ACTIVATIONS
from metainr.fields.adapters import of_equinox, of_flax, of_functions
from metainr.fields.field_check import check_field
from metainr.fields.finer import finer
from metainr.fields.gaussian import gaussian
from metainr.fields.hash_grid import hash_grid
from metainr.fields.latent_siren import latent_siren
from metainr.fields.mean_field import mean_field
from metainr.fields.mfn import mfn
from metainr.fields.mlp import fourier_mlp, mlp, positional_mlp
from metainr.fields.options import FieldOptions
from metainr.fields.siren import siren
from metainr.fields.wire import wire
from metainr.registry import look_up
from metainr.types import Field

REGISTRY: dict[str, Callable[..., Field]] = {
    "siren": siren,
    "mlp": mlp,
    "positional": positional_mlp,
    "fourier": fourier_mlp,
    "gaussian": gaussian,
    "wire": wire,
    "finer": finer,
    "mfn": mfn,
    "hash_grid": hash_grid,
    "latent_siren": latent_siren,
}


def make(name: str, options: FieldOptions | None = None, **overrides: int | float | str) -> Field:
    """Builds the field called `name`, as `make("siren", width=64)`.

    Of `options`, which hold those of all fields, it reads those that it has; `overrides` go before
    them, and what neither gives is the field's own default. Later calls give the same field, so
    that what was compiled for it serves again. Raises UserError if there is no field of that name,
    it has no such option, or an option cannot have that value.

    >>> field = metainr.fields.make("siren", width=32, out_dim=1)
    >>> params = field.init(jax.random.key(0))
    >>> field.apply(params, jnp.zeros((5, 2))).shape
    (5, 1)
    """
    function = look_up("field", name, REGISTRY)
    known = inspect.signature(function).parameters
    if not isinstance(options, FieldOptions | None):
        raise UserError(
            f"options of type {type(options).__name__} are no FieldOptions; give those, or "
            f"keywords as in make({name!r}, width=64)"
        )
    shared = {} if options is None else options._asdict()
    chosen = {o: value for o, value in shared.items() if o in known} | overrides
    try:
        return _made(function, **chosen)
    except TypeError:  # no such option, or one that cannot be hashed: the field says so
        return function(**chosen)


@functools.lru_cache(maxsize=64, typed=True)
def _made(function, /, **options):
    return function(**options)


__all__ = [
    "ACTIVATIONS",
    "REGISTRY",
    "FieldOptions",
    "check_field",
    "finer",
    "fourier_mlp",
    "gaussian",
    "hash_grid",
    "latent_siren",
    "make",
    "mean_field",
    "mfn",
    "mlp",
    "of_equinox",
    "of_flax",
    "of_functions",
    "positional_mlp",
    "siren",
    "wire",
]
