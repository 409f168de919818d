"""Inits that were fitted, kept in a folder: another evaluation of the same run finds them there."""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from metainr import __version__
from metainr.errors import UserError
from metainr.types import Params, Support
from metainr.weights import load_metadata, load_weights, match_structure, save_weights

Fit = tuple[Params, float]
"""Weights, and what is left of their loss."""

_OF, _ERROR = "fitted_of", "fit_error"


Keep = Callable[[str, Params, Support, Callable[[], Fit]], Fit]
"""(name, start, support, make) -> the fit of an init: a kept one, or what `make()` makes."""


def keep_none(name: str, start: Params, support: Support, make: Callable[[], Fit]) -> Fit:
    """Makes every fit."""
    return make()


def keep_in(folder: Path) -> Keep:
    """Keeps each fit in a file of its name, with a digest of what it started from and aimed at."""

    def keep(name, start, support, make):
        path, digest = folder / f"{name}.safetensors", _digest((start, support))
        with contextlib.suppress(UserError, KeyError, ValueError):  # none yet, or damaged
            told = load_metadata(path)
            if told[_OF] == digest:
                return match_structure(load_weights(path), start, str(path)), float(told[_ERROR])
        params, error = make()
        save_weights(path, params, {_OF: digest, _ERROR: repr(error)})
        return params, error

    return keep


def _digest(tree):
    found = hashlib.sha256(__version__.encode())
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()
