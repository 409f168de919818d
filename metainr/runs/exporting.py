"""What was learned or fitted, for other programs."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from metainr import __version__, fields
from metainr.errors import UserError
from metainr.export import FORMATS, Notes, Program, convention_of, trace
from metainr.files import expanded, why
from metainr.registry import look_up
from metainr.types import Field, Params

_MOST_COORDINATES = 8
_ELSEWHERE = ("in_dim", "out_dim", "compute_dtype")  # options that the shapes and steps tell


def export(
    field: Field,
    params: Params,
    record: Mapping[str, Any],
    weights: str,
    folder: str | Path,
    to: str,
) -> list[Path]:
    """Writes a field for another program, and returns the files.

    Args:
        field, params: f_θ and its weights θ.
        record: what they are of, as files keep it.
        weights: the same in words.
        folder: where to write; made if it is missing.
        to: a name of `metainr.export.FORMATS`.

    Raises UserError for an unknown name, a field that computes what exports cannot say, a package
    that is missing, or a folder that cannot be written to.
    """
    write = look_up("format", to, FORMATS)
    program = trace(field.apply, params, _in_dim(field, params, record))
    try:
        return write(program, _notes(program, record, weights), expanded(folder))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {why(error)}") from error


def _in_dim(field, params, record):
    """The number of coordinates: that of the axes recorded, or the first that the field takes."""
    shape = record.get("shape")
    likely = [len(shape)] if isinstance(shape, list | tuple) else []
    for in_dim in (*likely, *range(1, _MOST_COORDINATES + 1)):
        try:
            coords = jax.ShapeDtypeStruct((1, in_dim), jnp.float32)
            jax.eval_shape(field.apply, params, coords)
        except Exception:  # whatever a network makes of coordinates that are not its own
            continue
        return in_dim
    raise UserError(
        f"the field takes none of 1 to {_MOST_COORDINATES} coordinates with these weights; load "
        "them with the field that they are of"
    )


def _notes(program: Program, record: Mapping[str, Any], weights: str) -> Notes:
    name = str(record.get("field"))
    about, described = "A coordinate network.", "one of a user's own"
    if name in fields.REGISTRY:
        function = fields.REGISTRY[name]
        about = (inspect.getdoc(inspect.getmodule(function)) or about).partition("\n")[0]
        options = [x for x in inspect.signature(function).parameters if x in record]
        options = [x for x in options if x not in _ELSEWHERE]
        described = ", ".join([name, *(f"{option} {record[option]}" for option in options)])
    found = convention_of(str(record.get("experiment")))
    details = {
        "Field": described,
        "Weights": weights,
        "Coords": f"float32 [n, {program.coords.shape[1]}]: {found.coordinates}",
        "Values": f"float32 [n, {program.result.shape[1]}]: {found.values}",
        "Made by": f"metainr {__version__}",
    }
    return Notes(about, details, found.low, found.high)
