"""The flags that benchmarks share, and lists of choices and numbers as flags."""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

RECORD = flags.DEFINE_bool("record", False, "append the tables to --results")
RESULTS = flags.DEFINE_string("results", "benchmarks/RESULTS.md", "file that --record appends to")


def results_file() -> Path | None:
    """The file to append tables to, None if the flags want none."""
    return Path(RESULTS.value) if RECORD.value else None


def rounds(default: int) -> flags.FlagHolder[int]:
    """Defines the flag of how often contenders are timed."""
    return flags.DEFINE_integer("rounds", default, "times that each is timed, in turns", 1)


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
