"""matplotlib, which draws our figures into files and needs no window for them."""

import contextlib
import os
import sys
from types import ModuleType


def matplotlib() -> ModuleType:
    """The library, also where MPLBACKEND names no window that it knows, for which it would fail."""
    window = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if window is not None:
        os.environ["MPLBACKEND"] = window
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = window
    return matplotlib
