"""Writes the pages of the reference before each build: one for every module that users call.

These are the packages that `metainr` names, and the modules that README, CONTRIBUTING and the pages
name by their file or with dots.
"""

import importlib
import re
from pathlib import Path

_DOCS = Path(__file__).parents[1]
_ROOT = _DOCS.parent
_MORE = ("cameras", "devices", "errors")
_NAMED = re.compile(r"\bmetainr((?:/\w+)+)\.py|\bmetainr((?:\.[a-z_]\w*)+)")
_FRONT = """
.. autofunction:: metainr.learn
.. autofunction:: metainr.compare
.. autofunction:: metainr.load
.. autoclass:: metainr.runs.run.Run
   :members:
   :no-index:
.. autoclass:: metainr.runs.run.Fit
   :members:
   :no-index:
.. autoclass:: metainr.runs.compared.Compared
   :members:
   :no-index:
"""


def setup(app):
    """Has the pages written when a build begins."""
    app.connect("builder-inited", lambda app: write())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write() -> None:
    """Writes docs/api/, which git ignores; what has not changed is left as it is."""
    pages = _pages()
    folder = _DOCS / "api"
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _pages():
    """{name: text} of all pages."""
    offered = (*importlib.import_module("metainr").__all__, *_MORE)
    packages = {name for name in map("metainr.{}".format, offered) if _file(name)}
    modules = {name: _untold(name) for name in sorted(_named() - packages)}
    modules = {name: members for name, members in modules.items() if members}
    below = {
        package: [name for name in modules if name.startswith(f"{package}.")]
        for package in packages
    }
    tops = sorted(packages | {name for name in modules if name.count(".") == 1})
    pages = {"index": _index(["metainr", *tops])}
    pages["metainr"] = f"{_title('metainr')}\n.. automodule:: metainr\n{_FRONT}"
    pages |= {name: _module(name, ", ".join(members)) for name, members in modules.items()}
    return pages | {name: _module(name, "", below[name]) for name in sorted(packages)}


def _named():
    """The modules that the texts name, those of a function or a class included."""
    paths = (*_ROOT.glob("*.md"), *_DOCS.glob("*.md"))
    found = _NAMED.findall("\n".join(path.read_text(encoding="utf-8") for path in paths))
    names = {f"metainr{path.replace('/', '.')}{dotted}" for path, dotted in found}
    return {_innermost(name.removesuffix(".__init__")) for name in names} - {"metainr"}


def _innermost(name):
    """The module of a dotted name that may go on with a function's."""
    while not _file(name):
        name = name.rpartition(".")[0]
    return name


def _file(name):
    """The file of a module, or None."""
    path = _ROOT.joinpath(*name.split("."))
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


def _untold(name):
    """What a module defines for others and no package above it exports."""
    module, above, told = importlib.import_module(name), name.rpartition(".")[0], set()
    while above != "metainr":
        package = importlib.import_module(above)
        told |= {id(getattr(package, exported)) for exported in getattr(package, "__all__", ())}
        above = above.rpartition(".")[0]
    own = {n: thing for n, thing in vars(module).items() if not n.startswith("_")}
    own = {n: thing for n, thing in own.items() if getattr(thing, "__module__", "") == name}
    return [n for n, thing in own.items() if id(thing) not in told]


def _module(name, members, below=()):
    exports = hasattr(importlib.import_module(name), "__all__")
    options = f"   :members: {members}".rstrip() + ("\n   :imported-members:" if exports else "")
    return f"{_title(name)}\n.. automodule:: {name}\n{options}\n\n{_listed(below)}"


def _index(tops):
    opening = (
        "Everything here is written from the docstrings of the library, "
        "when this site is built. Begin with :doc:`metainr` and :doc:`metainr.types`.\n"
    )
    return f"{_title('Reference')}\n{opening}\n{_listed(tops)}"


def _listed(names):
    """A list of pages, with what each of their modules says of itself first."""
    if not names:
        return ""
    rows = "\n".join(f"* :doc:`{name}`: {_purpose(name)}" for name in names)
    entries = "\n".join(f"   {name}" for name in names)
    return f"{_title('Modules', '-')}\n{rows}\n\n.. toctree::\n   :hidden:\n\n{entries}\n"


def _purpose(name):
    told = (importlib.import_module(name).__doc__ or "").partition("\n\n")[0]
    first = " ".join(told.split()).removeprefix("metainr: ")
    return first.replace("`", "``").replace("*", r"\*")


def _title(text, line="="):
    return f"{text}\n{line * len(text)}\n"
