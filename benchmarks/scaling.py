"""Outer steps over virtual CPU devices and over processes, the cores and the work staying the same.

    python -m benchmarks.scaling

Every contender lives in processes of its own, which wait for their turn. Since cores do not grow
in number, the best that division can do is to cost nothing: an efficiency of 100 %.
"""

import contextlib
import json
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from absl import flags

from benchmarks import shared_flags
from benchmarks.network_flags import network_setting
from benchmarks.report import counted, number, report
from benchmarks.scaling_worker import MARK, Job, environment
from benchmarks.setting import Setting
from benchmarks.timing import alternate, ratio
from experiments import cli
from metainr.errors import UserError
from metainr.reporting.tables import Table

_SECONDS_TO_END = 60

ROUNDS = shared_flags.rounds(5)
SIDE = flags.DEFINE_integer("side", 64, "of the images, in pixels", 1)
TASKS = flags.DEFINE_integer("tasks", 8, "images per outer step", 1)
INNER_STEPS = flags.DEFINE_integer("inner_steps", 2, "inner steps per outer step", 1)
DEVICES = shared_flags.integers("devices", "1,2,4,8", "virtual devices of one process")
PROCESSES = shared_flags.integers("processes", "2", "processes of one device each, on localhost")


def tables() -> Iterator[Table]:
    """One table: seconds, and efficiency against one device."""
    setting = network_setting()._replace(
        side=SIDE.value, tasks=TASKS.value, inner_steps=INNER_STEPS.value
    )
    teams = {"1 device": [Job(setting)]}
    for count in shared_flags.numbers(DEVICES):
        teams[counted(count, "device")] = [Job(setting, devices=count)]
    for count in shared_flags.numbers(PROCESSES):
        teams[counted(count, "process")] = _team(setting, count)
    for jobs in teams.values():
        _check_divisible(setting.tasks, sum(job.devices for job in jobs))
    with contextlib.ExitStack() as stack:
        runs = {name: stack.enter_context(_workers(jobs)) for name, jobs in teams.items()}
        seconds = alternate(runs, ROUNDS.value)
    base = seconds["1 device"]
    rows = tuple(
        (
            name,
            number(statistics.median(times), 3),
            str(ratio(times, base)),
            number(100 / ratio(times, base).median),
        )
        for name, times in seconds.items()
    )
    header = ("divided over", "seconds", "× 1 device", "efficiency %")
    yield Table("An outer step on the same cores", header, rows, _note(setting))


def _note(setting):
    return (
        f"Medians of {ROUNDS.value} rounds; × 1 device: median [least–most] of the "
        f"rounds' ratios. {counted(setting.tasks, 'task')} of {setting.side}² pixels, "
        f"K = {setting.inner_steps}, SIREN {setting.depth} × {setting.width}, MAML. Virtual "
        "devices and processes share all cores."
    )


def _check_divisible(tasks, devices):
    if max(tasks, devices) % min(tasks, devices):
        raise UserError(
            f"--tasks={tasks} cannot be divided equally over {devices} devices; use a multiple "
            f"of {devices}, or other --devices and --processes"
        )


def _team(setting: Setting, count: int) -> Sequence[Job]:
    """Processes of one device each, which meet at a port that is free."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    return [Job(setting, 1, count, rank, port) for rank in range(count)]


@contextlib.contextmanager
def _workers(jobs: Sequence[Job]) -> Iterator[Callable[[], None]]:
    """Starts the processes of some jobs and gives a function that has them take one step."""
    workers = [_started(job) for job in jobs]

    def run():
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        for worker in workers:
            _wait(worker, "done")

    try:
        for worker in workers:
            _wait(worker, "ready")
        yield run
        for worker in workers:  # all of them before any is waited for: they leave together
            worker.stdin.close()
        for worker in workers:
            worker.wait(_SECONDS_TO_END)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _started(job: Job) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scaling_worker", json.dumps(job)],
        env=environment(job),
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait(worker: subprocess.Popen, word: str) -> None:
    """Reads what a worker prints up to a word of its own."""
    for line in worker.stdout:
        if line.strip() == f"{MARK} {word}":
            return
    raise UserError("a process of the benchmark ended before its time; see what it printed above")


def main() -> None:
    """Prints the table, and records it if asked to."""
    report("scaling", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
