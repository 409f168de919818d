"""The methods of a stream compared, as pieces of work that are kept, or a folder followed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import cli
from experiments.config import Config
from experiments.experiment import Experiment
from experiments.protocol.pieces import Clock, Piece, found
from experiments.streams.contenders import (
    FRAMES,
    Chosen,
    Contender,
    kept_numbers,
    tested,
    tuned,
    write_frames,
    write_targets,
)
from experiments.streams.learned import LEARNED, RANDOM, Setup, field_of, init_of
from experiments.streams.live import follow
from experiments.streams.stream_options import StreamOptions
from metainr.evaluation.courses import name_of
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.streams import stream_tables, write_stream_report
from metainr.runs.options import Machine
from metainr.streams import num_params
from metainr.training.data import first_signals
from metainr.training.workdir import environment
from metainr.types import Key, Params, Signal

_NEUTRAL = {
    *("workdir", "profile", "num_devices", "task_microbatch", "eval_every", "checkpoint_every"),
    *("methods", "input", "follow", "num_test", "data_dir"),
}


class Run(NamedTuple):
    """What all pieces of a run work with."""

    experiment: Experiment
    setup: Setup
    config: Config[StreamOptions]
    contenders: Mapping[str, Contender]
    workdir: Path
    machine: Machine
    root: Key
    clock: Clock


def compare(run: Run, tests: list[Signal]) -> None:
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
        "layout": dict(setup.arranged.record),
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


def follow_folder(run: Run) -> None:
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
        init, method, run.setup, run.experiment, run.config, run.workdir, run.machine, run.root
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
    run: Run, method: str, init: str, tests: list[Signal], chosen: dict[int, Chosen]
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
        weights *= setup.num_parts if method == "modules" else 1
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


def _digest(about: dict[str, Any], *signals: list[Signal]) -> str:
    return name_of(json.dumps(about, sort_keys=True), *signals)[:8]
