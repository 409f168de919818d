"""What limits a CPU: products by layout and precision, elementary functions, and what an outer
step spends on both.

python -m benchmarks.products
"""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from absl import flags

from benchmarks import kernels, ours, shared_flags, torch_recipe
from benchmarks.report import number, report
from benchmarks.setting import Setting, make_images
from benchmarks.timing import alternate
from experiments import cli
from metainr.reporting.tables import NOTHING, Table

_FORWARD = kernels.PRODUCTS[0]
_WAYS = (*kernels.DOTS, *kernels.TORCH_DOTS)
_PAIR = "sin + cos, metainr's"
# In a gradient, and in a Hessian-vector product.
_PER_LAYER = {"x @ W": (1, 3), "g @ Wᵀ": (1, 3), "xᵀ @ g": (1, 2)}

Runs = dict[tuple[str, str], kernels.Run]
Maker = Callable[[str, Any], kernels.Run]

WIDTH = flags.DEFINE_integer("width", 256, "units of the layer", 1)
ROWS = flags.DEFINE_integer("rows", 1024, "points of a chunk", 1)
CHUNKS = flags.DEFINE_integer("chunks", 31, "chunks; 31 of 1024 points are an image of 178²", 1)
SQUARES = shared_flags.integers("squares", "1024,2048", "sizes of square matrices to multiply")
ROUNDS = shared_flags.rounds(20)  # of milliseconds each


def tables() -> Iterator[Table]:
    """Products, elementary functions, and an outer step of MAML as the sum of them."""
    shape = kernels.Shape(CHUNKS.value, ROWS.value, WIDTH.value)
    operands = kernels.make_operands(shape)
    flops = 2 * shape.chunks * shape.rows * shape.width**2
    about = (
        f"Medians of {ROUNDS.value} rounds over {shape.chunks} chunks of "
        f"{shape.rows} points, {shape.width} units wide."
    )
    yield _products(operands, flops, about)
    yield _functions(operands, about)
    yield _step(operands)


def _products(operands: kernels.Operands, flops: int, about: str) -> Table:
    """GFLOP/s of every product, multiplied in every way there is."""
    sizes = {f"square, {size}": size for size in shared_flags.numbers(SQUARES)}
    counts = dict.fromkeys(kernels.PRODUCTS, flops)
    counts |= {name: 2 * size**3 for name, size in sizes.items()}
    runs = _in_all_ways(
        kernels.PRODUCTS,
        lambda name, dot: kernels.jax_product(name, dot, operands),
        lambda name, bf16: kernels.torch_product(name, bf16, operands),
    ) | _in_all_ways(
        sizes,
        lambda name, dot: kernels.jax_square(dot, sizes[name]),
        lambda name, bf16: kernels.torch_square(bf16, sizes[name]),
    )
    seconds = _medians(runs)

    def rate(product, way):
        took = seconds.get((product, way))
        return number(took and counts[product] / took / 1e9)

    rows = [(product, *(rate(product, way) for way in _WAYS)) for product in counts]
    rounding = {name: kernels.rounding(dot, operands) for name, dot in kernels.DOTS.items()}
    shown = (f"{rounding[way]:.0e}" if way in rounding else NOTHING for way in _WAYS)
    rows.append((f"rounding of {_FORWARD}", *shown))
    note = (
        f"{about} x, g: activations and their cotangents [{ROWS.value}, width]; xt, gt: the same, "
        "lying transposed in memory. bf16: float32 factors are cast within the timed program, sums "
        "are in float32 (PyTorch: the result is bf16). PyTorch's dash: not installed. Rounding: "
        "‖result − exact‖ / ‖exact‖; a bf16 way that rounds like float32 was not followed."
    )
    return Table("Products, GFLOP/s", ("product", *_WAYS), tuple(rows), note)


def _in_all_ways(names: Iterable[str], jax_run: Maker, torch_run: Maker) -> Runs:
    """The runs of some products by (product, way), PyTorch's only where it is installed."""
    runs = {(n, way): jax_run(n, dot) for n in names for way, dot in kernels.DOTS.items()}
    if torch_recipe.is_installed():
        ways = kernels.TORCH_DOTS.items()
        runs |= {(n, way): torch_run(n, bf16) for n in names for way, bf16 in ways}
    return runs


def _functions(operands: kernels.Operands, about: str) -> Table:
    """Milliseconds of elementary functions of as many values as one product gives."""
    runs = {_FORWARD: kernels.jax_product(_FORWARD, kernels.DOTS["float32"], operands)}
    for name, function in kernels.FUNCTIONS.items():
        runs[name] = kernels.jax_function(function, operands)
    seconds = _medians(runs)
    rows = tuple(
        (name, number(1e3 * took, 2), number(took / seconds[_FORWARD], 2))
        for name, took in seconds.items()
    )
    note = f"{about} `2 x` shows what reading and writing takes."
    return Table("Elementary functions, float32", ("function", "ms", f"× {_FORWARD}"), rows, note)


def _step(operands: kernels.Operands) -> Table:
    """What an outer step takes, beside its hidden layers' products and its sines alone."""
    side = math.isqrt(CHUNKS.value * ROWS.value)
    setting = Setting(side=side, width=WIDTH.value)
    step, state = ours.make_step(setting)
    images = jnp.asarray(make_images(setting.tasks, side))

    def whole():
        nonlocal state
        state, _ = jax.block_until_ready(step(state, images))

    dot, pair = kernels.DOTS["float32"], kernels.FUNCTIONS[_PAIR]
    runs = {name: kernels.jax_product(name, dot, operands) for name in _PER_LAYER}
    seconds = _medians(runs | {_PAIR: kernels.jax_function(pair, operands), "whole": whole})
    points = setting.tasks * setting.num_points / (CHUNKS.value * ROWS.value)
    gradients, products = setting.inner_steps + 1, setting.inner_steps

    def row(name, times):
        took = points * times * seconds[name]
        return name, number(times), number(took, 3), number(100 * took / seconds["whole"])

    hidden = setting.depth - 2
    rows = [
        row(name, hidden * (gradients * in_gradient + products * in_product))
        for name, (in_gradient, in_product) in _PER_LAYER.items()
    ]
    rows.append(row(_PAIR, (setting.depth - 1) * (gradients + products)))
    rows.append(("whole step", NOTHING, number(seconds["whole"], 3), "100"))
    note = (
        f"{side}² pixels, K = {setting.inner_steps} inner steps of MAML, {setting.tasks} "
        f"tasks, SIREN {setting.depth} × {setting.width}; medians of {ROUNDS.value} rounds. Times: "
        "of a pass over the points of all tasks. A gradient takes one product of each kind in each "
        "hidden layer, a Hessian-vector product 3, 3 and 2, since activations are computed again. "
        "Not in the sum: first and last layer, sums over chunks, updates."
    )
    return Table(
        "An outer step and its parts", ("part", "times", "seconds", "%"), tuple(rows), note
    )


def _medians(runs: Mapping[Any, kernels.Run]) -> dict[Any, float]:
    seconds = alternate(runs, ROUNDS.value)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("products", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
