"""Looking a thing up by the name that a user gave it."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from metainr.errors import UserError

Entry = TypeVar("Entry")


def look_up(kind: str, name: str, registry: Mapping[str, Entry]) -> Entry:
    """The entry called `name`. Raises UserError with the nearest and all names if there is none.

    Args:
        kind: what the entries are, in words, for the message.
        name: as given.
        registry: name -> entry.
    """
    if name in registry:
        return registry[name]
    near = difflib.get_close_matches(name, registry)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(f"unknown {kind} {name!r}: {hint}choose one of {', '.join(registry)}")
