"""The command `metainr`: runs the programs that come with the library, from any folder.

    metainr list                                        what there is
    metainr image_regression --flagfile=quickstart      a program, with one of its flagfiles

It does not import JAX before a program does.
"""

import ast
import runpy
import sys
from pathlib import Path

from metainr import __version__
from metainr.errors import UserError
from metainr.output import say
from metainr.ready import PREFIX, ready_files
from metainr.registry import look_up
from metainr.starting import start

LEARNING = (
    "image_regression", "ct_reconstruction", "view_synthesis", "phototourism", "poisson", "shapes",
    "waves", "audio", "video",
)  # fmt: skip
_GROUPS = {
    "Learn an init, compare it, report": LEARNING,
    "Compare algorithms, values of flags, or finished runs": (
        "algorithms", "sweep", "compare", "transfer", "compose",
    ),
    "Keep a signal that arrives in parts": ("stream",),
    "Look into what was learned": ("anatomy",),
    "Fit by an init that comes with the library": ("demo",),
    "Fit by an init that was learned": ("fit", "fit_object", "fit_landmark"),
    "Generate from a data set of fields": ("generate",),
    "Make small files of signals": ("compress", "decompress", "rate_distortion"),
    "Take it elsewhere": ("export",),
    "Make data": ("make_objects", "make_landmark"),
}  # fmt: skip
_USAGE = "usage: metainr NAME [--flagfile=NAME] [--flag=value …], or metainr list"


def main() -> None:
    """Runs the program that the command line names; exits with 1 after a mistake."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--version"]:
        say(f"metainr {__version__}")
    elif not arguments or arguments[0] in ("list", "help", "--help", "-h"):
        say(listing())
    else:
        try:
            run(arguments[0], arguments[1:])
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)


def run(name: str, arguments: list[str]) -> None:
    """Runs a program as `python -m experiments.NAME` does. Raises UserError if there is none."""
    look_up("program", name, dict.fromkeys(names()))
    home = str(_home())
    if home not in sys.path:
        sys.path.insert(0, home)
    sys.argv = [name, *arguments]
    start()
    runpy.run_module(f"experiments.{name}", run_name="__main__", alter_sys=True)


def names() -> list[str]:
    """The programs, in the order of the list."""
    return [name for group in _GROUPS.values() for name in group]


def listing() -> str:
    """All programs in groups, each with what it is for and the names of its flagfiles."""
    lines = [f"metainr {__version__}", _USAGE]
    for group, programs in _GROUPS.items():
        lines += ["", f"{group}:"]
        for name in programs:
            lines.append(f"  {name:<18} {_purpose(name)}")
            if files := flagfiles(name):
                lines.append(f"  {'':<18}   --flagfile={', '.join(sorted(files))}")
    ready = ", ".join(PREFIX + name for name in ready_files())
    lines += ["", "Inits that come with it, for --init:", f"  {ready}"]
    lines += ["", "metainr NAME --help tells a program's flags."]
    return "\n".join(lines)


def flagfiles(name: str) -> dict[str, Path]:
    """The flagfiles of a program by name."""
    folder = _home() / "experiments" / "flags" / name
    return {path.stem: path for path in folder.glob("*.flags")}


def _home():
    """The folder that holds the programs: in a wheel within the library, else beside it."""
    library = Path(__file__).parent
    inside = library / "programs"
    return inside if inside.is_dir() else library.parent


def _purpose(name):
    """The first sentence of a program's docstring."""
    tree = ast.parse((_home() / "experiments" / f"{name}.py").read_text(encoding="utf-8"))
    return " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split()).rstrip(".")
