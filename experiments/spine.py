"""What every experiment does with its problem: learn an init, compare it, report."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from experiments import processes, shared_flags
from experiments.comparison import NUM_VALIDATION, compare
from experiments.inits import as_params, read_init
from experiments.problem import (
    Problem,
    make_algorithm,
    make_evaluation,
    make_outer_optimizer,
    step_cost,
)
from metainr import reporting
from metainr.devices import from_first, is_first, local_mesh, observation_axis, own_rows
from metainr.errors import UserError
from metainr.evaluation.fitting import Contender, Evaluate
from metainr.numerics import Summation
from metainr.reporting.results import read_results, write_json
from metainr.reporting.samples import write_samples
from metainr.training.data import stacked_signals, training_batches
from metainr.training.instruments import INSTRUMENTS
from metainr.training.loop import LoopOptions, Validation, train
from metainr.training.step import init_state, make_train_step
from metainr.training.workdir import environment, open_workdir, recorded_flags
from metainr.types import Params

_RESULTS = "results.json"


def run(experiment: str, build: Callable[[SimpleNamespace, Summation], Problem]) -> None:
    """Learns, compares and reports as the flags say, doing only what the workdir lacks.

    Of several processes the first alone reads and writes the workdir, and prints.

    Args:
        experiment: its name in results.json.
        build: (flags, how to take sums over observations) -> problem.
    """
    began = time.perf_counter()
    config = shared_flags.configuration()
    processes.join()
    config, weights = _with_init(config)
    workdir = Path(config.workdir)
    _choose_chunk_size(config, workdir)
    mesh = shared_flags.make_mesh(config)
    problem = build(config, shared_flags.make_summation(config, observation_axis(mesh)))
    learned = None if weights is None else as_params(weights, problem.field, config.init)
    _check_sizes(problem, config)
    from_first(lambda: open_workdir(workdir, vars(config), _changeable(config)))
    evaluate = make_evaluation(problem, local_mesh(mesh))
    results = from_first(lambda: _resumed(workdir, experiment, config))
    for name, variant, folder in _variants(config, workdir):
        if name in results["settings"]:
            continue
        started = time.perf_counter()
        trained = learned
        if config.init is None and config.algorithm != "none":
            trained = learn(problem, variant, folder, evaluate, mesh)
        middle = time.perf_counter()
        comparison = compare(problem, variant, trained, evaluate, local_mesh(mesh))
        _add_seconds(results, middle - started, time.perf_counter() - middle, began)
        from_first(partial(_record, results, workdir, name, folder, comparison))
    from_first(lambda: print(f"report: {reporting.report(workdir)[-1]}"))


def learn(
    problem: Problem,
    config: SimpleNamespace,
    folder: Path,
    evaluate: Evaluate,
    mesh: Mesh | None = None,
) -> Params:
    """Meta-trains on a mesh, or goes on with it, and returns the learned weights."""
    algorithm = make_algorithm(problem, config)
    optimizer = make_outer_optimizer(config)
    if is_first():
        folder.mkdir(parents=True, exist_ok=True)
    limit = config.train_signals[0] if config.train_signals else None
    state = train(
        make_train_step(algorithm, optimizer, problem.make_task, mesh, config.task_microbatch),
        init_state(algorithm, optimizer, jax.random.key(config.seed)),
        lambda start: training_batches(
            problem.signals,
            config.tasks_per_step,
            seed=config.seed,
            start=start,
            limit=limit,
            rows=own_rows(config.tasks_per_step, mesh),
        ),
        _validation(problem, config, evaluate),
        LoopOptions(config.train_steps, config.eval_every, config.checkpoint_every, config.profile),
        folder,
        vars(config),
        step_cost(problem, algorithm, config.tasks_per_step),
        mesh,
    )
    return jax.tree.map(np.asarray, algorithm.inner.params(algorithm.inner.init(state.meta_params)))


def _validation(problem, config, evaluate):
    count = min(NUM_VALIDATION, problem.signals.sizes["validation"])
    signals = stacked_signals(problem.signals, "validation", count)
    key = jax.random.key(config.seed)

    def validate(params):
        # On a mesh they lie on all processes' devices, and a fit is this process' own.
        params = jax.tree.map(np.asarray, params)
        contender = Contender(params, config.inner_optimizer, config.inner_learning_rate)
        fits = evaluate(contender, signals, [0, config.inner_steps], key, count)
        picture = np.concatenate([signals, fits.views[:, 0], fits.views[:, -1]], axis=1)
        return Validation(
            float(fits.metrics["psnr"][:, -1].mean()), np.concatenate(list(picture), axis=1)
        )

    return validate


def _variants(config, workdir):
    """(setting, flags, folder) of each training that the flags ask for."""
    if config.train_signals:
        for count in config.train_signals:
            variant = SimpleNamespace(**vars(config) | {"train_signals": [count]})
            yield f"train_signals={count}", variant, workdir / f"train_signals={count}"
    elif config.seeds > 1:
        for seed in range(config.seed, config.seed + config.seeds):
            variant = SimpleNamespace(**vars(config) | {"seed": seed})
            yield f"seed={seed}", variant, workdir / f"seed={seed}"
    else:
        yield "default", config, workdir


def _resumed(workdir, experiment, config):
    """The results that the workdir holds for these very flags, or empty ones."""
    fresh = {
        "experiment": experiment,
        "signal": config.signal,
        "num_test": config.num_test,
        "train_steps": config.train_steps if config.algorithm != "none" else 0,
        "seconds": {"training": 0.0, "evaluation": 0.0, "total": 0.0},
        "match_step": config.inner_steps,
        "config": vars(config),
        "environment": environment(),
        "instruments": {},
        "settings": {},
    }
    found = _found(workdir / _RESULTS) or fresh
    same = all(
        found["config"].get(name) == value
        for name, value in fresh["config"].items()
        if name not in shared_flags.NEUTRAL_FLAGS
    )
    kept = ("settings", "seconds", "instruments")
    return fresh | {name: found[name] for name in kept} if same else fresh


def _instruments(name, folder):
    """How the training of a setting went, if it was ever ended and its record can be read."""
    try:
        return {name: json.loads((folder / INSTRUMENTS).read_text())}
    except (OSError, ValueError):
        return {}


def _found(path):
    """The results in a file, None if there is none. Raises UserError if it is damaged."""
    if not path.exists():
        return None
    try:
        results = read_results(path)
        instruments = dict(results.get("instruments", {}))
        parts = {"config": dict(results["config"]), "seconds": dict(results["seconds"])}
        return results | parts | {"instruments": instruments}
    except (UserError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}); move it away and run the same command again: the "
            "training is kept, the evaluation is done anew"
        ) from error


def _with_init(config):
    """The flags with those that the init was learned with, and its weights; None without one."""
    if config.init is None:
        return config, None

    def read():
        adapted, weights = read_init(config)
        return [vars(adapted), weights]

    adapted, weights = from_first(read)
    return SimpleNamespace(**adapted), weights


def _choose_chunk_size(config, workdir):
    """Settles the size that the flags leave to the machine: that of the run, if there is one.

    Another one rounds otherwise, and a resumed run would not be the undisturbed one.
    """

    def choose():
        recorded = recorded_flags(workdir).get("chunk_size")
        chosen = shared_flags.make_summation(config).chunk_size or 0
        return chosen if recorded is None else recorded

    if config.chunk_size is None:
        config.chunk_size = from_first(choose)


def _check_sizes(problem, config):
    """Raises UserError before any training if a split holds fewer signals than asked for."""
    sizes = problem.signals.sizes
    if config.num_test > sizes["test"]:
        raise UserError(
            f"--num_test={config.num_test} is more than the {sizes['test']} test signals there "
            f"are; give --num_test={sizes['test']} or add signals"
        )
    for count in config.train_signals:
        if count > sizes["train"]:
            raise UserError(
                f"--train_signals={count} is more than the {sizes['train']} training signals there "
                "are; leave it out or add signals"
            )


def _changeable(config):
    names = set(shared_flags.CHANGEABLE_FLAGS)
    if config.outer_schedule != "constant":
        names -= {shared_flags.TRAIN_STEPS.name}  # the schedule is stretched over them
    return names


def _record(results, workdir, name, folder, comparison):
    """Adds a setting to the results, writes them with its samples, and prints its table."""
    _write_samples(workdir / "samples", name, comparison)
    results["settings"][name] = comparison.setting
    results["instruments"] |= _instruments(name, folder)
    write_json(workdir / _RESULTS, results)
    print(reporting.to_text(reporting.init_table(results, name)))


def _write_samples(directory, setting, comparison):
    labels = [f"test signal {i}" for i in range(len(comparison.targets))]
    write_samples(
        directory,
        setting,
        comparison.setting["steps"],
        labels,
        list(comparison.targets),
        comparison.frames,
    )


def _add_seconds(results: dict[str, Any], training: float, evaluation: float, began: float):
    seconds = results["seconds"]
    results["seconds"] = {
        "training": seconds["training"] + training,
        "evaluation": seconds["evaluation"] + evaluation,
        "total": seconds["training"] + seconds["evaluation"] + time.perf_counter() - began,
    }
