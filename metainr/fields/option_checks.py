"""Which values the options of fields may have, whoever gives them."""

import functools
import inspect
import numbers
import reprlib
from collections.abc import Callable
from typing import NamedTuple, ParamSpec

from metainr.errors import UserError
from metainr.fields.activations import ACTIVATIONS
from metainr.fields.dense import PRODUCTS
from metainr.registry import look_up
from metainr.types import Field

_Arguments = ParamSpec("_Arguments")
_LONGEST_NAME = 40


class Range(NamedTuple):
    """Numbers from `least` to `most`, these included: whole ones, unless `real`."""

    least: float
    most: float
    real: bool = False


_FREQUENCY = Range(1e-6, 10**6, real=True)

# A new option is a line here: its range, or a mapping of which it names an entry.
ALLOWED = {
    "in_dim": Range(1, 2**10),
    "out_dim": Range(1, 2**16),
    "width": Range(1, 2**16),
    "depth": Range(2, 2**8),
    "omega": _FREQUENCY,
    "first_omega": _FREQUENCY,
    "first_bias": Range(0, 10**6, real=True),
    "sigma": Range(1e-6, 10**6, real=True),
    "activation": ACTIVATIONS,
    "output_activation": ACTIVATIONS,
    "output_offset": Range(-(10**6), 10**6, real=True),
    "octaves": Range(0, 64, real=True),
    "frequencies": Range(1, 2**12),
    "fourier_scale": Range(0, 10**6, real=True),
    "fourier_seed": Range(0, 2**63 - 1),
    "levels": Range(1, 2**6),
    "coarsest": Range(1, 2**24),  # float32 tells no more places in [0, 1] apart
    "finest": Range(1, 2**24),
    "table_size": Range(1, 2**24),
    "compute_dtype": PRODUCTS,
}


def checked(make: Callable[_Arguments, Field]) -> Callable[_Arguments, Field]:
    """Checks the keywords of a function that makes a field, before it runs.

    Raises UserError for a keyword that it lacks, or a value that is not in `ALLOWED`.
    """
    known = inspect.signature(make).parameters

    @functools.wraps(make)
    def made(*args: _Arguments.args, **options: _Arguments.kwargs) -> Field:
        for name in options:
            look_up(f"option of {make.__name__}", name, known)
            options[name] = check_option(name, options[name])
        return make(*args, **options)

    return made


def check_option(name: str, value: object) -> float | str:
    """The value as a plain number or text. Raises UserError if the option cannot have it."""
    allowed = ALLOWED[name]
    if not isinstance(allowed, Range):
        text = str(value)[:_LONGEST_NAME]
        look_up(name, text, allowed)
        return text
    number = _plain(value, allowed.real)
    if number is None or not allowed.least <= number <= allowed.most:  # NaN is in no range
        kind = "a number" if allowed.real else "a whole number"
        raise UserError(
            f"{name} is {shown(value)}; give {kind} from {allowed.least} to {allowed.most}"
        )
    return number


def _plain(value: object, real: bool) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if real and isinstance(value, numbers.Real) else None


def shown(value: object) -> str:
    """A value in a few words of one line."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # Python writes no integer of more than 4300 digits
        return f"of type {type(value).__name__}"
