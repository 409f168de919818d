"""Numbers that may come as floats, since a flag is shared by those whose values are shares."""

from typing import Any, NamedTuple

from metainr.checks import Range


class Count(NamedTuple):
    """Whole numbers from `least` to `most`, these included; `of`: what they count, for messages."""

    of: str
    least: int
    most: int

    @property
    def expected(self) -> str:
        """What to give."""
        return f"a number of {self.of}, from {self.least} to {self.most}"

    def plain(self, value: Any) -> int:
        """An int, also of a float that is whole."""
        number = Range(self.least, self.most, real=True).plain(value)
        if number != int(number):
            raise ValueError(value)
        return int(number)

    def read(self, text: str) -> int:
        """The number that is written."""
        return self.plain(float(text))
