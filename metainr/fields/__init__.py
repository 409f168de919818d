"""Coordinate networks by name; a new one is one file and one line here."""

from metainr.fields.finer import finer
from metainr.fields.gaussian import gaussian
from metainr.fields.hash_grid import hash_grid
from metainr.fields.mfn import mfn
from metainr.fields.mlp import fourier_mlp, mlp, positional_mlp
from metainr.fields.options import FieldOptions
from metainr.fields.siren import siren
from metainr.fields.wire import wire
from metainr.registry import look_up
from metainr.types import Field

REGISTRY = {
    "siren": siren,
    "mlp": mlp,
    "positional": positional_mlp,
    "fourier": fourier_mlp,
    "gaussian": gaussian,
    "wire": wire,
    "finer": finer,
    "mfn": mfn,
    "hash_grid": hash_grid,
}


def make(name: str, options: FieldOptions) -> Field:
    """Builds the field called `name`. Raises UserError if there is none of that name."""
    return look_up("field", name, REGISTRY)(options)


__all__ = [
    "REGISTRY",
    "FieldOptions",
    "finer",
    "fourier_mlp",
    "gaussian",
    "hash_grid",
    "make",
    "mfn",
    "mlp",
    "positional_mlp",
    "siren",
    "wire",
]
