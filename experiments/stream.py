"""Streams: a signal arrives in parts, each seen once, and all are to be kept.

A picture comes in quadrants, a sound in seconds, a clip in segments, a scene in blocks of
photographs. Compared at equal numbers of weights and of steps, each from a random and from a
learned init: one field that is trained on the parts in their order (sequential), with a buffer of
old points (replay), with elastic weight consolidation (ewc), or on all of them at once (offline, an
upper bound), and modules: a small field for each part, all from one init that is learned for parts
(MCL-NF, 2025).

    python -m experiments.stream --flagfile=experiments/flags/stream/quickstart.flags \
        --workdir=runs/stream

A picture of one's own, or a folder with a file for each part, as the stream:

    python -m experiments.stream --flagfile=experiments/flags/stream/quickstart.flags \
        --workdir=runs/stream --input=photo.png

Photographs of an object as somebody walks round it, or of a place along its street:

    python -m experiments.stream --flagfile=experiments/flags/stream/views.flags \
        --workdir=runs/views
    python -m experiments.stream --flagfile=experiments/flags/stream/landmark.flags \
        --workdir=runs/street

Live: modules learn the files of a folder as they appear there. What is known so far is rendered
after every part; a killed run goes on:

    python -m experiments.stream --flagfile=experiments/flags/stream/quickstart.flags \
        --workdir=runs/stream --follow=incoming

--width is that of a module; the one field is as wide as makes its weights as many as those of all
modules. Optimizers and rates are tuned on validation signals, for one step a part and for
--part_steps. Writes stream.json, stream.md, figures/ and report.html.
"""

from collections.abc import Collection
from pathlib import Path

import jax
from absl import flags, logging

from experiments import cli
from experiments.config import Config, Values
from experiments.experiment import Experiment
from experiments.images import image_flags
from experiments.media import audio_flags, video_flags
from experiments.protocol.pieces import start_clock
from experiments.run import input_flag, shared_flags
from experiments.run.machine import make_machine
from experiments.scenes import landmark_flags, ray_flags, view_flags
from experiments.streams import stream_options
from experiments.streams.comparing import Run, compare, follow_folder
from experiments.streams.contenders import make_contender
from experiments.streams.learned import FOLDERS, Setup, grid_of, make_setup, problem_of
from experiments.streams.live import check_folder
from experiments.streams.own_stream import own_signal
from experiments.streams.stream_options import StreamOptions
from metainr.devices import check_devices
from metainr.errors import UserError
from metainr.numerics import Summation
from metainr.runs.problem import Problem
from metainr.training.data import first_signals
from metainr.training.room import check_signals
from metainr.training.workdir import check_checkpoints, open_workdir
from metainr.types import Signal

_FLAG_MODULES = (
    shared_flags, stream_options, input_flag, image_flags, audio_flags, video_flags,
)  # fmt: skip
for module in _FLAG_MODULES:
    flags.adopt_module_key_flags(module)
for holder in (*ray_flags.INIT, *landmark_flags.OWN.init, *view_flags.OWN.init):
    flags.declare_key_flag(holder.name)
flags.declare_key_flag(view_flags.OBJECT_FOLDER.name)

_UNUSED = {
    **dict.fromkeys(("init", "inits", "rivals", "networks", "tune", "finish"), "leave it out"),
    **dict.fromkeys(("seeds", "train_signals", "augment"), "leave it out"),
    **dict.fromkeys(("baseline_optimizer", "baseline_learning_rate"), "all rates are tuned"),
    **dict.fromkeys(("recording", "clip"), "give --input"),
}


def build(config: Config[StreamOptions], summation: Summation) -> Problem:
    """The problem that a module's init is learned for: parts of the class's signals."""
    return problem_of(make_setup(config), "modules")


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
    settle,
)


def main() -> None:
    """Learns the inits that are missing, and compares, or follows a folder."""
    check_devices()
    config = shared_flags.configuration(EXPERIMENT)
    _check(config)
    setup = make_setup(config)
    if config.own.follow is not None:
        grid_of(setup)
    machine = make_machine(config)
    run = Run(
        EXPERIMENT,
        setup,
        config,
        {m: make_contender(m, setup, config, machine.summation) for m in _methods(config)},
        Path(config.run.workdir),
        machine,
        jax.random.key(config.run.seed),
        start_clock(4 * len(config.own.methods)),
    )
    tests = _test_signals(setup, config)
    changeable = shared_flags.changeable_flags(EXPERIMENT, config)
    with open_workdir(run.workdir, config.record, changeable):
        for folder in FOLDERS:  # each has its own number of outer steps
            own = {*changeable, "train_steps", "eval_every"}
            check_checkpoints(run.workdir / folder, config.record, own)
        if config.own.follow is None:
            compare(run, tests)
        else:
            follow_folder(run)


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


def _test_signals(setup: Setup, config: Config[StreamOptions]) -> list[Signal]:
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


if __name__ == "__main__":
    cli.run(main)
