"""Fields fitted to values, gradients and Laplacians: seconds of a step's loss and gradient.

python -m benchmarks.derivatives --side=256
"""

from collections.abc import Iterator

from absl import flags

from benchmarks import comparison, shared_flags
from benchmarks.comparison import compare
from benchmarks.derivative_contenders import KINDS, flops, make_contenders
from benchmarks.network_flags import network_setting
from benchmarks.report import report
from experiments import cli
from metainr.numerics.peak import matmul_peak
from metainr.reporting.tables import Table

ROUNDS = shared_flags.rounds(5)
SIDE = flags.DEFINE_integer("side", 256, "points per axis", 2)
KIND = shared_flags.some_of("kind", KINDS, ",".join(KINDS), "what to supervise")


def tables() -> Iterator[Table]:
    """One table, of a loss of each kind."""
    setting, peak, rows = network_setting()._replace(side=SIDE.value), matmul_peak(), []
    for kind in KIND.value:
        for measured in compare(make_contenders(setting, kind), ROUNDS.value):
            rows.append((kind, *comparison.cells(measured, flops(setting, kind), peak)))
    note = (
        f"{comparison.note(ROUNDS.value, peak)} GFLOP/s: by the operations that ours needs. "
        f"SIREN {setting.depth} × {setting.width} with one value, {setting.side}² points."
    )
    yield Table("Supervised by derivatives", ("loss of", *comparison.HEADER), tuple(rows), note)


def main() -> None:
    """Prints the table, and records it if asked to."""
    report("derivatives", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
