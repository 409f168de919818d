"""Killed runs go on and end in the very bits of a run that was left alone."""

import contextlib
import json
import random
import signal
import subprocess
import time

import pytest
from tiny_runs import assert_same_bits, finish, run_here, start, state, steps, wait_for

from metainr import algorithms
from metainr.reporting import read_results

TRAIN_STEPS = 80
FLAGS = (
    f"--train_steps={TRAIN_STEPS}",
    "--checkpoint_every=5",
    "--eval_every=40",
    "--num_test=1",
    "--test_steps=2",
    "--outer_learning_rate=1e-3",
    "--inner_points=64",
)


ALGORITHM = "modulations"  # has the most to keep: shared weights, a projection and step sizes
ALGORITHMS = (
    ALGORITHM,
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in algorithms.REGISTRY
        if name != ALGORITHM
    ),
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Algorithm -> the workdir of a run that was left alone, made when it is asked for.

    Processes started afterwards find their programs compiled.
    """
    root = tmp_path_factory.mktemp("undisturbed")

    def run(algorithm):
        if not (root / algorithm).exists():
            assert run_here(root / algorithm, *FLAGS, f"--algorithm={algorithm}") == 0
        return root / algorithm

    return run


def _assert_same_end(workdir, undisturbed):
    assert_same_bits(state(workdir, TRAIN_STEPS), state(undisturbed, TRAIN_STEPS))
    assert read_results(workdir)["settings"] == read_results(undisturbed)["settings"]
    lines = (workdir / "metrics" / "metrics.jsonl").read_text().splitlines()
    expected = (undisturbed / "metrics" / "metrics.jsonl").read_text().splitlines()
    told = [sorted(json.loads(line)) for line in expected]
    assert [sorted(json.loads(line)) for line in lines] == told
    assert [json.loads(x)["step"] for x in lines] == [json.loads(x)["step"] for x in expected]


def _kill(workdir, algorithm, condition, signum=signal.SIGKILL):
    process = start(workdir, *FLAGS, f"--algorithm={algorithm}")
    wait_for(process, condition)
    process.send_signal(signum)
    return finish(process)


def _saving(workdir, beyond):
    """Whether a save of a step after `beyond` is under way."""
    names = [p.name.split(".") for p in (workdir / "checkpoints").glob("*tmp*")]
    return any(name[0].isdigit() and int(name[0]) > beyond for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sigkill_at_any_moment(undisturbed, tmp_path, algorithm):
    whole = undisturbed(algorithm)
    # Right after a save: of the next steps nothing is on the disk.
    _kill(tmp_path, algorithm, lambda: max(steps(tmp_path), default=0) >= 20)
    reached = max(steps(tmp_path))
    assert 20 <= reached < TRAIN_STEPS
    # In the middle of a save.
    _kill(tmp_path, algorithm, lambda: _saving(tmp_path, reached + 10))
    assert reached <= max(steps(tmp_path)) < TRAIN_STEPS
    code, errors = finish(start(tmp_path, *FLAGS, f"--algorithm={algorithm}"))
    assert code == 0, errors
    assert "damaged" not in errors
    _assert_same_end(tmp_path, whole)
    assert not list((tmp_path / "checkpoints").glob("*tmp*"))


@pytest.mark.slow
def test_interrupts_save_and_say_how_to_go_on(undisturbed, tmp_path):
    whole = undisturbed(ALGORITHM)
    reached = lambda: max(steps(tmp_path), default=0) >= 10  # noqa: E731
    found, errors = _kill(tmp_path, ALGORITHM, reached, signal.SIGINT)
    assert found == 130, errors
    step = max(steps(tmp_path))
    assert errors.strip() == (
        f"stopped at step {step} of {TRAIN_STEPS} and saved; run the same command again to go on"
    )
    # When the training is over already, the evaluation stops.
    trained = lambda: TRAIN_STEPS in steps(tmp_path)  # noqa: E731
    found, errors = _kill(tmp_path, ALGORITHM, trained, signal.SIGTERM)
    assert found == 143
    assert len(errors.splitlines()) == 1 and "run the same command again to go on" in errors
    assert_same_bits(state(tmp_path, TRAIN_STEPS), state(whole, TRAIN_STEPS))


@pytest.mark.slow
def test_twenty_kills_at_any_time(undisturbed, tmp_path):
    whole = undisturbed("maml")
    began = time.monotonic()
    code, errors = finish(start(tmp_path / "timed", *FLAGS, "--algorithm=maml"))
    assert code == 0, errors
    seconds = time.monotonic() - began
    generator = random.Random(0)
    survivors, workdir = [tmp_path / "timed"], tmp_path / "0"
    for number in range(20):
        process = start(workdir, *FLAGS, "--algorithm=maml")
        with contextlib.suppress(subprocess.TimeoutExpired):  # it still runs, as it should
            process.wait(generator.uniform(0.3, 1.0) * seconds)
        process.kill()
        code, errors = finish(process)
        assert code in (0, -signal.SIGKILL), errors
        assert "damaged" not in errors and "error" not in errors
        if code == 0:
            survivors.append(workdir)
            workdir = tmp_path / str(number + 1)
    if workdir not in survivors:
        code, errors = finish(start(workdir, *FLAGS, "--algorithm=maml"))
        assert code == 0, errors
        survivors.append(workdir)
    for workdir in survivors:
        _assert_same_end(workdir, whole)
