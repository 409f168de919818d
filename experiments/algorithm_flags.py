"""The flags of the algorithms' own options, made from the registry: --ALGORITHM_OPTION."""

import re
from types import SimpleNamespace

from absl import flags

from metainr import algorithms

_DEFINE = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def _defined(algorithm: str, options: type) -> tuple[str, ...]:
    """Defines the flags of an algorithm's options, and returns their names."""
    helps = dict(re.findall(r"^ *(\w+): (.+)$", options.__doc__ or "", re.MULTILINE))
    names = []
    for option, default in options._field_defaults.items():
        names.append(f"{algorithm}_{option}")
        text = f"of --algorithm={algorithm}: {helps[option]}"
        _DEFINE[type(default)](names[-1], default, text)
    return tuple(names)


NAMES = {name: _defined(name, entry.options) for name, entry in algorithms.REGISTRY.items()}


def options_of(algorithm: str, config: SimpleNamespace) -> tuple:
    """The options of an algorithm as the flags have them; where they lack some, its defaults."""
    options = algorithms.REGISTRY[algorithm].options
    given = [name for name in NAMES[algorithm] if hasattr(config, name)]
    return options(**{name.removeprefix(f"{algorithm}_"): getattr(config, name) for name in given})
