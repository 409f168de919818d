"""Algorithms compared by one protocol: equal compute, equal tuning, the same signals and seeds.

For every class of --classes, each of --algorithms learns for as much compute as MAML takes for
--train_steps. Its inner and outer rates are tuned first, over --trials pairs of rates, by
validation signals and for --trial_share of the compute each. With the best pair it learns for every
one of --seeds. Test signals are then fitted from what it learned, optimizer and rate of these fits
being tuned on validation, too.

    metainr algorithms --flagfile=quickstart --workdir=runs/algorithms

With --train_signals=10 all learn from the first ten training signals alone; the mean init, which is
no algorithm's, stays that of the class.

A class such as sdf+text is a mixture, of which all are tested on its members, too. With
--leave_one_out each of the classes is left out in turn: they learn on the others and are tested on
it.

Writes algorithms.json, algorithms.md, figures/ and report.html. The same command goes on with what
is missing; with --minutes it stops in between, and reports what there is.
"""

import time
from pathlib import Path

from absl import flags

from experiments import cli, image_regression
from experiments.protocol.entrants import (
    baselines,
    checked_problem,
    make_entrant,
    results_of,
    seeds_of,
)
from experiments.protocol.pieces import OutOfTimeError, found, start_clock
from experiments.protocol.protocol_options import ProtocolOptions, learned_classes
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.reading import changed, made
from metainr.devices import check_devices
from metainr.errors import UserError
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.algorithms import algorithm_tables, write_algorithms_report
from metainr.runs.problem import spread_steps
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
    **dict.fromkeys(("init", "inits", "rivals", "networks"), "leave it out"),
    **dict.fromkeys(("tune", "coarse_steps", "augment"), "leave it out"),
    **dict.fromkeys(("train_seen", "test_seen"), "leave it out"),
}


def main() -> None:
    """Does what is missing, and reports."""
    check_devices()
    config = shared_flags.configuration(image_regression.EXPERIMENT)
    for name, remedy in _UNUSED.items():
        if name in config.run.given:
            raise UserError(f"--{name} has no part here; {remedy}")
    if len(config.run.train_signals) > 1 or 0 in config.run.train_signals:
        counts = ",".join(map(str, config.run.train_signals))
        raise UserError(
            f"--train_signals={counts} is no single number of signals to learn from; give one"
        )
    options = made(ProtocolOptions, {holder.name: holder.value for holder in _OWN})
    workdir = Path(config.run.workdir)
    seconds = None if options.minutes is None else 60 * options.minutes
    classes = learned_classes(options)
    num_seeds = config.run.seeds
    per_class = len(options.algorithms) * (options.trials + num_seeds) + num_seeds
    clock = start_clock(len(classes) * per_class, seconds)
    entrants = [
        make_entrant(name, others, algorithm, config)
        for name, others in classes.items()
        for algorithm in options.algorithms
    ]
    results, missing = {name: {} for name in classes}, None
    for other in dict.fromkeys(other for others in classes.values() for other in others):
        # Told now, not after the training.
        checked_problem(changed(image_regression.EXPERIMENT, config, signal=other))
    for entrant in entrants:
        try:
            found_of = results_of(entrant, options, workdir, clock)
            results[entrant.config.run.signal][entrant.config.learner.algorithm] = found_of
        except OutOfTimeError as error:
            missing = missing or str(error)
    for name in classes:
        try:
            pieces = [baselines(name, config, seed) for seed in seeds_of(config)]
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


if __name__ == "__main__":
    cli.run(main)
