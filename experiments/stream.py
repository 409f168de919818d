"""Streams: a signal arrives in parts, each seen once, and all are to be kept.

A picture comes in quadrants, a sound in seconds, a clip in segments. Compared at equal numbers of
weights and of steps, each from a random and from a learned init: one field that is trained on the
parts in their order (sequential), with a buffer of old points (replay), with elastic weight
consolidation (ewc), or on all of them at once (offline, an upper bound), and modules: a small field
for each part, all from one init that is learned for parts (MCL-NF, 2025).

    python -m experiments.stream --flagfile=experiments/flags/stream/quickstart.flags \
        --workdir=runs/stream

A picture of one's own, or a folder with a file for each part, as the stream:

    python -m experiments.stream --flagfile=experiments/flags/stream/quickstart.flags \
        --workdir=runs/stream --input=photo.png

Live: modules learn the files of a folder as they appear there. What is known so far is rendered
after every part; a killed run goes on:

    python -m experiments.stream --flagfile=experiments/flags/stream/quickstart.flags \
        --workdir=runs/stream --follow=incoming

--width is that of a module; the one field is as wide as makes its weights as many as those of all
modules. Optimizers and rates are tuned on validation signals, for one step a part and for
--part_steps. Writes stream.json, stream.md, figures/ and report.html.
"""

import json
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags, logging

from experiments import cli
from experiments.config import Config, Values
from experiments.experiment import Experiment
from experiments.images import image_flags
from experiments.media import audio_flags, video_flags
from experiments.protocol.pieces import Clock, Piece, found
from experiments.run import input_flag, shared_flags
from experiments.run.machine import make_machine
from experiments.streams import stream_options
from experiments.streams.contenders import (
    FRAMES,
    Chosen,
    Contender,
    kept_numbers,
    make_contender,
    tested,
    tuned,
    write_frames,
    write_targets,
)
from experiments.streams.learned import (
    FOLDERS,
    LEARNED,
    RANDOM,
    Setup,
    field_of,
    init_of,
    make_setup,
    module_problem,
)
from experiments.streams.live import check_folder, follow
from experiments.streams.own_stream import own_signal
from experiments.streams.stream_options import StreamOptions
from metainr.devices import check_devices
from metainr.errors import UserError
from metainr.evaluation.courses import name_of
from metainr.numerics import Summation
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.streams import stream_tables, write_stream_report
from metainr.runs.options import Machine
from metainr.runs.problem import Problem
from metainr.streams import num_params
from metainr.training.data import first_signals
from metainr.training.room import check_signals
from metainr.training.workdir import check_checkpoints, environment, open_workdir
from metainr.types import Key, Params

_FLAG_MODULES = (
    shared_flags, stream_options, input_flag, image_flags, audio_flags, video_flags,
)  # fmt: skip
for module in _FLAG_MODULES:
    flags.adopt_module_key_flags(module)

_UNUSED = {
    **dict.fromkeys(("init", "inits", "rivals", "networks", "tune", "finish"), "leave it out"),
    **dict.fromkeys(("seeds", "train_signals", "augment"), "leave it out"),
    **dict.fromkeys(("baseline_optimizer", "baseline_learning_rate"), "all rates are tuned"),
    **dict.fromkeys(("recording", "clip"), "give --input"),
}
_NEUTRAL = {
    *("workdir", "profile", "num_devices", "task_microbatch", "eval_every", "checkpoint_every"),
    *("methods", "input", "follow", "num_test", "data_dir"),
}


def build(config: Config[StreamOptions], summation: Summation) -> Problem:
    """The problem that a module's init is learned for: parts of the class's signals."""
    return module_problem(make_setup(config), config)


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder of signals is a class of them; what its flags leave open has our defaults."""
    folders = {"image_folder": "folder", "audio_folder": "recordings", "video_folder": "clips"}
    named = [flag for flag in folders if values[flag] is not None]
    if len(named) > 1:
        raise UserError(f"--{named[0]} and --{named[1]} each name the signals; give one of them")
    defaults = StreamOptions()._asdict()
    open_flags = ("sample_rate", "duration", "clip_frames")
    chosen = {flag: defaults[flag] for flag in open_flags if values[flag] is None}
    if named:
        chosen["signal"] = folders[named[0]]
    return {**values, **chosen}


EXPERIMENT = Experiment(
    "stream",
    build,
    StreamOptions,
    stream_options.OWN,
    {"signal": "photos", "resolution": 64, "width": 64},
    settle=settle,
)


class Run(NamedTuple):
    """What all pieces of a run work with."""

    setup: Setup
    config: Config[StreamOptions]
    contenders: Mapping[str, Contender]
    workdir: Path
    machine: Machine
    root: Key
    clock: Clock


def main() -> None:
    """Learns the inits that are missing, and compares, or follows a folder."""
    check_devices()
    config = shared_flags.configuration(EXPERIMENT)
    _check(config)
    setup = make_setup(config)
    machine = make_machine(config)
    run = Run(
        setup,
        config,
        {m: make_contender(m, setup, config, machine.summation) for m in _methods(config)},
        Path(config.run.workdir),
        machine,
        jax.random.key(config.run.seed),
        Clock(time.perf_counter(), None, 4 * len(config.own.methods)),
    )
    tests = _test_signals(setup, config)
    changeable = shared_flags.changeable_flags(EXPERIMENT, config)
    with open_workdir(run.workdir, config.record, changeable):
        for folder in FOLDERS:  # each has its own number of outer steps
            own = {*changeable, "train_steps", "eval_every"}
            check_checkpoints(run.workdir / folder, config.record, own)
        if config.own.follow is None:
            _compare(run, tests)
        else:
            _follow(run)


def _methods(config: Config[StreamOptions]) -> tuple[str, ...]:
    """The methods that take part: live, modules alone."""
    return config.own.methods if config.own.follow is None else ("modules",)


def _check(config: Config[StreamOptions]) -> None:
    """Raises UserError for flags that have no part here, or that exclude one another."""
    present = {name for name in flags.FLAGS if flags.FLAGS[name].present}
    for name, remedy in _UNUSED.items():
        if name in present:
            raise UserError(f"--{name} has no part here; {remedy}")
    if config.own.input is not None and config.own.follow is not None:
        raise UserError("--input and --follow each name the stream; give one of them")
    if config.run.only_tests:
        raise UserError("--algorithm=none learns no init, and one is compared here; leave it out")
    if config.own.follow is not None:
        check_folder(config.own.follow)


def _test_signals(setup: Setup, config: Config[StreamOptions]) -> list[np.ndarray]:
    """The signals that arrive in parts. Raises UserError if there are none."""
    for split in ("train", "validation"):
        if not setup.signals.sizes[split]:
            raise UserError(f"--signal={config.run.signal} has no {split} signals; give a class")
    if config.own.input is not None:
        return [own_signal(setup, config)]
    there = setup.signals.sizes["test"]
    if "num_test" in config.run.given and config.test.num_test > there:
        logging.warning(
            "--num_test=%d: all test signals are taken, %d", config.test.num_test, there
        )
    check_signals(setup.signals, "test", config.test.num_test, "num_test")
    return first_signals(setup.signals, "test", config.test.num_test)


def _compare(run: Run, tests: list[np.ndarray]) -> None:
    """All methods from both inits on the test signals."""
    config, setup, workdir = run.config, run.setup, run.workdir
    entries: dict[str, dict[str, Any]] = {method: {} for method in config.own.methods}
    seconds = 0.0  # of all pieces, whenever they were done
    for method in config.own.methods:
        for init in (LEARNED, RANDOM):
            rates = found(_rates(run, method, init), workdir, run.clock)
            piece = _fits(run, method, init, tests, _chosen(rates))
            entry = found(piece, workdir, run.clock)
            entries[method][init] = entry | {"frames": f"{piece.name}/{FRAMES}"}
            seconds += rates["seconds"] + entry["seconds"]
    targets = f"signals-{_digest({}, tests)}"
    write_targets(workdir / targets, tests, setup, config)
    record = {
        "experiment": "stream",
        "signal": config.run.signal,
        "layout": setup.layout._asdict() | {"part_shape": setup.layout.part_shape},
        "steps": config.own.part_steps,
        "methods": entries,
        "targets": f"{targets}/{FRAMES}",
        "num_test": len(tests),
        "command": cli.command(),
        "seconds": {"total": seconds},
        "config": dict(config.record),
        "environment": environment(),
    }
    write_json(workdir / "stream.json", record)
    for table in stream_tables(record):
        say(to_text(table))
    say(f"report: {write_stream_report(workdir)[-1]}")


def _follow(run: Run) -> None:
    """Modules from the learned init on the files of a folder."""
    params = _init(run, "modules", LEARNED)
    how = _chosen(found(_rates(run, "modules", LEARNED), run.workdir, run.clock))
    path = follow(
        run.setup,
        run.config,
        params,
        how[run.config.own.part_steps],
        run.workdir / "live",
        run.machine.summation,
    )
    say(f"all parts are known: {path}")


def _init(run: Run, method: str, init: str) -> Params:
    return init_of(
        init, method, run.setup, EXPERIMENT, run.config, run.workdir, run.machine, run.root
    )


def _rates(run: Run, method: str, init: str) -> Piece:
    """How a contender learns a part, by the number of steps that it has for it."""
    config, about = run.config, _about(run, method)

    def work(folder):
        params = _init(run, method, init)
        signals = first_signals(run.setup.signals, "validation", config.test.num_validation)
        return {
            str(steps): tuned(run.contenders[method], params, signals, run.root, steps)._asdict()
            for steps in dict.fromkeys((1, config.own.part_steps))
        }

    return Piece(f"{method}-{init}/rates-{_digest(about)}", about, work)


def _fits(
    run: Run, method: str, init: str, tests: list[np.ndarray], chosen: dict[int, Chosen]
) -> Piece:
    """What becomes of the test signals."""
    setup, config, about = run.setup, run.config, _about(run, method)

    def work(folder):
        params = _init(run, method, init)
        budgets, renders = {}, np.empty(0)
        for steps, how in chosen.items():  # those of --part_steps come last
            budgets[str(steps)], renders = tested(
                run.contenders[method], params, how, setup, tests, run.root, steps
            )
        write_frames(folder, renders, setup, config)
        weights = num_params(field_of(setup, method))
        weights *= setup.layout.num_parts if method == "modules" else 1
        return {
            "budgets": budgets,
            "weights": weights,
            "kept": kept_numbers(method, setup, config, weights),
        }

    return Piece(f"{method}-{init}/fits-{_digest(about, tests)}", about, work)


def _chosen(rates: dict[str, Any]) -> dict[int, Chosen]:
    return {int(steps): Chosen(**how) for steps, how in rates.items() if steps.isdigit()}


def _about(run: Run, method: str) -> dict[str, Any]:
    """The flags that a contender's fits depend on, beside the signals."""
    others = {"buffer": "replay", "pulls": "ewc"}
    unread = {name for name, reader in others.items() if reader != method}
    return {
        name: value for name, value in run.config.record.items() if name not in _NEUTRAL | unread
    }


def _digest(about: dict[str, Any], *signals: list[np.ndarray]) -> str:
    return name_of(json.dumps(about, sort_keys=True), *signals)[:8]


if __name__ == "__main__":
    cli.run(main)
