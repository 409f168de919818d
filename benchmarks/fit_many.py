"""Fields fitted per second from one init: metainr beside a plain `jit(vmap(loop))`.

python -m benchmarks.fit_many --sets=64x64,1024x64,64x178 --steps=5
"""

import re
from collections.abc import Iterator

from absl import flags

from benchmarks import comparison, shared_flags
from benchmarks.comparison import compare
from benchmarks.fit_contenders import fit_contenders
from benchmarks.flops import fit_flops
from benchmarks.network_flags import network_setting
from benchmarks.report import number, report
from experiments import cli
from metainr.numerics.peak import matmul_peak
from metainr.reporting.tables import Table

_SETS = "64x64,1024x64,64x178"

ROUNDS = shared_flags.rounds(5)
SETS = flags.DEFINE_list("sets", _SETS, "NUMBERxSIDE of images to fit")
STEPS = flags.DEFINE_integer("steps", 5, "steps of gradient descent on each image", 1)
SLOTS = flags.DEFINE_integer("slots", 8, "images that metainr fits side by side", 1)
flags.register_validator(
    "sets",
    lambda sets: bool(sets) and all(re.fullmatch(r"[1-9]\d*x[1-9]\d*", text) for text in sets),
    message=f"give NUMBERxSIDE of images, such as {_SETS}",
)


def tables() -> Iterator[Table]:
    """One table: every contender on every set of images."""
    peak, rounds = matmul_peak(), ROUNDS.value
    rows = []
    for text in SETS.value:
        num, side = map(int, text.split("x"))
        setting = network_setting()._replace(side=side)
        flops = num * fit_flops(setting, STEPS.value)
        contenders = fit_contenders(setting, num, STEPS.value, SLOTS.value)
        for measured in compare(contenders, rounds):
            rate = None if measured.seconds is None else num / measured.seconds
            cells = comparison.cells(measured, flops, peak)
            rows.append((f"{num} of {side}²", *cells, number(rate, 2)))
    header = ("images", *comparison.HEADER, "fields/s")
    note = (
        f"{comparison.note(rounds, peak)} {STEPS.value} steps of gradient descent, "
        f"SIREN {setting.depth} × {setting.width}; ours fits {SLOTS.value} images side by side, "
        "vmap all at once or the largest power of two that fits."
    )
    yield Table("Fits from one init", header, tuple(rows), note)


def main() -> None:
    """Prints the table, and records it if asked to."""
    report("fit_many", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
