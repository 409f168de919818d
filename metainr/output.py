"""What is printed for people: it may get lost, and never takes the work with it."""

import contextlib
import os
import sys
from collections.abc import Iterator

from absl import logging

from metainr.errors import printable

_lost: list[str] = []


def say(text: str) -> None:
    """Prints lines, with escapes for what is unprintable or the output's encoding lacks.

    Where it cannot be written, as to a full disk or a reader that has gone, a warning says so, and
    this line and all later ones are dropped.
    """
    try:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        shown = "\n".join(map(printable, text.split("\n")))
        print(shown.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except (OSError, ValueError) as error:  # ValueError: it was closed
        _lost.append(str(error))
        logging.warning("What this prints is lost (%s); files are written all the same.", error)
        sys.stdout = open(os.devnull, "w")  # else Python fails at its end, for what it still holds


def lost() -> bool:
    """Whether something that was said was lost."""
    return bool(_lost)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Drops warnings, around the import of what warns of what nobody asked for."""
    logger = logging.get_absl_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
