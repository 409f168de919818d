"""Algorithms compared by one protocol: equal compute, equal tuning, the same signals and seeds.

For every class of --classes, each of --algorithms learns for as much compute as MAML takes for
--train_steps. Its inner and outer rates are tuned first, over --trials pairs of rates, by
validation signals and for --trial_share of the compute each. With the best pair it learns for every
one of --seeds. Test signals are then fitted from what it learned, optimizer and rate of these fits
being tuned on validation, too.

    python -m experiments.algorithms --flagfile=experiments/flags/algorithms/quickstart.flags \
        --workdir=runs/algorithms

A class such as sdf+text is a mixture, of which all are tested on its members, too. With
--leave_one_out each of the classes is left out in turn: they learn on the others and are tested on
it.

Writes algorithms.json, algorithms.md, figures/ and report.html. The same command goes on with what
is missing; with --minutes it stops in between, and reports what there is.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, image_regression, spine
from experiments.config import Config
from experiments.images.image_flags import ImageFiles
from experiments.protocol.budget import FACTORS, equal_steps, needed_field
from experiments.protocol.pieces import Clock, OutOfTimeError, Piece, found
from experiments.protocol.protocol_options import ProtocolOptions, learned_classes
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.machine import make_machine
from experiments.run.reading import changed, made
from metainr.devices import check_devices
from metainr.errors import UserError
from metainr.evaluation.fitting import make_evaluate
from metainr.json_files import read_json
from metainr.keys import branch
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.algorithms import algorithm_tables, write_algorithms_report
from metainr.runs.comparison import compare
from metainr.runs.fits import make_contenders
from metainr.runs.inits import Init, make_inits
from metainr.runs.learners import make_algorithm
from metainr.runs.options import Machine
from metainr.runs.problem import Problem, spread_steps
from metainr.training.data import first_signals
from metainr.training.instruments import INSTRUMENTS
from metainr.training.metrics import validations
from metainr.training.workdir import environment

_OWN = (
    define(ProtocolOptions, "algorithms", "that are compared"),
    define(ProtocolOptions, "classes", "of images, each a comparison of its own"),
    define(ProtocolOptions, "transfer", "class that none learns from, to test on, too"),
    define(ProtocolOptions, "leave_one_out", "learn on all classes but one, test on that, in turn"),
    define(ProtocolOptions, "trials", "pairs of rates that each algorithm is tuned over"),
    define(ProtocolOptions, "trial_share", "of the training compute, for each trial"),
    define(ProtocolOptions, "minutes", "after which no further piece of work begins"),
)
flags.adopt_module_key_flags(shared_flags)

_UNUSED = {
    "signal": "give --classes",
    "algorithm": "give --algorithms",
    **dict.fromkeys(("init", "rivals", "networks"), "leave it out"),
    **dict.fromkeys(("train_signals", "tune", "coarse_steps"), "leave it out"),
}


class Entrant(NamedTuple):
    """An algorithm on a class: its configuration, whose steps cost what MAML's do.

    others: classes that it is tested on, too.
    """

    name: str
    others: tuple[str, ...]
    config: Config[ImageFiles]
    problem: Problem
    machine: Machine
    step_flops: int


def main() -> None:
    """Does what is missing, and reports."""
    check_devices()
    config = shared_flags.configuration(image_regression.EXPERIMENT)
    for name, remedy in _UNUSED.items():
        if name in config.run.given:
            raise UserError(f"--{name} has no part here; {remedy}")
    options = made(ProtocolOptions, {holder.name: holder.value for holder in _OWN})
    workdir = Path(config.run.workdir)
    seconds = None if options.minutes is None else 60 * options.minutes
    classes = learned_classes(options)
    num_seeds = config.run.seeds
    per_class = len(options.algorithms) * (options.trials + num_seeds) + num_seeds
    clock = Clock(time.perf_counter(), seconds, len(classes) * per_class)
    entrants = [
        _entrant(name, others, algorithm, config)
        for name, others in classes.items()
        for algorithm in options.algorithms
    ]
    results, missing = {name: {} for name in classes}, None
    for other in dict.fromkeys(other for others in classes.values() for other in others):
        # Told now, not after the training.
        _checked(changed(image_regression.EXPERIMENT, config, signal=other))
    for entrant in entrants:
        try:
            found_of = _results(entrant, options, workdir, clock)
            results[entrant.config.run.signal][entrant.config.learner.algorithm] = found_of
        except OutOfTimeError as error:
            missing = missing or str(error)
    for name in classes:
        try:
            pieces = [_baselines(name, config, seed) for seed in _seeds(config)]
            runs = [found(piece, workdir, clock)["inits"] for piece in pieces]
            for init in runs[0]:
                results[name][init] = {"runs": [{"inits": run[init]} for run in runs]}
        except OutOfTimeError as error:
            missing = missing or str(error)
    if not any(results.values()):
        raise UserError(f"--minutes={options.minutes:g} is too short for {missing}; give more")
    record = {
        "experiment": "algorithms",
        "steps": list(spread_steps(config.run.test_steps)),
        "classes": {name: found for name, found in results.items() if found},
        "num_test": config.test.num_test,
        "seconds": {"total": time.perf_counter() - clock.began},
        "config": {**config.record, **options._asdict()},
        "environment": environment(),
    }
    write_json(workdir / "algorithms.json", record)
    for table in algorithm_tables(record):
        say(to_text(table))
    say(f"report: {write_algorithms_report(workdir)[-1]}")
    if missing:
        say(f"not yet done: {missing} and what follows; run the same command again to go on")


def _checked(config):
    """The problem of a class. Raises UserError if it has too few test signals, or is none."""
    problem = image_regression.build(config, make_machine(config).summation)
    if config.test.num_test > problem.signals.sizes["test"]:
        raise UserError(
            f"--num_test={config.test.num_test} is more than the "
            f"{problem.signals.sizes['test']} test signals of {config.run.signal}; give fewer"
        )
    return problem


def _entrant(signal, others, algorithm, config):
    own = changed(
        image_regression.EXPERIMENT,
        config,
        signal=signal,
        algorithm=algorithm,
        field=needed_field(algorithm, config.field.name),
    )
    machine = make_machine(own)
    problem = _checked(own)
    steps, step_flops = equal_steps(problem, own, machine)
    # As many validations as MAML has.
    every = max(1, round(own.outer.eval_every * steps / own.outer.train_steps))
    own = changed(image_regression.EXPERIMENT, own, train_steps=steps, eval_every=every)
    return Entrant(f"{signal}/{algorithm}", others, own, problem, machine, step_flops)


def _seeds(config):
    return range(config.run.seed, config.run.seed + config.run.seeds)


def _results(
    entrant: Entrant, options: ProtocolOptions, workdir: Path, clock: Clock
) -> dict[str, Any]:
    """What was found of an algorithm, by all seeds."""
    trials = [
        found(_trial(entrant, options, number), workdir, clock) for number in range(options.trials)
    ]
    best = int(np.argmax([trial["psnr"] for trial in trials]))
    seeds = _seeds(entrant.config)
    runs = [found(_run(entrant, best, seed), workdir, clock) for seed in seeds]
    return {"trials": trials, "best": best, "runs": runs}


def _with_rates(entrant, trial, **values):
    inner, outer = FACTORS[trial]
    return changed(
        image_regression.EXPERIMENT,
        entrant.config,
        inner_learning_rate=inner * entrant.config.learner.inner.learning_rate,
        outer_learning_rate=outer * entrant.config.outer.learning_rate,
        **values,
    )


def _trial(entrant, options, number):
    steps = max(1, round(options.trial_share * entrant.config.outer.train_steps))
    config = _with_rates(entrant, number, train_steps=steps)

    def work(folder):
        problem = entrant.problem
        learned = spine.learned_init(problem, config, folder, entrant.machine)
        setting = problem.settings["default"]
        evaluate = make_evaluate(setting.make_task, setting.score, setting.view)
        contenders = make_contenders(
            {"meta": learned}, problem.field, setting.objective, entrant.machine
        )
        signals = first_signals(problem.signals, "validation", config.test.num_validation)
        key = branch(jax.random.key(config.run.seed), "validate")
        fits = evaluate(contenders["meta"], signals, (setting.match_step,), key)
        psnr = float(fits.metrics["psnr"][:, -1].mean())
        return {
            "psnr": psnr if np.isfinite(psnr) else -1e9,
            "inner_learning_rate": config.learner.inner.learning_rate,
            "outer_learning_rate": config.outer.learning_rate,
        }

    return Piece(f"{entrant.name}/trial={number}", _about(config), work)


def _run(entrant, trial, seed):
    config = _with_rates(entrant, trial, seed=seed)

    def work(folder):
        problem, machine = entrant.problem, entrant.machine
        learned = spine.learned_init(problem, config, folder, machine)
        root, test = jax.random.key(seed), config.test._replace(tune=True)
        tested = _tested(problem, {"meta": learned}, test, root, machine, config)
        transferred = {}
        for other in entrant.others:
            own = changed(image_regression.EXPERIMENT, config, signal=other)
            strange = image_regression.build(own, machine.summation)
            found_of = _tested(strange, {"meta": learned}, test, root, machine, config)
            transferred[other] = found_of["meta"]
        instruments = read_json(folder / INSTRUMENTS, "run the same command again")
        return {
            "inits": tested["meta"],
            "transfer": transferred,
            "outer_steps": config.outer.train_steps,
            "flops": entrant.step_flops * config.outer.train_steps,
            "curve": validations(folder / "metrics", config.outer.train_steps),
            "training_seconds": config.outer.train_steps / instruments["steps_per_second"],
            "memory": instruments["step_memory_bytes"],
            "adapted": _num_adapted(problem, learned, machine),
        }

    about = _about(config) | {"transfer": [*entrant.others]}
    return Piece(f"{entrant.name}/seed={seed}", about, work)


def _baselines(signal, config, seed):
    """Inits that learn nothing, or from the mean signal alone, whatever is compared with them."""
    own = changed(image_regression.EXPERIMENT, config, signal=signal, seed=seed)

    def work(folder):
        machine = make_machine(own)
        problem = image_regression.build(own, machine.summation)
        root, test = jax.random.key(seed), own.test._replace(tune=True)
        inits = make_inits(problem, None, {}, test.baseline, root, machine)
        return {"inits": _tested(problem, inits, test, root, machine, own)}

    return Piece(f"{signal}/baselines/seed={seed}", _about(own), work)


def _tested(problem, inits, test, root, machine, config):
    """Entries of results.json by init."""
    setting = problem.settings["default"]
    setting = setting._replace(steps=spread_steps(config.run.test_steps))
    entries = compare(problem, setting, inits, test, root, machine).entry["inits"]
    return {
        name: {
            "optimizer": entry["optimizer"],
            "learning_rate": entry["learning_rate"],
            **{part: entry["metrics"]["psnr"][part] for part in ("mean", "stderr")},
        }
        for name, entry in entries.items()
    }


def _num_adapted(problem: Problem, learned: Init, machine: Machine) -> int:
    """How many numbers stand for a signal."""
    algorithm = make_algorithm(
        learned.learner, problem.field, problem.inner, problem.query, machine
    )
    state = jax.eval_shape(algorithm.make_inner(learned.hyper).init, learned.meta_params)
    return sum(leaf.size for leaf in jax.tree.leaves(state.adapted))


def _about(config):
    names = {"workdir", "num_devices", "task_microbatch", "seeds", "profile"}
    return {name: value for name, value in config.record.items() if name not in names}


if __name__ == "__main__":
    cli.run(main)
