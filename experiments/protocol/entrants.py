"""Who takes part in the comparison of algorithms, and the pieces of work that each comes to."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import image_regression, spine
from experiments.config import Config
from experiments.images.image_flags import ImageFiles
from experiments.protocol.budget import FACTORS, equal_steps, needed_field
from experiments.protocol.pieces import Clock, Piece, found
from experiments.protocol.protocol_options import ProtocolOptions
from experiments.run.machine import make_machine
from experiments.run.reading import changed
from metainr.errors import UserError
from metainr.evaluation.fitting import make_evaluate
from metainr.json_files import read_json
from metainr.keys import branch
from metainr.output import say
from metainr.reporting.learning import validations
from metainr.runs.comparison import compare
from metainr.runs.fits import fit_flops, make_contenders
from metainr.runs.inits import Init, make_inits
from metainr.runs.learners import make_algorithm
from metainr.runs.options import Machine
from metainr.runs.problem import Problem, spread_steps
from metainr.training.data import first_signals
from metainr.training.instruments import INSTRUMENTS
from metainr.training.loop import DivergenceError

_WORST = -1e9  # PSNR in dB of what is not finite


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


def checked_problem(config: Config[ImageFiles]) -> Problem:
    """The problem of a class. Raises UserError if it has too few test signals, or is none."""
    problem = image_regression.build(config, make_machine(config).summation)
    if config.test.num_test > problem.signals.sizes["test"]:
        raise UserError(
            f"--num_test={config.test.num_test} is more than the "
            f"{problem.signals.sizes['test']} test signals of {config.run.signal}; give fewer"
        )
    return problem


def make_entrant(
    signal: str, others: tuple[str, ...], algorithm: str, config: Config[ImageFiles]
) -> Entrant:
    """The algorithm on a class, for as many outer steps as cost what MAML's do."""
    own = changed(
        image_regression.EXPERIMENT,
        config,
        signal=signal,
        algorithm=algorithm,
        field=needed_field(algorithm, config.field.name),
    )
    machine = make_machine(own)
    problem = checked_problem(own)
    steps, step_flops = equal_steps(problem, own, machine)
    # As many validations as MAML has.
    every = max(1, round(own.outer.eval_every * steps / own.outer.train_steps))
    own = changed(image_regression.EXPERIMENT, own, train_steps=steps, eval_every=every)
    return Entrant(f"{signal}/{algorithm}", others, own, problem, machine, step_flops)


def seeds_of(config: Config[ImageFiles]) -> range:
    """The seeds of the repeated trainings."""
    return range(config.run.seed, config.run.seed + config.run.seeds)


def results_of(
    entrant: Entrant, options: ProtocolOptions, workdir: Path, clock: Clock
) -> dict[str, Any]:
    """What was found of an algorithm, by all seeds.

    At its best rates, or, if a seed diverges there, at the next best ones.
    """
    trials = [
        found(_trial(entrant, options, number), workdir, clock) for number in range(options.trials)
    ]
    best_first = np.argsort([-trial["psnr"] for trial in trials], kind="stable")
    for place, number in enumerate(map(int, best_first)):
        if trials[number]["psnr"] == _WORST:
            break
        if runs := _runs(entrant, number, place == 0, workdir, clock):
            return {"trials": trials, "best": number, "runs": runs}
    raise UserError(
        f"{entrant.name} diverges at the rates of all its trials; leave it out of --algorithms, "
        "allow more --trials, or give lower rates and another --workdir"
    )


def _runs(entrant, trial, is_best, workdir, clock):
    """What all seeds found at the rates of a trial; nothing if one of them diverges."""
    runs = []
    for seed in seeds_of(entrant.config):
        runs.append(found(_run(entrant, trial, seed, is_best), workdir, clock))
        if "diverged" in runs[-1]:
            return []
    return runs


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

    rates = {
        "inner_learning_rate": config.learner.inner.learning_rate,
        "outer_learning_rate": config.outer.learning_rate,
    }

    def work(folder):
        problem = entrant.problem
        try:
            learned = spine.learned_init(problem, config, folder, entrant.machine)
        except DivergenceError:
            say(f"{entrant.name}/trial={number} diverged, and is not chosen: {rates}")
            return {"psnr": _WORST, **rates}
        setting = problem.settings["default"]
        evaluate = make_evaluate(setting.make_task, setting.score, setting.view)
        contenders = make_contenders(
            {"meta": learned}, problem.field, setting.objective, entrant.machine
        )
        signals = first_signals(problem.signals, "validation", config.test.num_validation)
        key = branch(jax.random.key(config.run.seed), "validate")
        fits = evaluate(contenders["meta"], signals, (setting.match_step,), key)
        psnr = float(fits.metrics["psnr"][:, -1].mean())
        return {"psnr": psnr if np.isfinite(psnr) else _WORST, **rates}

    return Piece(f"{entrant.name}/trial={number}", _about(config), work)


def _run(entrant, trial, seed, is_best):
    config = _with_rates(entrant, trial, seed=seed)
    name = f"{entrant.name}/seed={seed}" if is_best else f"{entrant.name}/trial={trial},seed={seed}"

    def work(folder):
        problem, machine = entrant.problem, entrant.machine
        try:
            learned = spine.learned_init(problem, config, folder, machine)
        except DivergenceError as error:
            say(f"{name} diverged; the next best rates take its place")
            return {"diverged": str(error)}
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
    return Piece(name, about, work)


def baselines(signal: str, config: Config[ImageFiles], seed: int) -> Piece:
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
    """By init, what its fits come to and cost."""
    setting = problem.settings["default"]
    setting = setting._replace(steps=spread_steps(config.run.test_steps))
    entries = compare(problem, setting, inits, test, root, machine).entry["inits"]
    signal = first_signals(problem.signals, "test", 1)[0]
    support = jax.eval_shape(setting.make_task, signal, root).support

    def flops(init):
        algorithm = _algorithm(problem, init, machine)
        given = algorithm, problem.field, setting.objective, support
        return [fit_flops(*given, step) for step in setting.steps]

    return {
        name: {
            "optimizer": entry["optimizer"],
            "learning_rate": entry["learning_rate"],
            **{part: entry["metrics"]["psnr"][part] for part in ("mean", "stderr")},
            "flops": flops(inits[name]),
        }
        for name, entry in entries.items()
    }


def _num_adapted(problem: Problem, learned: Init, machine: Machine) -> int:
    """How many numbers stand for a signal."""
    algorithm = _algorithm(problem, learned, machine)
    state = jax.eval_shape(algorithm.make_inner(learned.hyper).init, learned.meta_params)
    return sum(leaf.size for leaf in jax.tree.leaves(state.adapted))


def _algorithm(problem, init, machine):
    return make_algorithm(init.learner, problem.field, problem.inner, problem.query, machine)


def _about(config):
    names = {"workdir", "num_devices", "task_microbatch", "seeds", "profile"}
    return {name: value for name, value in config.record.items() if name not in names}
