"""Coordinate networks by name; a new one is one file and one line here."""

from metainr.errors import UserError
from metainr.fields.mlp import fourier_mlp, mlp, positional_mlp
from metainr.fields.options import FieldOptions
from metainr.fields.siren import siren
from metainr.types import Field

REGISTRY = {
    "siren": siren,
    "mlp": mlp,
    "positional": positional_mlp,
    "fourier": fourier_mlp,
}


def make(name: str, options: FieldOptions) -> Field:
    """Builds the field called `name`. Raises UserError if there is none of that name."""
    if name not in REGISTRY:
        raise UserError(f"unknown field {name!r}; choose one of {', '.join(REGISTRY)}")
    return REGISTRY[name](options)


__all__ = ["REGISTRY", "FieldOptions", "fourier_mlp", "make", "mlp", "positional_mlp", "siren"]
