"""The keywords of functions that make fields, held to what `FieldOptions` says of them."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec

from metainr.checks import check, kinds_of
from metainr.fields.activations import ACTIVATIONS
from metainr.fields.options import FieldOptions
from metainr.registry import look_up
from metainr.types import Field

_Arguments = ParamSpec("_Arguments")
_LONGEST_NAME = 40


def checked_keywords(make: Callable[_Arguments, Field]) -> Callable[_Arguments, Field]:
    """Checks the keywords of a function that makes a field, before it runs.

    Raises UserError for a keyword that it lacks, or a value that the option cannot have. An option
    that is not among `FieldOptions` is the function's own affair.
    """
    known, kinds = inspect.signature(make).parameters, kinds_of(FieldOptions)

    @functools.wraps(make)
    def made(*args: _Arguments.args, **options: _Arguments.kwargs) -> Field:
        for name in options:
            look_up(f"option of {make.__name__}", name, known)
            if name in kinds:
                options[name] = check(name, options[name], kinds[name])
            if name in ("activation", "output_activation"):
                look_up(name, str(options[name])[:_LONGEST_NAME], ACTIVATIONS)
        return make(*args, **options)

    return made
