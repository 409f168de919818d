"""Coordinate networks by name; a new one is one file and one line here."""

from metainr.fields.mlp import fourier_mlp, mlp, positional_mlp
from metainr.fields.options import FieldOptions
from metainr.fields.siren import siren
from metainr.registry import look_up
from metainr.types import Field

REGISTRY = {
    "siren": siren,
    "mlp": mlp,
    "positional": positional_mlp,
    "fourier": fourier_mlp,
}


def make(name: str, options: FieldOptions) -> Field:
    """Builds the field called `name`. Raises UserError if there is none of that name."""
    return look_up("field", name, REGISTRY)(options)


__all__ = ["REGISTRY", "FieldOptions", "fourier_mlp", "make", "mlp", "positional_mlp", "siren"]
