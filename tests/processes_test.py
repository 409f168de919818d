"""Several processes are one run: they learn, save, stop and fail together."""

import concurrent.futures
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

from metainr.devices import Place, link
from metainr.devices.meeting import listen, meet, reach
from metainr.errors import UserError

FLAGS = (
    "--omega=30",
    "--tasks_per_step=2",
    "--train_steps=20",
    "--checkpoint_every=5",
    "--num_test=3",
    "--outer_learning_rate=1e-4",
)
AGAIN = "what was saved is kept: start all processes again to go on"


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
    return [finish(process) for process in processes]


def _succeed(processes):
    for code, errors in _finish(processes):
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


def test_two_processes_learn_what_one_does(pair, alone):
    assert_same_but_for_rounding(pair, alone, 20)
    lines = [
        (path / "metrics" / "metrics.jsonl").read_text().splitlines() for path in (pair, alone)
    ]
    assert len(lines[0]) == len(lines[1])  # the first process alone writes


@pytest.mark.slow
def test_a_signal_to_one_stops_all_and_one_process_goes_on(run, tmp_path):
    processes = run(tmp_path, "--train_steps=9999")
    wait_for(processes[0], lambda: max(steps(tmp_path), default=0) >= 5)
    processes[1].terminate()
    ends = _finish(processes)
    step = max(steps(tmp_path))
    told = f"stopped at step {step} of 9999 and saved; run the same command again to go on\n"
    assert ends == [(128 + signal.SIGTERM, told)] * 2
    _succeed(run(tmp_path, f"--train_steps={step + 2}", devices=[2]))
    assert max(steps(tmp_path)) == step + 2


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
def test_what_another_lacks_ends_all(run, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here / "pictures", there):
        folder.mkdir(parents=True)
    for number in range(20):
        picture = np.full((8, 8, 3), number, np.uint8)
        imageio.imwrite(here / "pictures" / f"{number}.png", picture)
    ends = _finish(run(tmp_path / "run", "--image_folder=pictures", folders=(here, there)))
    assert {code for code, _ in ends} == {1}
    assert len({errors for _, errors in ends}) == 1
    assert ends[0][1].startswith("error: ") and "pictures" in ends[0][1]


@pytest.mark.slow
def test_unequal_numbers_of_devices_are_refused(run, tmp_path):
    for code, errors in _finish(run(tmp_path, devices=[2, 1])):
        assert code == 1
        assert errors.startswith("error: ") and "2 (process 0) and 1 (process 1)" in errors


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


@pytest.fixture
def first():
    """(port, future) of the first process' meeting with two others, which runs in a thread."""
    port = _free_port()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield port, pool.submit(meet, Place(f"localhost:{port}", 0, 3), 5)


def _come(port, index, count=3):
    """The connection of a process that says who it is and is welcomed."""
    connection = reach("localhost", port, 5)
    link.send(connection, "hello", [index, count])
    assert link.receive(connection)[0] == "welcome"
    return connection


def test_processes_meet_and_exchange_values(first):
    port, meeting = first
    with reach("localhost", port, 5) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        links = [meet(Place(f"localhost:{port}", index, 3), 5) for index in (2, 1)]
    links = [meeting.result(), links[1], links[0]]
    values = [{"a": np.arange(3.0)}, None, [1, 0.5, "text"]]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda joined, value: joined.exchange(value), links, values))
        list(pool.map(link.Link.close, links))
    for received in found:
        np.testing.assert_array_equal(received[0]["a"], values[0]["a"])
        assert received[1:] == values[1:]


@pytest.mark.parametrize(
    ("index", "count", "mistake"),
    [(1, 3, "two processes .* --process_id=1"), (2, 4, "--num_processes=3 and process 2 .*=4")],
)
def test_processes_that_cannot_be_are_refused(first, index, count, mistake):
    port, meeting = first
    connections = [_come(port, 1), _come(port, index, count)]
    with pytest.raises(UserError, match=mistake) as refusal:
        meeting.result()
    for connection in connections:
        with connection:
            assert link.receive(connection) == ("end", [f"error: {refusal.value}", 1])


def test_who_is_missing_is_told():
    place = Place(f"localhost:{_free_port()}", 0, 3)
    with pytest.raises(UserError, match=f"did not come to {place.address} in time: 1, 2; "):
        meet(place, 0.1)
    with pytest.raises(UserError, match=f"could not be reached at {place.address} .*refused"):
        meet(place._replace(index=1), 0.1)


def test_a_port_that_another_program_has_is_told():
    with listen(0) as server:
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen on port {port} .*in use"):
            meet(Place(f"localhost:{port}", 0, 2), 1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            meeting = pool.submit(meet, Place(f"localhost:{port}", 1, 2), 1)
            with server.accept()[0] as other:
                other.sendall(b"220 mail.example ESMTP\r\n")
                with pytest.raises(UserError, match=f"{port} is not process 0"):
                    meeting.result()
