"""The flags of the algorithms' own options, made from the registry: --ALGORITHM_OPTION."""

import re

from experiments.run.define import define
from metainr import algorithms


def _defined(algorithm: str, options: type) -> tuple[str, ...]:
    """Defines the flags of an algorithm's options, and returns their names."""
    helps = dict(re.findall(r"^ *(\w+): (.+)$", options.__doc__ or "", re.MULTILINE))
    return tuple(
        define(
            options, option, f"of --algorithm={algorithm}: {helps[option]}", f"{algorithm}_{option}"
        ).name
        for option in options._fields
    )


NAMES = {name: _defined(name, entry.options) for name, entry in algorithms.REGISTRY.items()}
