"""Several processes are one run: they learn, save, stop and fail together."""

import os
import signal
import socket
import time

import imageio.v3 as imageio
import numpy as np
import pytest
from tiny_runs import (
    ROOT,
    assert_same_bits,
    assert_same_but_for_rounding,
    finish,
    run_here,
    start,
    state,
    steps,
    wait_for,
)

from metainr.devices import joining

FLAGS = (
    "--omega=30",
    "--tasks_per_step=2",
    "--train_steps=20",
    "--checkpoint_every=5",
    "--num_test=3",
    "--outer_learning_rate=1e-4",
)
LONG = ("--train_steps=300", "--eval_every=300")
AGAIN = "what was saved is kept: run the same command again to go on\n"
SECONDS = 95  # in which the others end: a minute, and room for a busy machine


def _free_port():
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Starts a tiny run as processes with so many devices each.

    `own`: flags of each; `folders`: where each is started. All runs share compiled programs.
    """
    programs = tmp_path_factory.mktemp("programs")
    settings = {
        "JAX_COMPILATION_CACHE_DIR": programs,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0,
        "PYTHONPATH": ROOT,
        "http_proxy": "http://127.0.0.1:9",  # as on clusters; nobody is there
    }

    def start_all(workdir, *flags, devices=(1, 1), own=None, folders=None):
        place = (
            f"--coordinator_address=localhost:{_free_port()}",
            f"--num_processes={len(devices)}",
        )
        started = []
        for index, number in enumerate(devices):
            xla_flags = f"--xla_force_host_platform_device_count={number}"
            environment = [f"{k}={v}" for k, v in (settings | {"XLA_FLAGS": xla_flags}).items()]
            where = (*place, f"--process_id={index}") if len(devices) > 1 else ()
            particular = own[index] if own else ()
            folder = ("-C", folders[index]) if folders else ()
            wrapper = ("env", *folder, *environment)
            started.append(start(workdir, *FLAGS, *flags, *where, *particular, wrapper=wrapper))
        return started

    return start_all


def _finish(processes):
    """(exit status, stderr, its last line) of each."""
    ends = [finish(process) for process in processes]
    return [(code, errors, errors.splitlines(keepends=True)[-1]) for code, errors in ends]


def _succeed(processes):
    for process in processes:
        code, errors = finish(process)
        assert code == 0, errors


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The workdir of one process."""
    workdir = tmp_path_factory.mktemp("alone")
    assert run_here(workdir, *FLAGS) == 0
    return workdir


@pytest.fixture(scope="module")
def pair(run, tmp_path_factory):
    """The workdir of two processes."""
    workdir = tmp_path_factory.mktemp("pair")
    _succeed(run(workdir))
    return workdir


@pytest.mark.slow
def test_two_processes_learn_what_one_does(pair, alone):
    assert_same_but_for_rounding(pair, alone, 20)
    lines = [
        (path / "metrics" / "metrics.jsonl").read_text().splitlines() for path in (pair, alone)
    ]
    assert len(lines[0]) == len(lines[1])  # the first process alone writes


@pytest.mark.slow
@pytest.mark.parametrize("signalled", [0, 1])
def test_a_signal_to_one_stops_all_and_one_process_goes_on(run, tmp_path, signalled):
    processes = run(tmp_path, "--train_steps=9999")
    wait_for(processes[0], lambda: max(steps(tmp_path), default=0) >= 5)
    processes[signalled].terminate()
    ends = _finish(processes)
    step = max(steps(tmp_path))
    told = f"stopped at step {step} of 9999 and saved; run the same command again to go on\n"
    assert [(code, last) for code, _, last in ends] == [(128 + signal.SIGTERM, told)] * 2
    _succeed(run(tmp_path, f"--train_steps={step + 2}", devices=[2]))
    assert max(steps(tmp_path)) == step + 2


def test_different_flags_are_refused_by_all(run, tmp_path):
    processes = run(tmp_path, own=(("--seed=1", "--data_dir=here"), ("--width=8",)))
    told = (
        "process 1 tells which",
        "--seed is 0 here and 1 in process 0; --width is 8 here and 16",
    )
    for (code, _, last), differences in zip(_finish(processes), told):
        assert code == 1
        assert last.startswith(
            f"error: the processes were started with different options: {differences}"
        )
    assert not list(tmp_path.iterdir())


def test_what_the_first_refuses_ends_all(run, alone):
    for code, errors, last in _finish(run(alone, "--seed=5")):
        assert code == 1
        told = (
            f"error: --workdir={alone} holds a run with other options: --seed was 0 and is now 5; "
        )
        assert last.startswith(told)
        assert "Traceback" not in errors


@pytest.mark.slow
def test_processes_go_on_from_any_others(run, alone, tmp_path):
    _succeed(run(tmp_path, "--train_steps=5", devices=[2]))
    _succeed(run(tmp_path, "--train_steps=10"))
    _succeed(run(tmp_path, "--train_steps=15", "--num_devices=1", devices=[2, 2]))
    _succeed(run(tmp_path, devices=[1]))
    assert_same_but_for_rounding(tmp_path, alone, 20)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tasks", "devices"), [(1, (1, 1)), (1, (2, 2)), (4, (2, 2)), (3, (1, 1, 1))]
)
def test_processes_share_tasks_and_observations(run, tmp_path, tasks, devices):
    divided, alone = tmp_path / "divided", tmp_path / "alone"
    _succeed(run(divided, f"--tasks_per_step={tasks}", devices=devices))
    _succeed(run(alone, f"--tasks_per_step={tasks}", devices=[1]))
    assert_same_but_for_rounding(divided, alone, 20)


@pytest.fixture(scope="module")
def undisturbed(run, tmp_path_factory):
    """The workdir of two processes and more steps."""
    workdir = tmp_path_factory.mktemp("undisturbed")
    _succeed(run(workdir, *LONG))
    return workdir


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_the_loss_of_a_process_ends_all_and_all_go_on(run, undisturbed, tmp_path, victim, signum):
    processes = run(tmp_path, *LONG)
    wait_for(processes[0], lambda: max(steps(tmp_path), default=0) >= 50)
    processes[victim].send_signal(signum)
    began = time.monotonic()
    code, errors = finish(processes[1 - victim])
    assert code != 0 and AGAIN in errors
    assert time.monotonic() - began < SECONDS
    processes[victim].kill()
    processes[victim].wait()
    assert max(steps(tmp_path)) < 300
    _succeed(run(tmp_path, *LONG))
    assert_same_bits(state(tmp_path, 300), state(undisturbed, 300))


@pytest.mark.slow
def test_what_another_lacks_ends_all(run, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here / "pictures", there):
        folder.mkdir(parents=True)
    for number in range(20):
        picture = np.full((8, 8, 3), number, np.uint8)
        imageio.imwrite(here / "pictures" / f"{number}.png", picture)
    began = time.monotonic()
    first, other = _finish(run(tmp_path / "run", "--image_folder=pictures", folders=(here, there)))
    assert other[0] == 1 and other[2].startswith("error: ") and "pictures" in other[2]
    assert first[0] != 0 and AGAIN in first[1]
    assert time.monotonic() - began < SECONDS


@pytest.mark.slow
def test_unequal_numbers_of_devices_are_refused(run, tmp_path):
    for code, _, last in _finish(run(tmp_path, devices=[2, 1])):
        assert code == 1
        assert last.startswith("error: ") and "2 in process 0, 1 in process 1" in last


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_who_waits_in_vain_says_where(tmp_path, index):
    began = time.monotonic()
    place = f"localhost:{_free_port()}"
    where = (f"--coordinator_address={place}", "--num_processes=2", f"--process_id={index}")
    code, errors = finish(start(tmp_path, *where))
    assert code != 0 and f"waiting for the processes at {place}" in errors.splitlines()[0]
    assert time.monotonic() - began < SECONDS


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
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and mistake in error


def test_a_port_that_another_program_has_is_told(tmp_path, capsys):
    with socket.create_server(("localhost", 0)) as server:
        place = f"--coordinator_address=localhost:{server.getsockname()[1]}"
        assert run_here(tmp_path, place, "--num_processes=2", "--process_id=0") == 1
    assert f"port {place.rpartition(':')[2]} of 127.0.0.1 is taken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "ips", "narrow"),
    [
        ("localhost", ["127.0.0.1"], True),
        ("127.0.0.1", ["127.0.0.1"], True),
        ("node0", ["127.0.0.1"], False),  # as Debian has it of a machine's own name
        ("gateway", ["192.0.2.1"], False),  # of documentation: no machine's own
    ],
)
def test_the_first_listens_where_its_address_says(monkeypatch, host, ips, narrow):
    def found(_, port, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.delitem(os.environ, "JAX_COORDINATOR_BIND_ADDRESS", raising=False)
    address = f"{host}:{_free_port()}"
    assert joining._prepare(address, 0) == (address if narrow else None)
