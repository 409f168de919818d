"""Inits that come with the library, each learned by the flagfile that it names.

`ready:NAME` stands for one wherever a workdir or a file of weights is named.
"""

from importlib import resources
from pathlib import Path

from metainr.files import expanded
from metainr.registry import look_up

PREFIX = "ready:"


def ready_files() -> dict[str, Path]:
    """The files of weights by name. Beside the record of their flags they hold `ABOUT`."""
    folder = Path(str(resources.files("metainr.ready")))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def located(path: str | Path) -> Path:
    """The file that `ready:NAME` stands for, or the path itself, `~` expanded.

    Raises UserError if no init has that name.
    """
    text = str(path)
    if not text.startswith(PREFIX):
        return expanded(path)
    return look_up("ready init", text.removeprefix(PREFIX), ready_files())


ABOUT = "about"
"""Name of the text that says how an init was learned: flagfile, commit, date and scores."""
