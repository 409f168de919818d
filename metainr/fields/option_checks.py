"""Which values an option of a field may have, whoever gives it."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec

from metainr.fields.activations import ACTIVATIONS
from metainr.fields.dense import PRODUCTS
from metainr.registry import look_up
from metainr.types import Field

_Arguments = ParamSpec("_Arguments")
_LONGEST_NAME = 40


_NAMES = {
    "activation": ACTIVATIONS,
    "output_activation": ACTIVATIONS,
    "compute_dtype": PRODUCTS,
}


def checked(make: Callable[_Arguments, Field]) -> Callable[_Arguments, Field]:
    """Checks the keywords of a function that makes a field, before it runs.

    Raises UserError for a keyword that it lacks, or a value that it cannot have.
    """
    known = inspect.signature(make).parameters

    @functools.wraps(make)
    def made(*args: _Arguments.args, **options: _Arguments.kwargs) -> Field:
        for name in options:
            look_up(f"option of {make.__name__}", name, known)
            check_option(name, options[name])
        return make(*args, **options)

    return made


def check_option(name: str, value: object) -> None:
    """Raises UserError if the option cannot have the value."""
    if name in _NAMES:
        look_up(name, str(value)[:_LONGEST_NAME], _NAMES[name])
