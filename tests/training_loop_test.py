"""What a run of the outer loop leaves behind, however it ends."""

import itertools
import json
import os
import shutil
import signal
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import steps
from tqdm import tqdm

from metainr.training import loop
from metainr.training.checkpoints import load_meta_params
from metainr.training.decline import decline
from metainr.training.init_file import write_init
from metainr.training.instruments import Cost
from metainr.training.interrupts import Interrupted
from metainr.training.step import TrainState
from metainr.weights import load_metadata, load_weights

CONFIG = {"experiment": "counting", "algorithm": "none", "sizes": [1, 2]}
PICTURE = np.zeros((2, 2, 3))


class Params(NamedTuple):
    init: dict
    log_rates: tuple


def _params(value):
    return Params({"dense_0": {"kernel": jnp.full((2, 3), value)}}, (jnp.full(2, value),))


@jax.jit
def _count(state, batch):
    """A step that adds one to every weight."""
    params = jax.tree.map(lambda x: x + batch.mean(), state.meta_params)
    state = state._replace(step=state.step + 1, meta_params=params)
    loss = params.init["dense_0"]["kernel"].mean()
    return state, {"loss_before": loss, "loss_after": loss, "finite": jnp.asarray(True)}


def _train(workdir, num_steps, validate, eval_every=1, batches=None):
    return loop.train(
        _count,
        TrainState(jnp.zeros((), jnp.int32), _params(0.0), (), jax.random.key(0)),
        lambda start: batches or itertools.repeat(np.ones(5, np.float32)),
        validate,
        loop.LoopOptions(num_steps, eval_every, checkpoint_every=100),
        workdir,
        CONFIG,
        Cost(tasks=1, points=1, flops=1),
    )


def _good(params):
    return loop.Validation(1.0, PICTURE)


def _assert_init(workdir, step):
    path = workdir / "init.safetensors"
    metadata, weights = load_metadata(path), load_weights(path)
    assert json.loads(metadata["flags"]) == CONFIG and metadata["step"] == str(step)
    np.testing.assert_array_equal(weights["init"]["dense_0"]["kernel"], np.full((2, 3), step))
    np.testing.assert_array_equal(weights["log_rates"]["0"], np.full(2, step))


def test_what_was_learned_is_a_file(tmp_path):
    _train(tmp_path, 2, _good)
    _assert_init(tmp_path, 2)
    _train(tmp_path, 3, _good)
    _assert_init(tmp_path, 3)


def test_a_run_that_was_killed_before_it_wrote_the_file_writes_it(tmp_path):
    _train(tmp_path, 2, _good)
    (tmp_path / "init.safetensors").unlink()
    _train(tmp_path, 2, _good)
    _assert_init(tmp_path, 2)


def test_weights_that_such_files_do_not_hold_are_kept_by_checkpoints(tmp_path, caplog):
    state = TrainState(jnp.int32(1), {"a": jnp.ones(2, jnp.bfloat16)}, (), jax.random.key(0))
    write_init(tmp_path, state, CONFIG)
    assert "init.safetensors was not written" in caplog.text and "bfloat16" in caplog.text
    assert not (tmp_path / "init.safetensors").exists()


def test_an_interrupted_run_leaves_the_file(tmp_path):
    def batches():
        for number in range(1, 20):  # the first is taken before signals are heeded
            if number == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            yield np.ones(5, np.float32)

    with pytest.raises(Interrupted):
        _train(tmp_path, 100, _good, eval_every=100, batches=batches())
    _assert_init(tmp_path, 3)


def _records(workdir):
    lines = (workdir / "metrics" / "metrics.jsonl").read_text().splitlines()
    told = ("step", "validation_psnr", "loss_after")
    return [{k: v for k, v in json.loads(line).items() if k in told} for line in lines]


def _by_weight(params):
    value = float(params.log_rates[0][0])
    return loop.Validation({10.0: 9.0}.get(value, value / 10), PICTURE)


@pytest.mark.parametrize("num_steps", [10, 20])
def test_a_validation_that_an_interrupt_cut_off_is_made_up(tmp_path, num_steps):
    def batches():
        for number in itertools.count(1):
            if number == 10:
                os.kill(os.getpid(), signal.SIGTERM)
            yield np.ones(5, np.float32)

    _train(tmp_path / "whole", num_steps, _by_weight, eval_every=5)
    with pytest.raises(Interrupted):
        _train(tmp_path / "cut", num_steps, _by_weight, eval_every=5, batches=batches())
    assert not any("validation_psnr" in x for x in _records(tmp_path / "cut") if x["step"] == 10)
    for _ in range(2):  # the second finds nothing left to do
        _train(tmp_path / "cut", num_steps, _by_weight, eval_every=5)
        assert _records(tmp_path / "cut") == _records(tmp_path / "whole")
        assert steps(tmp_path / "cut") == steps(tmp_path / "whole")
    for workdir in (tmp_path / "cut", tmp_path / "whole"):
        params, _ = load_meta_params(workdir, best=True)
        assert params["log_rates"]["0"][0] == 10


@pytest.mark.parametrize("fall, is_told", [(2.9, False), (3.1, True)])
def test_learning_that_was_better_before_is_told(tmp_path, caplog, fall, is_told):
    def validate(params):
        step = float(params.log_rates[0][0])
        return loop.Validation(30.0 if step == 2 else 30.0 - fall, PICTURE)

    _train(tmp_path, 4, validate)
    told = "Validation was best at step 2 (PSNR 30.00 dB) and ended at 26.90 dB"
    assert (told in caplog.text) == is_told


def test_errors_decline_by_their_ratio():
    assert decline("relative_error", [(1, 0.2), (2, 0.1), (3, 0.19)]) is None
    assert "step 2 (relative error 0.100) and ended at 0.210" in decline(
        "relative_error", [(1, 0.2), (2, 0.1), (3, 0.21)]
    )


def test_a_kill_while_a_step_is_saved_anew_loses_nothing(tmp_path):
    _train(tmp_path, 2, _good)
    folder = tmp_path / "checkpoints"
    (folder / "2").rename(folder / "saved-anew-2")
    _train(tmp_path, 2, _good)
    assert steps(tmp_path) == [1, 2]
    shutil.copytree(folder / "2", folder / "saved-anew-2")
    _train(tmp_path, 2, _good)
    assert steps(tmp_path) == [1, 2] and not (folder / "saved-anew-2").exists()


def test_validation_goes_by_the_metric_of_the_problem(tmp_path):
    errors = {1: 0.5, 2: 0.1, 3: 0.2, 4: 0.3, 5: 0.4, 6: 0.6}

    def validate(params):
        step = int(params.log_rates[0][0])
        return loop.Validation(errors[step], PICTURE, "relative_error")

    _train(tmp_path, 6, validate)
    lines = (tmp_path / "metrics" / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    told = {r["step"]: r["validation_relative_error"] for r in records if len(r) == 2}
    assert told == errors
    assert steps(tmp_path) == [2, 4, 5, 6]
    params, config = load_meta_params(tmp_path, best=True)
    assert params["log_rates"]["0"][0] == 2 and config == CONFIG


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("psnr", {"validation PSNR": "0.12 dB"}),
        ("chamfer", {"validation Chamfer distance": "0.123"}),
        ("unheard_of", {"validation unheard of": "0.123"}),
    ],
)
def test_the_bar_shows_the_metric_with_its_unit(tmp_path, monkeypatch, metric, shown):
    bars = []
    monkeypatch.setattr(tqdm, "set_postfix", lambda bar, values, refresh: bars.append(values))
    _train(tmp_path, 10, lambda _: loop.Validation(0.1234, PICTURE, metric), eval_every=9)
    assert bars[-1].keys() - {"train"} == shown.keys()
    assert shown.items() <= bars[-1].items()
