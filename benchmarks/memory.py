"""Scratch memory of an outer step by inner steps and by pixels; compiles, runs nothing.

python -m benchmarks.memory
"""

from collections.abc import Iterator, Mapping, Sequence

import jax
from absl import flags

from benchmarks import ours, recipe, shared_flags
from benchmarks.network_flags import network_setting
from benchmarks.programs import compile_program
from benchmarks.report import counted, number, report
from benchmarks.setting import Setting
from experiments import cli
from metainr.reporting.tables import NOTHING, Table

_D = Setting()
_CONTENDERS = ("ours, sgd", "ours, adam", "recipe, sgd")

SIDE = flags.DEFINE_integer("side", _D.side, "of the images where inner steps vary, in pixels", 1)
TASKS = flags.DEFINE_integer("tasks", _D.tasks, "images per outer step", 1)
INNER_STEPS = flags.DEFINE_integer(
    "inner_steps", _D.inner_steps, "inner steps per outer step where pixels vary", 1
)
STEPS = shared_flags.integers("steps", "1,2,4,8,16,32", "inner steps to compile for")
SIDES = shared_flags.integers("sides", "64,128,256,512,1024", "sides to compile for, in pixels")


def tables() -> Iterator[Table]:
    """Memory by inner steps, and by pixels."""
    base = network_setting()._replace(
        side=SIDE.value, tasks=TASKS.value, inner_steps=INNER_STEPS.value
    )
    about = (
        f"{counted(base.tasks, 'task')}, SIREN {base.depth} × {base.width}, MAML. MB, as compiled."
    )
    found = {n: _megabytes(base._replace(inner_steps=n)) for n in shared_flags.numbers(STEPS)}
    rows = [*_rows(found), ("weights per extra step", *_growth(found, base))]
    yield Table(
        "Scratch memory by inner steps",
        ("K", *_CONTENDERS),
        tuple(rows),
        f"{base.side}² pixels, {about} The last row is the growth between the last two K per inner "
        f"step, in sets of the field's weights ({_weights(base):.3f} MB).",
    )
    found = {n: _megabytes(base._replace(side=n)) for n in shared_flags.numbers(SIDES)}
    rows = _rows({f"{n}²": values for n, values in found.items()})
    note = f"K = {base.inner_steps} inner steps, {about}"
    yield Table("Scratch memory by pixels", ("pixels", *_CONTENDERS), tuple(rows), note)


def _megabytes(setting: Setting) -> Sequence[float]:
    """Scratch memory of every contender, in MB."""
    layers = recipe.layers(ours.first_params(setting))
    steps = (
        ours.make_step(setting),
        ours.make_step(setting._replace(inner_optimizer="adam")),
        recipe.make_step(setting, layers),
    )
    images = jax.ShapeDtypeStruct((setting.tasks, setting.side, setting.side, 3), "float32")
    return [compile_program(step, state, images).temp_bytes / 1e6 for step, state in steps]


def _rows(found):
    return [(str(n), *(number(value, 1) for value in values)) for n, values in found.items()]


def _growth(found: Mapping[int, Sequence[float]], setting: Setting) -> list[str]:
    """Growth between the last two numbers of steps, per step, in sets of weights."""
    if len(found) < 2:
        return [NOTHING] * len(_CONTENDERS)
    (few, less), (many, more) = sorted(found.items())[-2:]
    per_step = [(b - a) / (many - few) for a, b in zip(less, more)]
    return [number(value / _weights(setting), 2) for value in per_step]


def _weights(setting):
    """MB of one set of the field's weights."""
    return sum(x.nbytes for x in jax.tree.leaves(ours.first_params(setting))) / 1e6


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("memory", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
