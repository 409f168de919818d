"""Docstrings of the library, plain text for readers of the source, as Sphinx wants them.

In them `code` stands between single backticks, what is indented or parted into columns stands as it
is, as do examples (`>>>`), and lines such as "name: what it is" list the parts of a NamedTuple.
Sections such as Args are left to napoleon, which comes after.
"""

import re

_SECTION = re.compile(r"(Args|Raises|Returns|Yields):$")
_ITEM = re.compile(r"\w+(?:, \w+)*: ")
_COLUMNS = re.compile(r"\S {3,}\S")
_SPECIAL = re.compile(r"(\*\w+\*)|[*|\\]|(?<=\w)_(?!\w)")


def setup(app):
    """Has docstrings changed before napoleon sees them."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _skip(app, kind, name, thing, skip, options):
    """Fields of a NamedTuple are told by its docstring; Python says their numbers alone."""
    return True if type(thing).__name__ == "_tuplegetter" else skip


def _process(app, kind, name, thing, options, lines):
    first, *blocks = re.split(r"\n[ ]*\n", "\n".join(lines).strip())
    if kind in ("data", "attribute", "property"):  # what stands before a colon is no type
        first = first.replace(": ", " – ", 1)
    told = [_inline(first), *(_told(block) for block in _joined(blocks))]
    lines[:] = "\n\n".join(told).split("\n") + [""]


def _joined(blocks):
    """Indented blocks go on what they follow if that is a section, or is indented, too."""
    joined = []
    for block in blocks:
        opens = joined and (joined[-1].startswith(" ") or _SECTION.match(joined[-1].split("\n")[0]))
        if opens and block.startswith(" "):
            joined[-1] += "\n\n" + block
        else:
            joined.append(block)
    return joined


def _told(block):
    rows = block.split("\n")
    if rows[0].startswith(">>>"):
        return block
    if any(_SECTION.match(row) for row in rows):
        return re.sub(r"(?<=[^\s])\n(?=(Args|Raises|Returns|Yields):\n)", "\n\n", _inline(block))
    if block.startswith(" ") or all(_COLUMNS.search(row) for row in rows):
        return "::\n\n" + "\n".join(f"    {row}" for row in rows)
    if _ITEM.match(rows[0]):
        return "\n".join(map(_item, re.split(rf"\n(?={_ITEM.pattern})", block)))
    return _inline("\n".join(row.strip() for row in rows))


def _item(text):
    names, _, meaning = text.partition(": ")
    names = ", ".join(f"``{name}``" for name in names.split(", "))
    return f"* {names}: {_inline(' '.join(meaning.split()))}"


def _inline(text):
    """Backticks doubled, and characters that mean something to Sphinx alone taken as they are."""
    parts = re.split(r"(`[^`]+`)", text)
    for index, part in enumerate(parts):
        if index % 2:
            before = "\\ " if _glued(parts[index - 1][-1:]) else ""
            after = "\\ " if _glued(parts[index + 1][:1]) else ""
            parts[index] = f"{before}`{' '.join(part.split())}`{after}"
        else:
            parts[index] = _SPECIAL.sub(lambda found: found[1] or "\\" + found[0], part)
    return "".join(parts)


def _glued(character):
    return character.isalnum() or character == "_"
