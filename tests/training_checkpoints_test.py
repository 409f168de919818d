"""Checkpoints under damage: what cannot be read is told and moved aside, never trusted."""

import errno
import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from absl import logging

from metainr.errors import UserError
from metainr.training.checkpoints import Checkpoints, load_meta_params
from metainr.training.portable import read_checkpoint
from metainr.training.step import TrainState

CONFIG = {"width": 16, "rate": 1e-3, "name": "x", "sizes": [1, 2]}
DAMAGES = ["bit", *(pytest.param(x, marks=pytest.mark.slow) for x in ("gone", "cut", "empty"))]


def _state(step, optimizer=None):
    """A state whose every number depends on the step."""
    key = jax.random.key(step)
    kernel = jax.random.normal(key, (2, 16))
    params = {"dense_0": {"kernel": kernel, "bias": jnp.full(16, step, jnp.float32)}}
    opt_state = (optimizer or optax.adam(1e-3)).init(params)
    opt_state = jax.tree.map(lambda x: x + jnp.asarray(step, x.dtype), opt_state)
    return TrainState(jnp.int32(step), params, opt_state, jax.random.fold_in(key, 1))


def _assert_same(state, expected):
    plain = [s._replace(key=jax.random.key_data(s.key)) for s in (state, expected)]
    chex.assert_trees_all_equal(*plain, strict=True)


def _save(directory, steps, values=None, metric="psnr"):
    with Checkpoints(directory) as checkpoints:
        for step in steps:
            measured = {metric: values[step]} if step in (values or {}) else None
            checkpoints.save(_state(step), CONFIG, measured)


def _listed(directory):
    return sorted(path.name for path in Path(directory).iterdir())


def _damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif content:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    return lines


def test_a_state_comes_back_bit_for_bit(tmp_path):
    _save(tmp_path, [7])
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest_step() == 7
        _assert_same(checkpoints.restore(_state(0)), _state(7))
    params, config = load_meta_params(tmp_path)
    chex.assert_trees_all_equal(params, _state(7).meta_params)
    assert config == CONFIG


def test_no_checkpoint_is_none(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore(_state(0)) is None
    with pytest.raises(UserError, match="expected to hold a checkpoint of metainr and holds none"):
        load_meta_params(tmp_path)


@pytest.mark.parametrize("params", [jnp.ones(3), (jnp.ones(3), [jnp.zeros((2, 2))])])
def test_any_pytree_of_weights_and_an_optimizer_without_state(tmp_path, params):
    state = TrainState(jnp.int32(3), params, optax.sgd(1.0).init(params), jax.random.key(0))
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state, CONFIG)
    with Checkpoints(tmp_path) as checkpoints:
        _assert_same(checkpoints.restore(state), state)


@pytest.mark.parametrize(("metric", "best"), [("psnr", "2"), ("chamfer", "1"), ("unheard", "2")])
def test_keeps_the_last_three_and_the_best(tmp_path, metric, best):
    values = {1: 20.0, 2: 31.5, 3: float("nan"), 5: 30.0, 6: 29.0}
    _save(tmp_path, range(1, 5), values, metric)
    _save(tmp_path, range(5, 9), values, metric)
    assert _listed(tmp_path) == [best, "6", "7", "8"]
    params, _ = load_meta_params(tmp_path, best=True)
    chex.assert_trees_all_equal(params, _state(int(best)).meta_params)


def test_the_best_is_one_that_can_be_read(tmp_path, warnings):
    _save(tmp_path, [1, 2, 3], {1: 20.0, 2: 30.0})
    _damage(next((tmp_path / "2" / "meta_params" / "d").iterdir()), "bit")
    params, _ = load_meta_params(tmp_path, best=True)
    chex.assert_trees_all_equal(params, _state(1).meta_params)
    assert any("is damaged" in line for line in warnings)


def test_without_validation_there_is_no_best(tmp_path):
    _save(tmp_path, [1, 2], {1: float("nan")})
    with pytest.raises(UserError, match="no checkpoint in .* was validated"):
        load_meta_params(tmp_path, best=True)


@pytest.mark.parametrize("how", ["cut", "bit", "gone"])
def test_damaged_measurements_do_no_harm(tmp_path, how):
    _save(tmp_path, [1, 2, 3, 4], {1: 30.0, 2: 20.0})
    _damage(tmp_path / "1" / "metrics" / "metrics", how)
    with Checkpoints(tmp_path) as checkpoints:
        _assert_same(checkpoints.restore(_state(0)), _state(4))
        checkpoints.save(_state(5), CONFIG)
    assert _listed(tmp_path) == ["2", "3", "4", "5"]


def test_checkpoints_from_before_metrics_had_names_are_read(tmp_path):
    """These told a PSNR in the item with the digest, which covers it."""
    _save(tmp_path, [1, 2, 3])
    path = tmp_path / "1" / "about" / "metadata"
    arrays, config = read_checkpoint(tmp_path / "1")
    total = hashlib.sha256(json.dumps(config, sort_keys=True).encode() + b"psnr 25.5")
    for names, leaf in jax.tree_util.tree_leaves_with_path(arrays):
        name = "".join(part.key for part in names)
        total.update(f"{name} {leaf.dtype} {leaf.shape}".encode() + leaf.tobytes())
    about = {"sha256": total.hexdigest(), "config": config, "psnr": 25.5}
    path.write_text(json.dumps(about))
    shutil.rmtree(tmp_path / "1" / "metrics")
    _save(tmp_path, [4, 5])
    assert _listed(tmp_path) == ["1", "3", "4", "5"]
    params, _ = load_meta_params(tmp_path, best=True)
    chex.assert_trees_all_equal(params, _state(1).meta_params)
    path.write_text(json.dumps(about | {"psnr": 26.5}))
    with pytest.raises(ValueError, match="digest"):
        read_checkpoint(tmp_path / "1")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    directory = tmp_path_factory.mktemp("two")
    _save(directory, [1, 2], {2: 25.0})
    return directory


@pytest.mark.parametrize("how", DAMAGES)
def test_every_file_of_the_newest_may_be_damaged(two, tmp_path, warnings, capfd, how):
    files = sorted(path.relative_to(two) for path in (two / "2").rglob("*") if path.is_file())
    assert len(files) > 15
    outcomes = set()
    for number, file in enumerate(files):
        directory = tmp_path / str(number)
        shutil.copytree(two, directory)
        _damage(directory / file, how)
        warnings.clear()
        with Checkpoints(directory) as checkpoints:
            state = checkpoints.restore(_state(0))
            found = int(state.step)
            _assert_same(state, _state(found))
            checkpoints.save(_state(2), CONFIG)
            checkpoints.save(_state(3), CONFIG)
        if found == 1:
            assert any("Checkpoint 2 is damaged" in line for line in warnings), file
            assert _listed(directory) == ["1", "2", "3", "damaged-2"], file
        else:
            assert not any("is damaged" in line for line in warnings), file
            assert _listed(directory) == ["1", "2", "3"], file
        with Checkpoints(directory) as checkpoints:  # what was saved since is really there
            _assert_same(checkpoints.restore(_state(0)), _state(3))
        shutil.rmtree(directory / "3")
        with Checkpoints(directory) as checkpoints:
            _assert_same(checkpoints.restore(_state(0)), _state(2))
        outcomes.add(found)
    assert outcomes == {1, 2}
    assert "Traceback" not in capfd.readouterr().err


def test_every_bit_of_the_arrays_counts(two, tmp_path):
    (data,) = (two / "2" / "meta_params" / "d").iterdir()
    size = data.stat().st_size
    for position in np.random.default_rng(0).integers(0, 8 * size, 12).tolist():
        directory = shutil.copytree(two, tmp_path / str(position))
        path = directory / data.relative_to(two)
        content = bytearray(path.read_bytes())
        content[position // 8] ^= 1 << position % 8
        path.write_bytes(content)
        with Checkpoints(directory) as checkpoints:
            state = checkpoints.restore(_state(0))
        _assert_same(state, _state(int(state.step)))


def test_the_flags_are_part_of_what_is_verified(two, tmp_path, warnings):
    directory = shutil.copytree(two, tmp_path / "copy")
    path = directory / "2" / "about" / "metadata"
    about = json.loads(path.read_text())
    about["config"]["width"] = 17
    path.write_text(json.dumps(about))
    assert load_meta_params(directory)[1] == CONFIG
    with Checkpoints(directory) as checkpoints:
        assert int(checkpoints.restore(_state(0)).step) == 1
    assert any("does not match its digest" in line for line in warnings)


def test_all_damaged_is_an_error_and_nothing_is_deleted(two, tmp_path, warnings):
    directory = shutil.copytree(two, tmp_path / "copy")
    for step in ("1", "2"):
        _damage(directory / step / "about" / "metadata", "cut")
    before = sorted(directory.rglob("*"))
    with pytest.raises(UserError, match="nothing was deleted; restore the folder") as caught:
        with Checkpoints(directory) as checkpoints:
            checkpoints.restore(_state(0))
    assert "2: JSONDecodeError" in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(directory.rglob("*")) == before
    with pytest.raises(UserError, match="holds only damaged ones"):
        load_meta_params(directory)


def test_damaged_ones_do_not_overwrite_one_another(two, tmp_path, warnings):
    directory = shutil.copytree(two, tmp_path / "copy")
    for count in (1, 2):
        _damage(directory / "2" / "about" / "metadata", "cut")
        with Checkpoints(directory) as checkpoints:
            checkpoints.restore(_state(0))
            checkpoints.save(_state(2), CONFIG)
        assert len(list(directory.glob("damaged-2*"))) == count


def test_another_model_is_told_and_stays(two, tmp_path):
    directory = shutil.copytree(two, tmp_path / "copy")
    other = _state(0, optax.sgd(1e-3, momentum=0.9))
    with pytest.raises(UserError, match="of another model or optimizer: .*opt_state"):
        with Checkpoints(directory) as checkpoints:
            checkpoints.restore(other)
    wider = other._replace(meta_params={"dense_0": {"kernel": jnp.ones((2, 32))}})
    with pytest.raises(UserError, match="meta_params/dense_0/bias is float32.16., expected noth"):
        with Checkpoints(directory) as checkpoints:
            checkpoints.restore(wider)
    assert _listed(directory) == ["1", "2"]


def test_half_written_ones_are_swept_away(two, tmp_path):
    directory = shutil.copytree(two, tmp_path / "copy")
    shutil.copytree(directory / "2", directory / "3.orbax-checkpoint-tmp")
    with Checkpoints(directory) as checkpoints:
        _assert_same(checkpoints.restore(_state(0)), _state(2))
        for _ in range(600):  # orbax sweeps in a thread of its own
            if _listed(directory) == ["1", "2"]:
                break
            time.sleep(0.1)
    assert _listed(directory) == ["1", "2"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write checkpoints to"):
        Checkpoints(tmp_path / "file" / "checkpoints")


def test_a_failed_write_told_when_closing_names_the_folder(tmp_path, monkeypatch):
    """As of several failed writes on a full disk: each wait tells one."""
    close = ocp.CheckpointManager.close

    def failing(manager):
        close(manager)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ocp.CheckpointManager, "close", failing)
    with pytest.raises(UserError, match=rf"to {tmp_path}: OSError: .*space.*kept steps: \[1, 2\]"):
        _save(tmp_path, [1, 2])
