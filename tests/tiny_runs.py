"""Runs of `experiments.image_regression` small enough for tests, in this process or as another."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags
from absl.testing import flagsaver

from experiments import cli, image_regression, spine
from metainr.training.portable import read_checkpoint

ROOT = Path(__file__).parents[1]
TINY = (
    "--resolution=16",
    "--width=16",
    "--depth=3",
    "--tasks_per_step=1",
    "--train_steps=2",
    "--num_test=2",
    "--test_steps=3",
)


def run_here(workdir: Path, *arguments: str) -> int:
    """Exit status of a tiny run within this process; later arguments win."""
    with flagsaver.flagsaver():
        try:
            argv = cli.parse(["image_regression", *TINY, f"--workdir={workdir}", *arguments])
        except SystemExit as stop:
            return stop.code
        finally:
            flags.FLAGS.mark_as_parsed()
        build = image_regression.build
        return cli.status(lambda: spine.run("image_regression", build), argv)


def start(workdir: Path, *arguments: str, **options) -> subprocess.Popen:
    """Starts a tiny run as a process of its own; `options` go to Popen."""
    command = [sys.executable, "-m", "experiments.image_regression", *TINY]
    return subprocess.Popen(
        [*command, f"--workdir={workdir}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def finish(process: subprocess.Popen, timeout: float = 120) -> tuple[int, str]:
    """Waits for a process: (exit status, what it wrote to stderr)."""
    _, errors = process.communicate(timeout=timeout)
    return process.returncode, errors


def wait_for(process: subprocess.Popen, condition: Callable[[], bool], timeout: float = 90) -> None:
    """Polls until the condition holds; fails if the process ends before."""
    until = time.monotonic() + timeout
    while not condition():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"it never came to that: {finish(process)}")
        time.sleep(0.001)


def steps(workdir: Path) -> list[int]:
    """The steps of the finished checkpoints, ascending."""
    folder = workdir / "checkpoints"
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit())


def state(workdir: Path, step: int) -> dict[str, np.ndarray]:
    """All arrays of a checkpoint by name."""
    arrays, _ = read_checkpoint(workdir / "checkpoints" / str(step))
    return {name: leaf for name, leaf in _flat(arrays, "")}


def assert_same_bits(state: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Fails unless both have the same arrays, bit for bit."""
    assert state.keys() == other.keys()
    for name, array in state.items():
        assert array.dtype == other[name].dtype and array.shape == other[name].shape, name
        assert array.tobytes() == other[name].tobytes(), name


def _flat(tree, prefix):
    for name, value in tree.items():
        path = f"{prefix}/{name}"
        yield from _flat(value, path) if isinstance(value, dict) else [(path, value)]
