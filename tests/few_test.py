"""Few examples: trainings from some signals, repeated, and changes that their class allows."""

import numpy as np
import pytest
from tiny_runs import run_here, state

from metainr.errors import UserError
from metainr.reporting import read_results
from metainr.reporting.results import families, headline
from metainr.reporting.tables import family_tables
from metainr.signals.access import SPLITS, from_example
from metainr.signals.augmentation import augmentation, of_pictures
from metainr.training.data import training_batches
from metainr.types import SignalClass


def test_counts_and_seeds_make_one_table(tmp_path):
    """No example: only inits that need none. Two: two trainings, each from other examples."""
    assert run_here(tmp_path / "other", "--inits=standard,meta", "--seed=5") == 0
    flags = ("--train_signals=0,2", "--seeds=2", f"--rivals=other={tmp_path / 'other'}")
    assert run_here(tmp_path / "few", *flags, "--inits=standard,mean,meta") == 0
    results = read_results(tmp_path / "few")
    assert [*results["settings"]] == [
        "train_signals=0",
        "train_signals=2,seed=0",
        "train_signals=2,seed=1",
    ]
    none, first, second = results["settings"].values()
    assert [*none["inits"]] == ["standard", "other"]
    assert [*first["inits"]] == ["standard", "mean", "meta"]
    assert first["inits"]["meta"]["metrics"] != second["inits"]["meta"]["metrics"]
    early = family_tables(results)[0]
    assert early.header == ("train_signals", "standard", "mean", "meta", "other")
    assert [row[0] for row in early.rows] == ["0", "2"]
    assert (
        "standard error over 2 trainings, where there is one, over the test signals" in early.note
    )
    assert headline(results) == "train_signals=2,seed=0"
    assert not (tmp_path / "few" / "train_signals=0").exists()


def test_trainings_are_joined_by_their_means():
    def setting(*means):
        values = {"mean": [0.0, None], "stderr": [1.0, None], "per_signal": [[0.0, None]]}
        return {
            "steps": [0, 1],
            "inits": {"meta": {"metrics": {"psnr": values | {"mean": [*means]}}}},
        }

    named = {f"train_signals=3,seed={i}": setting(value, None) for i, value in enumerate((2, 4, 9))}
    (joined,) = families({"settings": named})["train_signals"].values()
    found = joined["inits"]["meta"]["metrics"]["psnr"]
    assert found["mean"] == [5.0, None] and joined["trainings"] == 3
    np.testing.assert_allclose(found["stderr"][0], np.std([2, 4, 9], ddof=1) / np.sqrt(3))
    assert found["stderr"][1] is None and len(found["per_signal"]) == 3


def test_other_trainings_have_other_examples():
    whole = SignalClass(dict.fromkeys(SPLITS, 6), lambda split, index: index)
    found = [from_example(whole, 4).get("train", index) for index in range(6)]
    assert found == [4, 5, 0, 1, 2, 3]
    assert from_example(whole, 4).get("test", 0) == 0


def test_changes_are_those_that_they_are_said_to_be():
    image = np.random.default_rng(0).uniform(size=(16, 16, 3)).astype(np.float32)
    rngs = [np.random.default_rng(seed) for seed in range(8)]
    flipped = [of_pictures(["flips"])(image, rng) for rng in rngs]
    assert {np.array_equal(x, image) for x in flipped} == {True, False}
    assert all(np.array_equal(x, image) or np.array_equal(x, image[:, ::-1]) for x in flipped)
    moved = of_pictures(["shifts"])(image, np.random.default_rng(3))
    matches = [
        np.array_equal(moved[2:-2, 2:-2], np.roll(image, (i, j), (0, 1))[2:-2, 2:-2])
        for i in range(-2, 3)
        for j in range(-2, 3)
    ]
    assert sum(matches) == 1
    ramp = np.stack(np.meshgrid(*[np.linspace(0, 1, 16)] * 2, indexing="ij"), -1)
    larger = of_pictures(["scales"])(ramp, np.random.default_rng(0))  # a ramp stays one
    slopes = np.diff(larger[..., 0], axis=0)
    np.testing.assert_allclose(slopes, slopes[0, 0], rtol=1e-5)
    assert 0.8 / 15 <= slopes[0, 0] < 1 / 15 and larger.min() >= 0 and larger.max() <= 1
    tinted = of_pictures(["colours"])(image, np.random.default_rng(0))
    powers = np.log(tinted) / np.log(image)
    np.testing.assert_allclose(powers, np.broadcast_to(powers[0, 0], powers.shape), rtol=1e-3)
    sound = np.sin(np.arange(64.0))[:, None]
    later = augmentation("speech", ["shifts"])(sound, np.random.default_rng(1))
    assert np.abs(later).max() <= 1 and later.shape == sound.shape


def test_changes_are_new_each_time_and_the_same_in_every_run():
    whole = SignalClass({"train": 2, "validation": 1, "test": 1}, lambda s, i: np.zeros((4, 1)) + i)

    def change(signal, rng):
        return signal + rng.uniform(0, 0.5)

    def batches(start, rows=slice(None)):
        made = training_batches(whole, 2, seed=0, start=start, change=change, rows=rows)
        return [next(made).signal for _ in range(3)]

    found = batches(0)
    assert not np.array_equal(np.sort(found[0], 0), np.sort(found[1], 0))
    np.testing.assert_array_equal(found[2], batches(2)[0])  # as after a resumed run
    np.testing.assert_array_equal(found[1][1:], batches(0, slice(1, 2))[1])  # and on two hosts


@pytest.mark.slow
def test_augmented_trainings_are_others(tmp_path):
    changes = {"plain": (), "changed": ("--augment=flips",)}
    for name, flags in changes.items():
        flags = (*flags, "--train_signals=1", "--train_steps=4", "--inits=standard,meta")
        assert run_here(tmp_path / name, *flags) == 0
    plain, changed = (state(tmp_path / name / "train_signals=1", 4) for name in changes)
    assert any(not np.array_equal(plain[leaf], changed[leaf]) for leaf in plain)


@pytest.mark.parametrize(
    "name, kinds, expected",
    [
        ("sdf", ["colours"], "is nothing that the class sdf allows"),
        ("photos,sdf", ["flips", "shifts"], "the class sdf allows.*; give some of flips"),
        ("chairs", ["flips"], "leave it out"),
    ],
)
def test_what_a_class_does_not_allow_is_refused(name, kinds, expected):
    with pytest.raises(UserError, match=expected):
        augmentation(name, kinds)


def test_parts_of_signals_are_not_changed(tmp_path, capfd):
    flags = ("--augment=flips", "--train_seen=0.2")
    assert run_here(tmp_path / "run", *flags) == 1
    assert "with --train_seen=0.2 there are none" in capfd.readouterr().err
