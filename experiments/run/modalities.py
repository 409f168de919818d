"""Transfer between modalities: hidden layers of one kind of signals in fields of another."""

from collections.abc import Sequence
from typing import Any

import jax

from experiments.config import make_field
from experiments.run import shared_flags
from experiments.run.finished import FinishedRun
from experiments.run.machine import make_machine
from metainr.errors import UserError
from metainr.evaluation.baselines import shuffled
from metainr.keys import branch
from metainr.reporting.modalities import modal_rows
from metainr.runs.comparison import compare
from metainr.runs.inits import Init, plain_init, standard_params, start_params
from metainr.weights import hidden_layers, with_layers

_SHARED = ("field", "width", "depth", "omega", "sigma", "activation")


def check_hidden(runs: Sequence[FinishedRun]) -> list[str]:
    """Names of the hidden layers of all runs. Raises UserError if they differ or there are none."""
    first, *others = runs
    for run in others:
        for flag in _SHARED:
            own, given = run.config.record[flag], first.config.record[flag]
            if own != given:
                raise UserError(
                    f"hidden layers differ: {first.path} has --{flag}={given} and {run.path} has "
                    f"--{flag}={own}; learn one of them again with the other's --{flag}"
                )
    names = hidden_layers(lambda d, c: make_field(first.config.field, d, c))
    if not names:
        raise UserError(
            f"{first.path} has --depth={first.config.record['depth']}, which leaves no hidden "
            "layers between the first and the last; learn with --depth=3 or more"
        )
    return names


def transferred(runs: Sequence[FinishedRun]) -> dict[str, Any]:
    """What transfer.json holds of inits that are tested on one another's signals.

    Every column is a run's own test, after as many steps as it compares inits at. Its rows: the
    hidden layers of each run, and these shuffled, between a first and a last layer of the column's
    random weights; those weights themselves; and the column's own init as a whole.

    Raises UserError if hidden layers differ, or a test does not measure PSNR.
    """
    layers, names = check_hidden(runs), _names(runs)
    columns, cells, counts = [], [], set()
    for name, run in zip(names, runs):
        step, count, found = _column(run, runs, layers)
        columns.append(f"{name}, step {step}")
        cells.append(found)
        counts.add(count)
    rows = modal_rows(names)
    return {
        "kind": "modalities",
        "num_test": counts.pop() if len(counts) == 1 else None,
        "step": None,
        "rows": rows,
        "columns": columns,
        "mean": [[cell[row][0] for cell in cells] for row in range(len(rows))],
        "stderr": [[cell[row][1] for cell in cells] for row in range(len(rows))],
    }


def _names(runs):
    names = [run.class_name for run in runs]
    alike = len(set(names)) < len(names)
    return [f"{run.experiment.name} {name}" if alike else name for run, name in zip(runs, names)]


def _column(target, runs, layers):
    """(step, number of signals, (mean, standard error) of each row) of the test of a run."""
    config, root = target.config, jax.random.key(shared_flags.SEED.value)
    machine = make_machine(config)
    problem = target.experiment.build(config, machine.summation)
    setting = next(iter(problem.settings.values()))
    setting = setting._replace(steps=(0, setting.match_step))
    standard, baseline = standard_params(problem.field, root), config.test.baseline

    def moved(source):
        return plain_init(with_layers(standard, source, layers), baseline)

    inits: dict[str, Init] = {}
    for i, run in enumerate(runs):
        params = start_params(run.field, run.init)
        hidden = {name: params[name] for name in layers}
        inits[f"hidden-{i}"] = moved(hidden)
        inits[f"shuffled-{i}"] = moved(shuffled(hidden, branch(root, "shuffle")))
    inits |= {"standard": plain_init(standard, baseline), "meta": target.init}
    test = config.test._replace(
        num_test=min(shared_flags.NUM_TEST.value, problem.signals.sizes["test"]),
        num_validation=shared_flags.NUM_VALIDATION.value,
        tune=shared_flags.TUNE.value,
        finish=None,
    )
    entries = compare(problem, setting, inits, test, root, machine).entry["inits"]
    metrics = [entries[name]["metrics"] for name in inits]
    if "psnr" not in metrics[0]:
        raise UserError(
            f"{target.path} is tested without PSNR, in which modalities are compared; leave it out"
        )
    found = [(m["psnr"]["mean"][-1], m["psnr"]["stderr"][-1]) for m in metrics]
    return setting.match_step, test.num_test, found
