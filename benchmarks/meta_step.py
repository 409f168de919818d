"""Seconds of an outer step: metainr beside the published recipe and PyTorch.

python -m benchmarks.meta_step --part=default,steps,sides,algorithms
"""

from collections.abc import Iterator, Mapping

from absl import flags

from benchmarks import comparison, differences, shared_flags
from benchmarks.comparison import OURS, Contender, compare
from benchmarks.flops import step_flops
from benchmarks.network_flags import network_setting
from benchmarks.report import counted, report
from benchmarks.setting import Setting
from benchmarks.step_contenders import step_contenders
from experiments import cli
from metainr.numerics.peak import matmul_peak
from metainr.reporting.tables import NOTHING, Table

_D = Setting()
_PARTS = ("default", "steps", "sides", "algorithms")

ROUNDS = shared_flags.rounds(5)
PART = shared_flags.some_of("part", _PARTS, "default", "tables to make")
SIDE = flags.DEFINE_integer("side", _D.side, "of the images, in pixels", 1)
TASKS = flags.DEFINE_integer("tasks", _D.tasks, "images per outer step", 1)
INNER_STEPS = flags.DEFINE_integer("inner_steps", _D.inner_steps, "inner steps per outer step", 1)
STEPS = shared_flags.integers("steps", "1,2,4,8,16,32", "inner steps of the part `steps`")
SIDES = shared_flags.integers("sides", "64,178,256,512,1024", "sides of the part `sides`")
OTHERS_MAX_GFLOP = flags.DEFINE_float(
    "others_max_gflop", 7000, "run the others only where an outer step counts no more than this", 0
)
CHECK = flags.DEFINE_bool("check", False, "compare meta-gradients in float64 too, at a small size")


def tables() -> Iterator[Table]:
    """Measures what the flags ask for."""
    base = network_setting()._replace(
        side=SIDE.value, tasks=TASKS.value, inner_steps=INNER_STEPS.value
    )
    if "default" in PART.value:
        yield _comparison("An outer step", "", {"": base})
        yield _agreement(base, "float32")
    if CHECK.value:
        yield _agreement(base._replace(side=16, width=32), "float64")
    if "steps" in PART.value:
        settings = {str(n): base._replace(inner_steps=n) for n in shared_flags.numbers(STEPS)}
        yield _comparison("By inner steps", "K", settings)
    if "sides" in PART.value:
        settings = {str(n): base._replace(side=n) for n in shared_flags.numbers(SIDES)}
        yield _comparison("By image size", "side", settings)
    if "algorithms" in PART.value:
        names = ("maml", "first_order_maml", "reptile")
        settings = {name: base._replace(algorithm=name) for name in names}
        yield _comparison("By algorithm", "algorithm", settings)


def _comparison(title: str, label: str, settings: Mapping[str, Setting]) -> Table:
    """All contenders in some settings that differ in `label`; in one alone if there is no label."""
    peak, rows = matmul_peak(), []
    for name, setting in settings.items():
        flops = step_flops(setting)
        contenders = step_contenders(setting, variants=not label)
        for measured in compare(_within_limit(contenders, flops), ROUNDS.value):
            row = comparison.cells(measured, flops, peak)
            rows.append((name, *row) if label else row)
    header = (label, *comparison.HEADER) if label else comparison.HEADER
    about = _described(next(iter(settings.values())), label)
    note = (
        f"{comparison.note(ROUNDS.value, peak)} Of PyTorch it is what autograd keeps, "
        f"as predicted. {about}"
    )
    return Table(title, header, tuple(rows), note)


def _within_limit(contenders: Mapping[str, Contender], flops: float) -> dict[str, Contender]:
    """The contenders, the others than ours without their run where it would take too long."""
    if flops <= 1e9 * OTHERS_MAX_GFLOP.value:
        return dict(contenders)
    note = f"not run ({flops / 1e9:.0f} GFLOP)"
    return {
        name: c if name.startswith(OURS) or c.run is None else c._replace(run=None, note=note)
        for name, c in contenders.items()
    }


def _described(setting, label=""):
    """The setting in words, without what the table varies."""
    parts = {
        "side": f"{setting.side}² pixels",
        "K": f"K = {setting.inner_steps} inner steps",
        "algorithm": setting.algorithm,
        "": f"{counted(setting.tasks, 'task')}, SIREN {setting.depth} × {setting.width}",
    }
    return ", ".join(text for name, text in parts.items() if not name or name != label) + "."


def _agreement(setting, dtype):
    """How far contenders' meta-gradients are from the recipe's."""
    found = differences.largest_differences(setting, dtype)
    rows = tuple((name, NOTHING if x is None else f"{x:.1e}") for name, x in found.items())
    header = ("contender", "‖g − g_recipe‖ / ‖g_recipe‖, largest over leaves")
    return Table(f"Meta-gradients, {dtype}", header, rows, _described(setting))


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("meta_step", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
