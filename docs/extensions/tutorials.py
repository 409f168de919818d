"""Has the notebooks of colabs/ stand among the pages, with the outputs that they keep.

They are copied into docs/tutorials/, which git ignores, before each build. Pages link to the files
in colabs/, as it is there that a reader of the repository finds them; the site links to its pages.
"""

from pathlib import Path

_DOCS = Path(__file__).parents[1]
_NOTEBOOKS = _DOCS.parent / "colabs"
_COPIES = _DOCS / "tutorials"


def setup(app):
    """Copies when a build begins, and turns links when a page is read."""
    app.connect("builder-inited", lambda app: copy())
    app.connect("source-read", _turn_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy() -> None:
    """Brings docs/tutorials/ up to date; what has not changed is left as it is."""
    _COPIES.mkdir(exist_ok=True)
    texts = {path.name: path.read_text(encoding="utf-8") for path in _NOTEBOOKS.glob("*.ipynb")}
    for path in _COPIES.glob("*.ipynb"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = _COPIES / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _turn_links(app, page, source):
    in_tutorials = page.startswith(f"{_COPIES.name}/")
    old, new = ("](../docs/", "](../") if in_tutorials else ("](../colabs/", "](tutorials/")
    source[0] = source[0].replace(old, new)
