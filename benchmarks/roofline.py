"""BOUNDS, not measurements: the least time that published peaks leave an outer step and a training.

    python -m benchmarks.roofline

A step takes no less than its matrix products at the chip's peak; sines, sums and updates count
nothing. Where activations go through the device's memory, it takes no less than these take, too.
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import shared_flags
from benchmarks.costs import StepCosts, costs_of, least_seconds
from benchmarks.published import CHIPS
from benchmarks.report import number, report
from experiments import cli
from metainr.reporting.tables import Table

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "image_regression/sdf": "images, as in Tancik et al., 4.1",
    "ct_reconstruction/phantoms": "CT, 4.2",
    "view_synthesis/chairs": "objects, 4.3",
    "phototourism/facade": "landmarks, 4.4",
}
SETTING = shared_flags.some_of("setting", [*SETTINGS], ",".join(SETTINGS), "flagfiles to bound")
CHIP = shared_flags.some_of("chip", [*CHIPS], ",".join(CHIPS), "devices")

_HEADER = (
    "chip", "products", "TFLOP/s at best", "ms of products", "ms of memory",
    "BOUND, h, chunks in fast memory", "BOUND, h, through memory",
)  # fmt: skip


def tables() -> Iterator[Table]:
    """A table for each setting."""
    for setting in SETTING.value:
        costs = _in_a_process(setting)
        rows = tuple(
            (name, kind, *_bounds(costs, rate, chip.gigabytes))
            for name, chip in CHIPS.items()
            if name in CHIP.value
            for kind, rate in chip.products.items()
        )
        note = (
            f"BOUND: no run is faster, none was measured. {costs.flops / 1e9:.0f} GFLOP and "
            f"{costs.moved_bytes / 1e9:.1f} GB of activations a step, "
            f"{costs.flops / costs.moved_bytes:.0f} FLOP a byte; {costs.steps} steps. "
            "TensorFloat-32 is for comparison: metainr does not use it. Sources: "
            + "; ".join(CHIPS[name].source for name in CHIP.value)
            + "."
        )
        yield Table(f"BOUND of {setting}: {SETTINGS[setting]}", _HEADER, rows, note)


def _bounds(costs: StepCosts, teraflops: float, gigabytes: float) -> tuple[str, ...]:
    products, memory = least_seconds(costs, teraflops, gigabytes)
    hours = [costs.steps * seconds / 3600 for seconds in (products, max(products, memory))]
    cells = (products * 1e3, memory * 1e3, *hours)
    return (number(teraflops, 1), *(number(x, 2) for x in cells))


def _in_a_process(setting: str) -> StepCosts:
    experiment, _, _ = setting.partition("/")
    path = ROOT / f"experiments/flags/{setting}.flags"
    fresh = multiprocessing.get_context("spawn")  # flags are a process' own
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(costs_of, experiment, [f"--flagfile={path}"]).result()


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("roofline", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
