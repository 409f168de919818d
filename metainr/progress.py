"""How far long work is: a bar on a terminal and in a notebook, elsewhere a line a minute."""

import contextlib
import sys
from functools import partial
from typing import Any

from tqdm import tqdm

SHORT = 5  # seconds, below which a bar would only flicker
_LINE_EVERY = 60  # seconds
_LINE = "{desc}{n_fmt} of {total_fmt} {unit}s, {rate_fmt}, {remaining} left{postfix}"


class _Lines:
    """A stream's lines, of what moves a terminal's cursor back to write a line anew."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        if line := " ".join(text.split()):
            with contextlib.suppress(OSError, ValueError):  # work goes on where nobody reads
                print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        pass


def progress(
    total: int,
    unit: str,
    name: str | None = None,
    initial: int = 0,
    silent: bool = False,
    delay: float = 0,
    leave: bool = True,
) -> Any:
    """A tqdm bar on stderr, to `update` and to close; a context manager.

    Args:
        total, initial: of units, at the end and at the start.
        unit: in the singular.
        name: of the work, before the bar.
        silent: whether nothing is shown, as of a process that is not the first.
        delay: seconds that have to pass before a bar is shown.
        leave: whether a finished bar stays on the terminal.
    """
    show = partial(tqdm, total=total, initial=initial, disable=silent)
    if sys.stderr.isatty() or _is_notebook(sys.stderr):
        return show(desc=name, unit=unit, delay=delay, leave=leave)
    return show(
        desc=f"{name}: " if name else None,
        unit=f" {unit}",
        delay=_LINE_EVERY,
        mininterval=_LINE_EVERY,
        miniters=1,
        bar_format=_LINE,
        file=_Lines(),
        leave=False,
        position=0,  # below another one it would move a cursor
    )


def _is_notebook(stream):
    """Whether a Jupyter kernel shows the stream: no terminal, though lines are written anew."""
    return type(stream).__module__ == "ipykernel.iostream"
