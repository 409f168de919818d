"""Long fits of an experiment: a bar that shows how far they are, and files that let them go on."""

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from metainr.devices import is_first
from metainr.evaluation.courses import Watch
from metainr.files import write_bytes
from metainr.progress import SHORT, progress

_FOLDER = "unfinished"


@contextlib.contextmanager
def watched(workdir: Path, name: str, num_steps: int) -> Iterator[Callable[[str], Watch]]:
    """Watches over fits of `num_steps` steps in all, each by what it is `about` (see `Watch`).

    What they saved is removed at a good end.

    Args:
        workdir: of the run; its folder unfinished/ holds what is saved.
        name: what is fitted, before the bar.
        num_steps: steps, added up over signals and inits.
    """
    folder = workdir / _FOLDER

    def load(name):
        path = folder / f"{name}.npz"
        return path.read_bytes() if path.exists() else None

    def save(name, data):
        write_bytes(folder / f"{name}.npz", data)

    with contextlib.ExitStack() as opened:

        @functools.cache
        def bar():  # Its clock runs from the first fit on: rates may be tuned before.
            silent = not is_first()
            shown = progress(num_steps, "step", name, silent=silent, delay=SHORT, leave=False)
            return opened.enter_context(shown)

        yield lambda about: Watch(about, lambda steps: bar().update(steps), load, save)
    if is_first():
        shutil.rmtree(folder, ignore_errors=True)
