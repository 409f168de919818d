"""What every experiment does with its problem: learn an init, compare it, report."""

import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
from absl import flags

from experiments import processes, shared_flags
from experiments.experiment import Experiment
from experiments.inits import Source, as_init, read_init, read_rivals
from experiments.networks import network_flags
from metainr import reporting
from metainr.devices import from_first, local_mesh
from metainr.errors import UserError
from metainr.runs.comparison import compare, merged
from metainr.runs.inits import Init, make_inits, standard_init
from metainr.runs.learning import learn
from metainr.runs.record import record, resumed
from metainr.runs.watching import watched
from metainr.training.workdir import open_workdir, recorded_flags


def run(experiment: Experiment) -> None:
    """Learns, compares and reports as the flags say, doing only what the workdir lacks.

    Of several processes the first alone reads and writes the workdir, and prints.
    """
    began = time.perf_counter()
    config = shared_flags.configuration(experiment)
    processes.join()
    config, source = _with_init(config, experiment)
    workdir = Path(config.workdir)
    _choose_chunk_size(config, workdir)
    mesh = shared_flags.make_mesh(config)
    machine = shared_flags.make_machine(config, mesh)
    problem = experiment.build(config, machine.summation)
    given = None if source is None else as_init(source, problem.field, config.init)
    config = _with_test_signals(config, problem.signals.sizes["test"])
    _check(problem, config)
    networks = {
        name: experiment.build(changed, machine.summation)
        for name, changed in network_flags(config).items()
    }
    rivals = from_first(lambda: read_rivals(config, experiment, problem.field))
    changeable = shared_flags.changeable_flags(experiment, config) | _newer_flags(workdir)
    from_first(lambda: open_workdir(workdir, vars(config), changeable))
    neutral = shared_flags.neutral_flags(experiment)
    results = from_first(lambda: resumed(workdir, vars(config), neutral))
    before = results["seconds"]["total"]
    for variant, changed, folder in _variants(config, workdir):
        missing = [n for n in _settings(problem, variant) if n not in results["settings"]]
        if not missing:
            continue
        started = time.perf_counter()
        learned = given
        if config.init is None and config.algorithm != "none":
            learned = _learned(problem, changed, folder, machine)
        results["seconds"]["training"] += time.perf_counter() - started
        started = time.perf_counter()
        baseline, root = shared_flags.baseline(changed), jax.random.key(changed.seed)
        if networks:
            entrants = [
                (p, {name: standard_init(p.field, baseline, root)}) for name, p in networks.items()
            ]
        else:
            inits = make_inits(problem, learned, rivals, baseline, root, machine, local_mesh(mesh))
            entrants = [(problem, inits)]
        for name in missing:
            settings = [_settings(p, variant)[name] for p, _ in entrants]
            num_fits = changed.num_test * sum(len(inits) for _, inits in entrants)
            label, num_steps = "fits" if name == "default" else name, settings[0].steps[-1]
            # Recorded before what the fits saved is removed: files of fits may fail to be written.
            with watched(workdir, label, num_fits * num_steps) as make_watch:
                comparison = _tested(entrants, settings, name, changed, machine, make_watch)
                results["seconds"]["evaluation"] += time.perf_counter() - started
                results["seconds"]["total"] = before + time.perf_counter() - began
                started = time.perf_counter()
                from_first(partial(record, results, workdir, name, folder, comparison))
    from_first(lambda: print(f"report: {reporting.report(workdir)[-1]}"))


def _learned(problem, config, folder, machine):
    learner = shared_flags.learner_options(config, config.algorithm)
    outer, test = shared_flags.outer_options(config), shared_flags.test_options(config)
    meta_params = learn(problem, learner, outer, test, config.seed, folder, vars(config), machine)
    return Init(meta_params, learner, learner.inner)


def _tested(entrants, settings, name, config, machine, make_watch):
    """The comparison of all inits of (problem, inits) pairs, each in its setting of that name."""
    comparisons = []
    test, root = shared_flags.test_options(config), jax.random.key(config.seed)
    for (problem, inits), setting in zip(entrants, settings):
        # Networks of one shape differ by their names alone.
        watch = make_watch(f"{name} {[*inits]} {sorted(vars(config).items())}")
        comparisons.append(compare(problem, setting, inits, test, root, machine, watch))
    return merged(comparisons)


def _settings(problem, variant):
    """The problem's settings; the only one of them has the name of the training's variant."""
    if variant is None:
        return problem.settings
    return dict(zip([variant], problem.settings.values()))


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
    """The flags with those that the init was learned with, and what was read; None without one."""
    if config.init is None:
        return config, None

    def read():
        source = read_init(config, experiment)
        return [vars(source.config), *source[1:]]

    adapted, *rest = from_first(read)
    adapted = SimpleNamespace(**adapted)
    return adapted, Source(adapted, *rest)


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
