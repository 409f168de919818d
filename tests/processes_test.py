"""Several processes are one run: they learn, save, stop and fail together."""

import concurrent.futures
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
from tiny_runs import (
    assert_same_bits,
    assert_same_but_for_rounding,
    finish,
    start,
    state,
    steps,
    wait_for,
)

from metainr.devices import Place, link
from metainr.devices.meeting import listen, meet
from metainr.errors import UserError

FLAGS = (
    "--omega=30",
    "--tasks_per_step=2",
    "--train_steps=20",
    "--checkpoint_every=5",
    "--num_test=3",
    "--outer_learning_rate=1e-4",
)
ONE_TASK = ("--tasks_per_step=1",)
AGAIN = "what was saved is kept: start all processes again to go on"


def _free_port():
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Starts a tiny run as so many processes; all runs share their compiled programs."""
    programs = tmp_path_factory.mktemp("programs")
    settings = {
        "JAX_COMPILATION_CACHE_DIR": programs,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0,
    }

    def start_all(workdir, *flags, processes=2, devices=1, own=((), ())):
        xla_flags = f"--xla_force_host_platform_device_count={devices}"
        environment = [f"{k}={v}" for k, v in (settings | {"XLA_FLAGS": xla_flags}).items()]
        place = (f"--coordinator_address=localhost:{_free_port()}", f"--num_processes={processes}")
        places = [(*place, f"--process_id={i}") for i in range(processes)] if processes > 1 else [()]
        return [
            start(workdir, *FLAGS, *flags, *where, *own[i], wrapper=("env", *environment))
            for i, where in enumerate(places)
        ]

    return start_all


def _finish(processes):
    return [finish(process) for process in processes]


def _succeed(processes):
    for code, errors in _finish(processes):
        assert code == 0, errors


@pytest.fixture(scope="module")
def alone(run, tmp_path_factory):
    """The workdir of one process."""
    workdir = tmp_path_factory.mktemp("alone")
    _succeed(run(workdir, processes=1))
    return workdir


@pytest.fixture(scope="module")
def pair(run, tmp_path_factory):
    """The workdir of two processes."""
    workdir = tmp_path_factory.mktemp("pair")
    _succeed(run(workdir))
    return workdir


def test_two_processes_learn_what_one_does(pair, alone):
    assert_same_but_for_rounding(pair, alone, 20)
    lines = [(path / "metrics" / "metrics.jsonl").read_text().splitlines() for path in (pair, alone)]
    assert len(lines[0]) == len(lines[1])  # the first process alone writes


def test_a_signal_to_one_stops_all_and_one_process_goes_on(run, alone, tmp_path):
    processes = run(tmp_path)
    wait_for(processes[0], lambda: max(steps(tmp_path), default=0) >= 5)
    processes[1].terminate()
    ends = _finish(processes)
    step = max(steps(tmp_path))
    if step == 20:
        pytest.skip("it was over before the signal came")
    for code, errors in ends:
        assert code == 128 + signal.SIGTERM, errors
        assert f"stopped at step {step} of 20 and saved" in errors
    _succeed(run(tmp_path, processes=1, devices=2))
    assert_same_but_for_rounding(tmp_path, alone, 20)


def test_different_flags_are_refused_by_all(run, tmp_path):
    processes = run(tmp_path, own=(("--seed=1", "--data_dir=here"), ("--width=8",)))
    for code, errors in _finish(processes):
        assert code == 1
        assert errors == (
            "error: the processes were started with different flags: --seed is 1 (process 0) and 0 "
            "(process 1); --width is 16 (process 0) and 8 (process 1); give all the same\n"
        )
    assert not list(tmp_path.iterdir())


def test_what_the_first_refuses_ends_all(run, pair):
    for code, errors in _finish(run(pair, "--seed=5")):
        assert code == 1
        assert errors.startswith(f"error: --workdir={pair} holds a run with other flags: --seed")
        assert len(errors.splitlines()) == 1


@pytest.mark.slow
def test_two_processes_share_the_observations_of_a_task(run, tmp_path):
    divided, alone = tmp_path / "divided", tmp_path / "alone"
    _succeed(run(divided, *ONE_TASK))
    _succeed(run(alone, *ONE_TASK, processes=1))
    assert_same_but_for_rounding(divided, alone, 20)


@pytest.mark.slow
def test_two_processes_go_on_from_one(run, alone, tmp_path):
    _succeed(run(tmp_path, "--train_steps=10", processes=1, devices=2))
    _succeed(run(tmp_path, devices=2, processes=2, own=(("--num_devices=1",),) * 2))
    assert_same_but_for_rounding(tmp_path, alone, 20)


@pytest.mark.slow
def test_two_processes_of_two_devices(run, tmp_path):
    divided, alone = tmp_path / "divided", tmp_path / "alone"
    _succeed(run(divided, "--tasks_per_step=4", devices=2))
    _succeed(run(alone, "--tasks_per_step=4", processes=1))
    assert_same_but_for_rounding(divided, alone, 20)


@pytest.mark.slow
def test_three_processes(run, tmp_path):
    divided, alone = tmp_path / "divided", tmp_path / "alone"
    _succeed(run(divided, "--tasks_per_step=3", processes=3, own=((),) * 3))
    _succeed(run(alone, "--tasks_per_step=3", processes=1))
    assert_same_but_for_rounding(divided, alone, 20)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_the_loss_of_a_process_ends_all_and_all_go_on(run, tmp_path, victim, signum):
    flags = ("--train_steps=300", "--eval_every=300")
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    _succeed(run(undisturbed, *flags))
    processes = run(killed, *flags)
    wait_for(processes[0], lambda: max(steps(killed), default=0) >= 50)
    processes[victim].send_signal(signum)
    began = time.monotonic()
    code, errors = finish(processes[1 - victim])
    lost = {signal.SIGKILL: "is gone", signal.SIGSTOP: "has been silent"}[signum]
    assert code == 1 and errors.startswith(f"error: process {victim} of 2 {lost}"), errors
    assert errors.endswith(f"{AGAIN}\n") and len(errors.splitlines()) == 1
    assert time.monotonic() - began < 65
    processes[victim].kill()
    processes[victim].wait()
    assert max(steps(killed)) < 300
    _succeed(run(killed, *flags))
    assert_same_bits(state(killed, 300), state(undisturbed, 300))


@pytest.mark.slow
def test_a_mistake_of_another_process_ends_all(run, tmp_path):
    folder = tmp_path / "pictures"
    ...


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_who_waits_in_vain_says_for_whom(tmp_path, index):
    began = time.monotonic()
    place = (f"--coordinator_address=localhost:{_free_port()}", "--num_processes=2")
    code, errors = finish(start(tmp_path, *place, f"--process_id={index}"))
    assert code == 1 and len(errors.splitlines()) == 1
    assert place[0].partition("=")[2] in errors
    assert time.monotonic() - began < 65


@pytest.mark.parametrize(
    ("flags", "mistake"),
    [
        (("--num_processes=2",), "--coordinator_address and --process_id"),
        (("--distributed", "--process_id=0"), "--distributed"),
        (("--distributed",), "SLURM"),
        (("--coordinator_address=here", "--num_processes=2", "--process_id=0"), "HOST:PORT"),
        (("--coordinator_address=a:1", "--num_processes=2", "--process_id=2"), "--process_id=2"),
    ],
)
def test_mistaken_places_are_told(tmp_path, capsys, flags, mistake):
    assert run_here(tmp_path, *flags) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and mistake in error and len(error.splitlines()) == 1
