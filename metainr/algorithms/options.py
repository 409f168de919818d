"""What a registry entry of an algorithm says of it, and the options of those that have none."""

from collections.abc import Callable
from typing import Any, NamedTuple

from metainr.types import Algorithm, Parts


class NoOptions(NamedTuple):
    """Of an algorithm that the parts of a problem settle."""


class Entry(NamedTuple):
    """An algorithm of the registry.

    make: (parts, options) -> Algorithm;
    options: the NamedTuple of its own options, each with a default; its docstring says `name: text`
        of each, from which flags and help are made;
    settles: whether its loss goes on falling under noise; one that strays is judged by its best;
    kept_signals: options -> the number of training signals, the first ones, that it keeps something
        of, and so learns from; None: it learns from all;
    field: the name of the only field that it adapts; None: those of many kinds;
    takes_coupled: whether measurements may be coupled (`metainr.types.Measurement`);
    takes_cycles: whether tasks hold a whole cycle of a mixture's signals (`metainr.types.Task`).
    """

    make: Callable[[Parts, Any], Algorithm]
    options: type = NoOptions
    settles: bool = True
    kept_signals: Callable[[Any], int] | None = None
    field: str | None = None
    takes_coupled: bool = True
    takes_cycles: bool = False
