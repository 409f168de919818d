"""The flags that benchmarks share, and the setting that they describe."""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from benchmarks.setting import Setting

_D = Setting()

ROUNDS = flags.DEFINE_integer("rounds", 5, "times that every contender is timed, in turns", 1)
RECORD = flags.DEFINE_bool("record", False, "append the tables to --results")
RESULTS = flags.DEFINE_string("results", "benchmarks/RESULTS.md", "file that --record appends to")
WIDTH = flags.DEFINE_integer("width", _D.width, "hidden units per layer", 1)
DEPTH = flags.DEFINE_integer("depth", _D.depth, "linear layers, the last one included", 2)
OMEGA = flags.DEFINE_float("omega", _D.omega, "frequency of the SIREN, radians per unit", 1e-6)


def results_file() -> Path | None:
    """The file to append tables to, None if the flags want none."""
    return Path(RESULTS.value) if RECORD.value else None


def field_setting() -> Setting:
    """The default setting with the network that the flags describe."""
    return Setting(width=WIDTH.value, depth=DEPTH.value, omega=OMEGA.value)


def some_of(
    name: str, choices: Sequence[str], default: str, meaning: str
) -> flags.FlagHolder[list[str]]:
    """Defines a flag of some of the choices, separated by commas."""
    holder = flags.DEFINE_list(name, default, f"{meaning}: some of {','.join(choices)}")
    _require(name, lambda text: text in choices, f"give some of {','.join(choices)}")
    return holder


def integers(name: str, default: str, meaning: str) -> flags.FlagHolder[list[str]]:
    """Defines a flag of positive whole numbers; `numbers` reads it."""
    holder = flags.DEFINE_list(name, default, meaning)
    message = f"give whole numbers from 1 on, such as {default}"
    _require(name, lambda text: text.isdigit() and int(text) > 0, message)
    return holder


def numbers(holder: flags.FlagHolder[list[str]]) -> list[int]:
    """The values of a flag that `integers` defined."""
    return [int(text) for text in holder.value]


def _require(name, is_valid, message):
    flags.register_validator(
        name, lambda texts: bool(texts) and all(map(is_valid, texts)), message=message
    )
