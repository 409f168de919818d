"""Runs of experiments small enough for tests, in this process or as another."""

import atexit
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
from absl import flags
from absl.testing import flagsaver
from jax.experimental.compilation_cache import compilation_cache

from experiments import cli, image_regression, spine
from experiments.run import shared_flags
from experiments.run.inits import with_start
from experiments.run.machine import make_machine
from metainr.reporting import read_results
from metainr.training.portable import read_checkpoint
from metainr.training.workdir import open_workdir

ROOT = Path(__file__).parents[1]
TINY = (
    "--resolution=16",
    "--width=16",
    "--depth=2",
    "--tasks_per_step=1",
    "--train_steps=2",
    "--num_test=2",
    "--test_steps=3",
)
_RAYS = ("--ray_samples=8", "--inner_points=16", "--inner_steps=2")
TINY_OWN = {  # of the experiments with flags of their own that make a run long
    "ct_reconstruction": ("--views=2", "--view_steps=3", "--train_views=4", "--inner_steps=2"),
    "view_synthesis": (*_RAYS, "--fit_views=1", "--held_out_views=2", "--views_per_object=2"),
    "phototourism": _RAYS,
    "poisson": ("--inner_points=0", "--networks="),
    "shapes": (
        *("--inner_points=64", "--inner_steps=2", "--cloud_points=64", "--grid=12"),
        *("--export_resolution=16",),
    ),
    "waves": ("--inner_steps=2",),
    "audio": ("--sample_rate=2000", "--duration=0.05"),
    "video": ("--clip_frames=4", "--inner_points=32"),
}


def run_here(workdir: Path, *arguments: str, experiment: ModuleType = image_regression) -> int:
    """Exit status of a tiny run within this process; later arguments win."""
    name = experiment.__name__.removeprefix("experiments.")
    with flagsaver.flagsaver(), shared_programs():
        try:
            argv = cli.parse([name, *TINY, f"--workdir={workdir}", *arguments])
        except SystemExit as stop:
            return stop.code
        finally:
            flags.FLAGS.mark_as_parsed()
        own = getattr(experiment, "main", None)
        return cli.status(own or functools.partial(spine.run, experiment.EXPERIMENT), argv)


def learn_here(workdir: Path, *arguments: str, experiment: ModuleType = image_regression) -> None:
    """A tiny run that is stopped before it compares inits, which takes long."""
    with flagsaver.flagsaver(), shared_programs():
        cli.parse([experiment.EXPERIMENT.name, *TINY, f"--workdir={workdir}", *arguments])
        flags.FLAGS.mark_as_parsed()
        config = shared_flags.configuration(experiment.EXPERIMENT)
        machine = make_machine(config)
        problem = experiment.EXPERIMENT.build(config, machine.summation)
        config, _ = with_start(config, problem.field)
        with open_workdir(workdir, config.record, ()):
            spine.learned_init(problem, config, workdir, machine)


@contextlib.contextmanager
def shared_programs() -> Iterator[None]:
    """Compiled programs are kept from run to run: most of them are the same."""
    previous = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_compilation_cache_dir", _programs())
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", previous)
        compilation_cache.reset_cache()


@functools.cache
def _programs():
    """A folder of compiled programs, one for all processes that share the tests."""
    if shared := os.environ.get("PYTEST_XDIST_TESTRUNUID"):
        return str(programs_of(shared))
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return folder


def programs_of(test_run: str) -> Path:
    """Where the processes of a run of the tests keep what they compiled."""
    return Path(tempfile.gettempdir()) / f"metainr-tests-{test_run}"


def start(workdir: Path, *arguments: str, wrapper: tuple[str, ...] = ()) -> subprocess.Popen:
    """Starts a tiny run as a process of its own, or a wrapper that gets its command.

    It reads the programs that runs within this process compiled, and writes none: it may be killed.
    """
    command = [*wrapper, sys.executable, "-m", "experiments.image_regression", *TINY]
    programs = {
        "JAX_COMPILATION_CACHE_DIR": _programs(),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1e9",
    }
    return subprocess.Popen(
        [*command, f"--workdir={workdir}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | programs,
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


def assert_same_but_for_rounding(workdir: Path, other: Path, step: int) -> None:
    """Fails unless two runs have about the same state at a step and the same results."""
    arrays, others = state(workdir, step), state(other, step)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        distance, size = np.linalg.norm(array - others[name]), np.linalg.norm(others[name])
        assert distance <= 1e-5 * size, name
    results, expected = (read_results(path)["settings"]["default"] for path in (workdir, other))
    for init, entry in expected["inits"].items():
        tolerance = 0.05 if "fit_error" in entry else 1e-3  # a long fit makes rounding large
        for metric, values in entry["metrics"].items():
            found = results["inits"][init]["metrics"][metric]["per_signal"]
            numbers = (np.asarray(table, float) for table in (found, values["per_signal"]))
            np.testing.assert_allclose(*numbers, atol=tolerance, err_msg=f"{metric} of {init}")


def _flat(tree, prefix):
    for name, value in tree.items():
        path = f"{prefix}/{name}"
        yield from _flat(value, path) if isinstance(value, dict) else [(path, value)]
