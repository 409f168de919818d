"""What every experiment does with its problem: learn an init, compare it, report."""

import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
from absl import flags
from jax.sharding import Mesh

from experiments import processes, shared_flags
from experiments.comparison import compare, make_inits, merged, random_init
from experiments.experiment import Experiment
from experiments.inits import as_params, read_init, read_rivals
from experiments.networks import network_flags
from experiments.problem import (
    Problem,
    make_algorithm,
    make_evaluation,
    make_outer_optimizer,
    step_cost,
)
from experiments.run_record import record, resumed
from experiments.watching import watched
from metainr import reporting
from metainr.devices import from_first, is_first, local_mesh, observation_axis, own_rows
from metainr.errors import UserError
from metainr.evaluation.fitting import Contender
from metainr.training.data import first_signals, training_batches
from metainr.training.loop import LoopOptions, Validation, train
from metainr.training.step import init_state, make_train_step
from metainr.training.workdir import open_workdir, recorded_flags
from metainr.types import Params


def run(experiment: Experiment) -> None:
    """Learns, compares and reports as the flags say, doing only what the workdir lacks.

    Of several processes the first alone reads and writes the workdir, and prints.
    """
    began = time.perf_counter()
    config = shared_flags.configuration(experiment)
    processes.join()
    config, weights = _with_init(config, experiment)
    workdir = Path(config.workdir)
    _choose_chunk_size(config, workdir)
    mesh = shared_flags.make_mesh(config)
    summation = shared_flags.make_summation(config, observation_axis(mesh))
    problem = experiment.build(config, summation)
    learned = None if weights is None else as_params(weights, problem.field, config.init)
    config = _with_test_signals(config, problem.signals.sizes["test"])
    _check(problem, config)
    networks = {
        name: experiment.build(changed, summation)
        for name, changed in network_flags(config).items()
    }
    rivals = from_first(lambda: read_rivals(config, problem.field))
    changeable = shared_flags.changeable_flags(experiment, config) | _newer_flags(workdir)
    from_first(lambda: open_workdir(workdir, vars(config), changeable))
    neutral = shared_flags.neutral_flags(experiment)
    results = from_first(lambda: resumed(workdir, config, neutral))
    before = results["seconds"]["total"]
    for variant, changed, folder in _variants(config, workdir):
        missing = [n for n in _settings(problem, variant) if n not in results["settings"]]
        if not missing:
            continue
        started = time.perf_counter()
        trained = learned
        if config.init is None and config.algorithm != "none":
            trained = learn(problem, changed, folder, mesh)
        results["seconds"]["training"] += time.perf_counter() - started
        started = time.perf_counter()
        if networks:
            entrants = [(p, random_init(p, name, changed)) for name, p in networks.items()]
        else:
            inits = make_inits(problem, changed, trained, rivals, local_mesh(mesh))
            entrants = [(problem, inits)]
        for name in missing:
            settings = [_settings(p, variant)[name] for p, _ in entrants]
            num_fits = changed.num_test * sum(len(inits.params) for _, inits in entrants)
            label, num_steps = "fits" if name == "default" else name, settings[0].steps[-1]
            # Recorded before what the fits saved is removed: files of fits may fail to be written.
            with watched(workdir, label, num_fits * num_steps) as make_watch:
                comparison = _tested(entrants, settings, name, changed, mesh, make_watch)
                results["seconds"]["evaluation"] += time.perf_counter() - started
                results["seconds"]["total"] = before + time.perf_counter() - began
                started = time.perf_counter()
                from_first(partial(record, results, workdir, name, folder, comparison))
    from_first(lambda: print(f"report: {reporting.report(workdir)[-1]}"))


def learn(
    problem: Problem,
    config: SimpleNamespace,
    folder: Path,
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
        _validation(problem, config, mesh),
        LoopOptions(
            config.train_steps,
            config.eval_every,
            config.checkpoint_every,
            config.profile,
            problem.value_range,
        ),
        folder,
        vars(config),
        step_cost(problem, algorithm, config.tasks_per_step),
        mesh,
    )
    return jax.tree.map(np.asarray, algorithm.inner.params(algorithm.inner.init(state.meta_params)))


def _tested(entrants, settings, name, config, mesh, make_watch):
    """The comparison of all inits of (problem, inits) pairs, each in its setting of that name."""
    comparisons = []
    for (problem, inits), setting in zip(entrants, settings):
        # Networks of one shape differ by their names alone.
        watch = make_watch(f"{name} {[*inits.params]} {sorted(vars(config).items())}")
        comparisons.append(compare(problem, setting, config, inits, local_mesh(mesh), watch))
    return merged(comparisons)


def _settings(problem, variant):
    """The problem's settings; the only one of them has the name of the training's variant."""
    if variant is None:
        return problem.settings
    return dict(zip([variant], problem.settings.values()))


def _validation(problem, config, mesh):
    setting = problem.validation
    evaluate = make_evaluation(setting, local_mesh(mesh))
    signals = first_signals(problem.signals, "validation", config.num_validation)
    targets = np.stack([np.asarray(setting.target(signal)) for signal in signals])
    key = jax.random.key(config.seed)

    def validate(params):
        # On a mesh they lie on all processes' devices, and a fit is this process' own.
        params = jax.tree.map(np.asarray, params)
        contender = Contender(params, config.inner_optimizer, config.inner_learning_rate)
        fits = evaluate(contender, signals, setting.steps, key, len(signals))
        picture = np.concatenate([targets, fits.views[:, 0], fits.views[:, -1]], axis=1)
        return Validation(
            float(fits.metrics["psnr"][:, -1].mean()), np.concatenate(list(picture), axis=1)
        )

    return validate


def _variants(config, workdir):
    """(name, flags, folder) of each training that the flags ask for; one alone has no name."""
    if config.train_signals:
        for count in config.train_signals:
            variant = SimpleNamespace(**vars(config) | {"train_signals": [count]})
            yield f"train_signals={count}", variant, workdir / f"train_signals={count}"
    elif config.seeds > 1:
        for seed in range(config.seed, config.seed + config.seeds):
            variant = SimpleNamespace(**vars(config) | {"seed": seed})
            yield f"seed={seed}", variant, workdir / f"seed={seed}"
    else:
        yield None, config, workdir


def _newer_flags(workdir):
    """Flags that a run's record lacks, being older than they are, and that nobody sets now."""
    recorded = recorded_flags(workdir)
    return {name for name in flags.FLAGS if name not in recorded and not flags.FLAGS[name].present}


def _with_init(config, experiment):
    """The flags with those that the init was learned with, and its weights; None without one."""
    if config.init is None:
        return config, None

    def read():
        adapted, weights = read_init(config, experiment)
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


def _with_test_signals(config, count):
    """With no more test signals than there are, unless a number was asked for."""
    if config.num_test <= count or flags.FLAGS["num_test"].present:
        return config
    return SimpleNamespace(**vars(config) | {"num_test": count})


def _check(problem, config):
    """Raises UserError before any training if what is asked for cannot be had."""
    sizes = problem.signals.sizes
    if len(problem.settings) > 1 and (config.seeds > 1 or config.train_signals):
        raise UserError(
            "--seeds and --train_signals compare trainings in one setting, and these flags give "
            f"{len(problem.settings)}: {', '.join(problem.settings)}; ask for one of them"
        )
    if config.tune and not sizes["validation"]:
        raise UserError(
            f"--tune needs validation signals, of which --signal={config.signal} has none; give "
            "--baseline_optimizer and --baseline_learning_rate instead"
        )
    if config.algorithm != "none" and config.init is None and not sizes["train"]:
        raise UserError(
            f"--signal={config.signal} has no training signals to learn an init from; give "
            "--algorithm=none to fit it alone, or --init=WORKDIR of a learned one"
        )
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
