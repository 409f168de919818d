"""JSON that others wrote: a mistake in it is told, however deep, long or large."""

import json
from pathlib import Path
from typing import Any

from metainr.errors import Option, UserError
from metainr.files import check_regular

_LARGEST = 2**28  # bytes; Python makes about ten times as many of them
_DEEPEST = 50
_TOO_DEEP = f"it is nested more than {_DEEPEST} deep"
_DIGITS = 300  # of whole numbers; with more they are no floats


def read_json(path: str | Path, *remedy: str | Option) -> dict[str, Any]:
    """The object in a file of JSON, with or without a byte-order mark.

    Raises UserError, which ends in the remedy, if there is no file, it is larger than 256 MiB,
    `parsed` refuses it, or it holds anything else.
    """
    check_regular(path, "JSON file", *remedy, most=_LARGEST)
    try:
        value = parsed(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); ", *remedy) from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); ", *remedy) from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds a {type(value).__name__}, not an object; ", *remedy)
    return value


def parsed(text: str | bytes) -> Any:
    """What a text of JSON says.

    Raises ValueError if it is none, is nested more than 50 deep, which Python's own functions may
    not survive, or has a whole number that no float can hold. Other numbers may be infinite or NaN.
    """
    try:
        value = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [value]
    for _ in range(_DEEPEST):
        level = [x for inner in level if isinstance(inner, list | dict) for x in _parts(inner)]
    if level:
        raise ValueError(_TOO_DEEP)
    return value


def _parts(value):
    return value.values() if isinstance(value, dict) else value


def _whole(digits):
    if len(digits) > _DIGITS:
        raise ValueError(f"a number in it has {len(digits)} digits")
    return int(digits)
