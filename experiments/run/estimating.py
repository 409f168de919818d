"""What a run will take on this machine, measured on a few of its steps."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
from absl import flags

from experiments.config import Config
from metainr.evaluation.fitting import make_evaluate
from metainr.evaluation.tuning import candidates
from metainr.json_files import read_json
from metainr.keys import branch
from metainr.reporting.frame import duration
from metainr.reporting.tables import counted
from metainr.runs.fits import make_contenders
from metainr.runs.inits import standard_init
from metainr.runs.learning import learn
from metainr.runs.options import Machine
from metainr.runs.problem import Problem, Setting
from metainr.training.data import first_signals
from metainr.training.instruments import INSTRUMENTS
from metainr.types import Contender

ESTIMATE = flags.DEFINE_bool("estimate", False, "say what the run will take, and end")
_STEPS = 4


def estimate(problem: Problem, config: Config, machine: Machine) -> Iterator[str]:
    """Lines on the time of the training and of the comparison, and on memory.

    It takes a few outer steps and fits one test signal for a few steps in each setting, from random
    weights. What it writes is removed. Coarse steps count as whole ones.
    """
    num_inits, total = len(config.test.inits) + len(config.run.rivals), 0.0
    if config.run.learns:
        told, trainings = _learned(problem, config, machine), _num_trainings(config)
        seconds = config.outer.train_steps / told["steps_per_second"]
        total += trainings * seconds
        several = f"{trainings} trainings of " if trainings > 1 else ""
        yield (
            f"training: {several}{config.outer.train_steps} steps of "
            f"{1 / told['steps_per_second']:.2g} s, {duration(seconds)}; a step needs "
            f"{told['step_memory_bytes'] / 1e9:.2g} GB"
        )
    else:
        trainings = 1
        if not config.run.init:
            there = {"standard", "mean"} if problem.signals.sizes["train"] else {"standard"}
            unlearned = there & set(config.test.inits)
            num_inits = len(config.run.networks) or len(unlearned)
    for name, setting in problem.settings.items():
        seconds = trainings * num_inits * _compared(problem, setting, config, machine)
        total += seconds
        label = "comparison" if name == "default" else f"comparison, {name}"
        yield (
            f"{label}: {counted(config.test.num_test, 'signal')} from "
            f"{counted(num_inits, 'init')}, "
            f"{setting.steps[-1]} steps each, {duration(seconds)}"
        )
    yield f"in all: {duration(total)}, and what compiling takes"


def _num_trainings(config):
    counts = config.run.train_signals or (None,)
    return config.run.seeds * sum(count != 0 for count in counts)


def _learned(problem, config, machine):
    """What the instruments say of a few outer steps."""
    few = {"train_steps": _STEPS, "eval_every": _STEPS, "checkpoint_every": _STEPS}
    outer = config.outer._replace(**few, coarse_steps=0, profile=False)
    test = config.test._replace(num_validation=1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        learn(problem, config.learner, outer, test, config.run.seed, folder, config.record, machine)
        return read_json(folder / INSTRUMENTS, "run the same command again")


def _compared(problem: Problem, setting: Setting, config: Config, machine: Machine) -> float:
    """Seconds that the comparison takes for one init."""
    root = jax.random.key(config.run.seed)
    init = standard_init(problem.field, config.test.baseline, root)
    (contender,) = make_contenders(
        {"standard": init}, problem.field, setting.objective, machine
    ).values()
    signals = first_signals(problem.signals, "test", 1)
    evaluate = make_evaluate(setting.make_task, setting.score, setting.view)

    def seconds(num_steps: int) -> float:
        took = []
        for _ in range(2):  # the first compiles
            began = time.perf_counter()
            evaluate(contender, signals, (num_steps,), branch(root, "test"))
            took.append(time.perf_counter() - began)
        return took[-1]

    few, more = seconds(1), seconds(1 + _STEPS)
    step = max(more - few, 0) / _STEPS
    measured = config.test.num_test * (len(setting.steps) * few + setting.steps[-1] * step)
    return measured + _trials(contender, problem, config) * (few + setting.match_step * step)


def _trials(contender: Contender, problem: Problem, config: Config) -> int:
    """Fits of validation signals that tuning takes."""
    if not config.test.tune:
        return 0
    return config.test.num_validation * len(candidates(contender, problem.rates))
