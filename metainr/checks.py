"""Which values an option may have: said once, in its annotation, and checked at every door.

    class FitOptions(NamedTuple):
        steps: Annotated[int, Range(1, 1_000_000)] = 20

A kind says in words what it wants (`expected`), takes a value as programs and files hold it
(`plain`) or as a command line writes it (`read`), and raises ValueError for all others.
"""

import functools
import os
import reprlib
import typing
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from metainr.errors import Option, UserError


class AnyOptions(Protocol):
    """A NamedTuple of options, whichever they are."""

    def _asdict(self) -> dict[str, Any]: ...

    def _replace(self, **changes: Any) -> Self: ...


Options = TypeVar("Options", bound=AnyOptions)


class Kind(Protocol):
    """A set of values."""

    @property
    def expected(self) -> str:
        """What to give, in words that follow "give"."""
        ...

    def plain(self, value: Any) -> Any:
        """The value with Python's own types. Raises ValueError if it is none of these."""

    def read(self, text: str) -> Any:
        """The value that a text stands for. Raises ValueError if it is none of these."""


class Range(NamedTuple):
    """Numbers from `least` to `most`, these included: whole ones, unless `real`; never NaN."""

    least: float
    most: float
    real: bool = False

    @property
    def expected(self) -> str:
        """What to give."""
        if self.real:
            return f"a number from {self.least:g} to {self.most:g}"
        return f"a whole number from {self.least} to {self.most}"

    def plain(self, value: Any) -> float:
        """An int or a float."""
        if not _is_number(value, self.real):
            raise ValueError(value)
        number = float(value) if self.real else int(value)
        if not self.least <= number <= self.most:  # NaN is in no range
            raise ValueError(value)
        return number

    def read(self, text: str) -> float:
        """The number that is written."""
        return self.plain(float(text) if self.real else int(text))


class Share(NamedTuple):
    """Numbers between 0 and 1, these excluded; `of`: what they are a share of, for messages."""

    of: str

    @property
    def expected(self) -> str:
        """What to give."""
        return f"a share of the {self.of}, between 0 and 1, such as 0.1"

    def plain(self, value: Any) -> float:
        """A float."""
        if not _is_number(value, real=True) or not 0 < float(value) < 1:
            raise ValueError(value)
        return float(value)

    def read(self, text: str) -> float:
        """The number that is written."""
        return self.plain(float(text))


class Choice(NamedTuple):
    """One of some names, as those of a registry."""

    names: Collection[str]

    @property
    def expected(self) -> str:
        """What to give."""
        return f"one of {', '.join(self.names)}"

    def plain(self, value: Any) -> str:
        """The name."""
        if not isinstance(value, str) or value not in self.names:
            raise ValueError(value)
        return value

    def read(self, text: str) -> str:
        """The name."""
        return self.plain(text)


class Text(NamedTuple):
    """A text that is not empty; `what`: it names, for messages."""

    what: str = "a name"

    @property
    def expected(self) -> str:
        """What to give."""
        return self.what

    def plain(self, value: Any) -> str:
        """The text."""
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ValueError(value)
        return value

    def read(self, text: str) -> str:
        """The text."""
        return self.plain(text)


class Place(NamedTuple):
    """A path; a ~ or ~NAME that it begins with is that home folder, as in a shell."""

    @property
    def expected(self) -> str:
        """What to give."""
        return "a path (~ begins one in a home folder that there is; ./~ is a name)"

    def plain(self, value: Any) -> str:
        """The path."""
        path = os.path.expanduser(Text().plain(value))
        if path.startswith("~"):
            raise ValueError(value)
        return path

    def read(self, text: str) -> str:
        """The path."""
        return self.plain(text)


class Switch(NamedTuple):
    """True or false."""

    @property
    def expected(self) -> str:
        """What to give."""
        return "true or false"

    def plain(self, value: Any) -> bool:
        """The truth."""
        if not isinstance(value, bool):
            raise ValueError(value)
        return value

    def read(self, text: str) -> bool:
        """As it is written in files."""
        return {"true": True, "false": False}[text.lower()]


class Maybe(NamedTuple):
    """A value of a kind, or None: nobody said."""

    kind: Any

    @property
    def expected(self) -> str:
        """What to give."""
        return f"{self.kind.expected}, or leave it out"

    def plain(self, value: Any) -> Any:
        """The value."""
        return None if value is None else self.kind.plain(value)

    def read(self, text: str) -> Any:
        """The value; an empty text takes back what a flagfile said."""
        return self.kind.read(text) if text.strip() else None


class Each(NamedTuple):
    """Several values of a kind, as a list of values or of texts.

    example: of what may be given.
    counts: how many there may be; None: at least one.
    """

    kind: Any
    example: str
    counts: tuple[int, ...] | None = None

    @property
    def expected(self) -> str:
        """What to give."""
        few = (
            [str(count) for count in self.counts or () if count]
            if len(self.counts or ()) < 4
            else []
        )
        many = f"{' or '.join(few)} of them" if few else "several"
        return f"{self.kind.expected}, {many} parted by commas, such as {self.example}"

    def plain(self, value: Any) -> tuple[Any, ...]:
        """A tuple of them."""
        if not isinstance(value, list | tuple):
            raise ValueError(value)
        if (len(value) < 1) if self.counts is None else (len(value) not in self.counts):
            raise ValueError(value)
        read, plain = self.kind.read, self.kind.plain
        return tuple(read(x) if isinstance(x, str) else plain(x) for x in value)

    def read(self, text: str) -> tuple[Any, ...]:
        """Those that a text parts by commas."""
        return self.plain([part.strip() for part in text.split(",") if part.strip()])


SEED = Range(0, 2**32 - 1)
RATE = Range(0, 3e38, real=True)
"""Learning rates, and whatever else only has to be a finite float32."""


class OptionError(UserError):
    """A value that an option cannot have.

    A door that knows more, as the flag or the file that the value came by, says so instead.
    """

    def __init__(self, name: str, value: Any, expected: str):
        super().__init__(name, value, expected)
        self.name, self.value, self.expected = name, value, expected
        self.parts = Option(name), f" is {shown(value)}; give {expected}"


def check(name: str, value: Any, kind: Kind) -> Any:
    """The value with Python's own types. Raises OptionError if it is none of the kind."""
    try:
        return kind.plain(value)
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise OptionError(name, value, kind.expected) from error


@functools.cache
def kinds_of(options: type) -> Mapping[str, Kind]:
    """The kinds of an options class' fields by name, of those whose annotation says one."""
    hints = typing.get_type_hints(options, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if _is_annotated(hint)}


def checked(options: Options) -> Options:
    """Options with Python's own types in every field of a kind. Raises OptionError."""
    kinds = kinds_of(type(options))
    plain = {name: check(name, getattr(options, name), kind) for name, kind in kinds.items()}
    return options._replace(**plain)


def shown(value: Any) -> str:
    """A value in a few words of one line."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # Python writes no integer of more than 4300 digits
        return f"of type {type(value).__name__}"


def _is_number(value, real):
    return isinstance(value, Real if real else Integral) and not isinstance(value, bool)


def _is_annotated(hint):
    return typing.get_origin(hint) is typing.Annotated
