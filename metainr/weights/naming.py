"""Flat names of the leaves of a pytree, such as `dense_0/kernel`, and what messages show of them.

Names and paths may come from a stranger's file: `shown` keeps every message one harmless line.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from metainr.errors import UserError, printable
from metainr.types import Tree

_DEEPEST = 100


def flat_leaves(tree: Tree) -> dict[str, Any]:
    """The leaves of a pytree by name: its keys, attributes and positions joined by "/".

    Raises UserError if a name occurs twice or is also the start of others, as `a` and `a/b`.
    """
    leaves: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name in leaves:
            raise UserError(f"two leaves of the weights are named {shown(name)}; rename one key")
        leaves[name] = leaf
    for name in leaves:
        branches = {name[:end] for end, letter in enumerate(name) if letter == "/"}
        if clash := branches & leaves.keys():
            raise UserError(
                f"{shown(min(clash))} names a leaf of the weights and the start of {shown(name)}; "
                "rename one key"
            )
    return leaves


def nested(leaves: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The inverse of `flat_leaves` for plain dicts: splits names at "/".

    Raises ValueError if a name is also the start of others or has more than 100 parts, which JAX
    could not traverse.
    """
    root: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *branches, last = name.split("/")
        if len(branches) >= _DEEPEST:
            raise ValueError(f"a name has more than {_DEEPEST} parts: {shown(name)}")
        node = root
        for branch in branches:
            node = node.setdefault(branch, {})
            if not isinstance(node, dict):
                raise ValueError(f"{shown(branch)} names both an array and a group")
        if last in node:
            raise ValueError(f"{shown(name)} names both an array and a group")
        node[last] = leaf
    return root


def require_finite(leaves: Mapping[str, np.ndarray], source: str) -> None:
    """Raises UserError that names the first leaf with a NaN or infinity."""
    for name, leaf in leaves.items():
        bad = int(leaf.size - np.isfinite(leaf).sum())
        if bad:
            raise UserError(
                f"weights in {shown(source)} are not finite: {bad} of {leaf.size} values of "
                f"{shown(name)} are NaN or infinite; use weights from before training diverged"
            )


def shown(text: str | Path, longest: int = 120) -> str:
    """A text as messages show it: printable, on one line, cut where it gets too long."""
    text = printable(str(text)) or "''"
    return text if len(text) <= longest else f"{text[:longest]}…"


def reason(error: Exception) -> str:
    """The first line of what an exception says, or its type if it says nothing."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return shown(lines[0], longest=300) if lines else type(error).__name__
