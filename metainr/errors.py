"""The one exception that a user's own mistake raises."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Option(NamedTuple):
    """An option that a message names, with a value or, if that is None, by its name alone."""

    name: str
    value: Any = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value}"


class UserError(ValueError):
    """A mistake of the caller's, told in one printable line: the thing, its value and the remedy.

    It is made of the line's parts, texts and `Option`s: programs name these as Python does, command
    lines with dashes, and only what raises it knows which words are options.

        UserError("4 tasks are too many; give ", Option("tasks_per_step", 2))

    Binaries print the line without a traceback and exit with status 1; callers of the library
    catch it as the `ValueError` it is.
    """

    def __init__(self, *parts: str | Option):
        super().__init__(*parts)
        self.parts = parts

    def __str__(self) -> str:
        return printable("".join(map(str, self.parts)))

    def as_flags(self) -> str:
        """The line as a command line's user writes options: "--tasks_per_step=2"."""
        parts = (f"--{x}" if isinstance(x, Option) else str(x) for x in self.parts)
        return printable("".join(parts))


def printable(text: str) -> str:
    """The text with everything escaped that moves a terminal's cursor, or that none can show.

    Names come from strangers' files, and may hold newlines, control characters, marks that turn
    the direction of writing, and surrogates, which are no characters.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(groups: Iterable[Iterable[str | Option]], between: str = "; ") -> list[str | Option]:
    """The parts of a message that several groups of parts make, with a text between them."""
    parts = [part for group in groups for part in (between, *group)]
    return parts[1:]


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
