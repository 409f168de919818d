"""What every experiment does with its problem: learn an init, compare it, report."""

import contextlib
import time
from functools import partial
from pathlib import Path

import jax
from absl import logging

from experiments.cli import command
from experiments.config import Config
from experiments.experiment import Experiment
from experiments.run import processes, shared_flags
from experiments.run.estimating import ESTIMATE, estimate
from experiments.run.inits import (
    Source,
    as_init,
    config_of_file,
    read_init,
    read_rivals,
    with_start,
)
from experiments.run.machine import make_machine, make_mesh, make_summation
from experiments.run.networks import with_networks
from experiments.run.reading import changed, config_of
from metainr import reporting
from metainr.devices import from_first, local_mesh
from metainr.errors import UserError
from metainr.output import say
from metainr.runs.comparison import compare, merged
from metainr.runs.inits import Init, make_inits, standard_init
from metainr.runs.kept import keep_in, keep_none
from metainr.runs.learning import learn
from metainr.runs.options import Machine
from metainr.runs.problem import Problem, augmented
from metainr.runs.record import record, resumed
from metainr.runs.starts import ANCESTOR
from metainr.runs.watching import watched
from metainr.signals.access import from_example
from metainr.signals.augmentation import augmentation
from metainr.training.room import check_signals
from metainr.training.workdir import check_checkpoints, open_workdir, recorded_flags


def run(experiment: Experiment) -> None:
    """Learns, compares and reports as the flags say, doing only what the workdir lacks.

    Of several processes the first alone reads and writes the workdir, and prints.
    """
    with contextlib.ExitStack() as held:
        _run(experiment, held)


def _run(experiment, held):
    """`held`: keeps the workdir for this run until its end."""
    began = time.perf_counter()
    config = shared_flags.configuration(experiment)
    processes.join()
    config, source = _with_init(experiment, config)
    workdir = Path(config.run.workdir)
    config = _with_chunk_size(experiment, config, workdir)
    mesh = make_mesh(config)
    machine = make_machine(config, mesh)
    problem = _augmented(experiment.build(config, machine.summation), config)
    given = None if source is None else as_init(source, problem.field, config.run.init)
    config, _ = _with_start(config, problem.field)
    config = _with_test_signals(experiment, config, problem.signals.sizes["test"])
    _check(problem, config)
    if ESTIMATE.value:
        for line in estimate(problem, config, machine):
            say(line)
        return
    networks = {
        name: experiment.build(other, machine.summation)
        for name, other in with_networks(experiment, config).items()
    }
    rivals = from_first(lambda: read_rivals(config, experiment, problem.field))
    changeable = shared_flags.changeable_flags(experiment, config) | _newer_flags(config, workdir)
    changeable |= {ANCESTOR}  # which `with_start` has checked
    opened = open_workdir(workdir, config.record, changeable)
    from_first(lambda: str(held.enter_context(opened)))
    changeable -= {shared_flags.TRAIN_SIGNALS.name}  # of which each training has its own
    for _, own, folder in _variants(experiment, config, workdir):
        from_first(partial(check_checkpoints, folder, own.record, changeable))
    neutral = shared_flags.neutral_flags(experiment)
    results = from_first(lambda: resumed(workdir, config.record, neutral))
    results["command"] = command()
    before = results["seconds"]["total"]
    for variant, own, folder in _variants(experiment, config, workdir):
        missing = [n for n in _settings(problem, variant) if n not in results["settings"]]
        if not missing:
            continue
        started = time.perf_counter()
        examples = _with_examples(problem, own, own.run.seed - config.run.seed)
        learned = learned_init(examples, own, folder, machine) if own.run.learns else given
        results["seconds"]["training"] += time.perf_counter() - started
        started = time.perf_counter()
        baseline, root = own.test.baseline, jax.random.key(own.run.seed)
        if networks:
            entrants = [
                (p, {name: standard_init(p.field, baseline, root)}) for name, p in networks.items()
            ]
        else:
            inits = make_inits(
                *(problem, learned, _tested_here(rivals, config, own), baseline, root, machine),
                *(local_mesh(mesh), config.test.inits),
                # Other processes may not see the first one's files.
                keep_none if jax.process_count() > 1 else keep_in(folder / "inits"),
                own.outer.train_signals,
            )
            entrants = [(problem, inits)]
        for name in missing:
            settings = [_settings(p, variant)[name] for p, _ in entrants]
            num_fits = own.test.num_test * sum(len(inits) for _, inits in entrants)
            label, num_steps = "fits" if name == "default" else name, settings[0].steps[-1]
            # Recorded before what the fits saved is removed: files of fits may fail to be written.
            with watched(workdir, label, num_fits * num_steps) as make_watch:
                comparison = _tested(entrants, settings, name, own, machine, make_watch)
                results["seconds"]["evaluation"] += time.perf_counter() - started
                results["seconds"]["total"] = before + time.perf_counter() - began
                started = time.perf_counter()
                from_first(partial(record, results, workdir, name, folder, comparison))
    from_first(lambda: say(f"report: {reporting.report(workdir)[-1]}"))


def learned_init(problem: Problem, config: Config, folder: Path, machine: Machine) -> Init:
    """What is learned for the problem in a folder, or was."""
    config, start = _with_start(config, problem.field)
    learner, seed = config.learner, config.run.seed
    own = config.outer, config.test, seed, folder, config.record, machine
    meta_params = learn(problem, learner, *own, start=start)
    return Init(meta_params, learner, learner.inner)


def _tested(entrants, settings, name, config, machine, make_watch):
    """The comparison of all inits of (problem, inits) pairs, each in its setting of that name."""
    comparisons = []
    root = jax.random.key(config.run.seed)
    for (problem, inits), setting in zip(entrants, settings):
        # Networks of one shape differ by their names alone.
        watch = make_watch(f"{name} {[*inits]} {sorted(config.record.items())}")
        comparisons.append(compare(problem, setting, inits, config.test, root, machine, watch))
    return merged(comparisons)


def _settings(problem, variant):
    """The problem's settings; the only one of them has the name of the training's variant."""
    if variant is None:
        return problem.settings
    return dict(zip([variant], problem.settings.values()))


def _variants(experiment, config, workdir):
    """(name, configuration, folder) of each training asked for; one alone has no name.

    Without a training signal there is nothing to repeat.
    """
    run = config.run
    seeds = range(run.seed, run.seed + run.seeds)
    for count in run.train_signals or [None]:
        counted = {} if count is None else {"train_signals": count}
        for seed in seeds if count != 0 else seeds[:1]:
            chosen = counted | ({"seed": seed} if len(seeds) > 1 and count != 0 else {})
            if not chosen:
                yield None, config, workdir
                continue
            name = ",".join(f"{flag}={value}" for flag, value in chosen.items())
            values = chosen | ({} if count is None else {"train_signals": [count]})
            yield name, changed(experiment, config, **values), workdir / name


def _with_examples(problem, config, number):
    """The problem with the training signals of a training by its number among those repeated.

    Trainings from few signals have other ones each, as long as there are some.
    """
    count = config.outer.train_signals
    if not count or not number:
        return problem
    cycle = problem.signals.cycle
    first = number * -(-count // cycle) * cycle
    return _from_example(problem, first)


def _from_example(problem, first):
    coarse = problem.coarse
    return problem._replace(
        signals=from_example(problem.signals, first),
        coarse=coarse and (lambda: _from_example(coarse(), first)),
    )


def _tested_here(rivals, config, own):
    """The rivals, which are the same in every row of --train_signals: of several, row 0's."""
    elsewhere = 0 in config.run.train_signals and own.run.train_signals != (0,)
    return {} if elsewhere else rivals


def _augmented(problem, config):
    """The problem with the changes of training signals that are asked for."""
    if not config.run.augment:
        return problem
    if config.run.train_seen is not None:
        raise UserError(
            f"--augment={','.join(config.run.augment)} changes whole signals, and with "
            f"--train_seen={config.run.train_seen:g} there are none; leave one of them out"
        )
    return augmented(problem, augmentation(config.run.signal, config.run.augment))


def _newer_flags(config, workdir):
    """Flags that a run's record lacks, being older than they are, and that nobody sets now."""
    return config.record.keys() - recorded_flags(workdir).keys() - config.run.given


def _with_init(experiment, config):
    """The configuration with the flags that the init was learned with, and what was read, if
    anything.
    """
    if config.run.init is None:
        return config, None

    def read():
        source = read_init(config, experiment)
        return [dict(source.config.record), *source[1:]]

    record, *rest = from_first(read)
    adapted = config_of(experiment, record, config.run.given)
    return adapted, Source(adapted, *rest)


def _with_start(config, field):
    """As `with_start`, of several processes read by the first."""

    def read():
        begun, start = with_start(config, field)
        return [begun.record, start]

    record, start = from_first(read)
    return config._replace(record=record), start


def _with_chunk_size(experiment, config, workdir):
    """With the size that is left to the machine: that of the run, if there is one.

    Another one rounds otherwise, and a resumed run would not be the undisturbed one.
    """

    def choose():
        recorded = recorded_flags(workdir).get("chunk_size")
        chosen = make_summation(config).chunk_size or 0
        return chosen if recorded is None else recorded

    if config.run.chunk_size is not None:
        return config
    values = {**config.record, "chunk_size": from_first(choose)}
    return config_of_file(experiment, values, config.run.given, workdir)


def _with_test_signals(experiment, config, count):
    """With no more test signals than there are; that is said if a number was asked for."""
    if config.test.num_test <= count:
        return config
    if "num_test" in config.run.given:
        logging.warning(
            "--num_test=%d: all test signals are fitted, %d", config.test.num_test, count
        )
    return changed(experiment, config, num_test=count)


def _check(problem, config):
    """Raises UserError before any training if what is asked for cannot be had."""
    sizes = problem.signals.sizes
    if len(problem.settings) > 1 and (config.run.seeds > 1 or config.run.train_signals):
        raise UserError(
            "--seeds and --train_signals compare trainings in one setting, and these flags give "
            f"{len(problem.settings)}: {', '.join(problem.settings)}; ask for one of them"
        )
    if config.test.tune and not sizes["validation"]:
        raise UserError(
            f"--tune needs validation signals, of which --signal={config.run.signal} has none; "
            "give --baseline_optimizer and --baseline_learning_rate instead"
        )
    if config.run.learns and not sizes["train"]:
        raise UserError(
            f"--signal={config.run.signal} has no training signals to learn an init from; give "
            "--algorithm=none to fit it alone, or --init=WORKDIR of a learned one"
        )
    check_signals(problem.signals, "test", config.test.num_test, "num_test")
    for count in config.run.train_signals:
        if count > sizes["train"]:
            raise UserError(
                f"--train_signals={count} is more than the {sizes['train']} training signals there "
                "are; leave it out or add signals"
            )
