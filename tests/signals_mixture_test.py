"""Mixtures of classes: shares, order, sizes, and what cannot be mixed."""

import numpy as np
import pytest
from tiny_runs import run_here

from metainr import signals
from metainr.errors import UserError
from metainr.reporting import read_results
from metainr.signals.mixture import in_cycles
from metainr.types import SignalClass

OPTIONS = signals.ImageOptions(16)


def _numbered(first, sizes, side=2):
    """Images of one value each: `first` and on."""
    sizes = dict(zip(("train", "validation", "test"), sizes))
    return SignalClass(sizes, lambda split, i: np.full((side, side, 3), first + i, np.float32))


def _values(mixture, split):
    return [int(mixture.get(split, i)[0, 0, 0]) for i in range(mixture.sizes[split])]


def test_signals_take_turns_in_their_shares():
    mixture = signals.mixed({"a": _numbered(0, (5, 4, 3)), "b": _numbered(100, (2, 1, 9))}, (2, 1))
    # The smaller class is repeated in training, until the larger one was seen.
    assert _values(mixture, "train") == [0, 1, 100, 2, 3, 101, 4, 0, 100]
    assert _values(mixture, "validation") == [0, 1, 100]
    assert _values(mixture, "test") == [0, 1, 100]
    assert mixture.cycle == 3
    with pytest.raises(IndexError):
        mixture.get("test", 3)
    stacks = in_cycles(mixture)
    assert stacks.sizes["train"] == 3
    assert stacks.get("train", 1)[:, 0, 0, 0].tolist() == [2, 3, 101]


def test_names_make_mixtures():
    mixture = signals.make("sdf, text:2", OPTIONS)
    assert mixture.cycle == 3
    for index, (name, own) in enumerate([("sdf", 0), ("text", 0), ("text", 1), ("sdf", 1)]):
        expected = signals.make(name, OPTIONS).get("test", own)
        np.testing.assert_array_equal(mixture.get("test", index), expected)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sdf,txt", "unknown class of images 'txt'"),
        ("sdf,sdf", "give different names"),
        ("sdf:0,text", "a share from 1 to 999"),
        ("sdf,", "give different names"),
        ("sdf:2", "give two classes or more"),
    ],
)
def test_names_that_make_none_are_refused(name, message):
    with pytest.raises(UserError, match=message):
        signals.make(name, OPTIONS)


def test_classes_of_several_shapes_are_refused():
    with pytest.raises(UserError, match=r"a and b cannot be mixed.*\[2, 2, 3\] and \[4, 4, 3\]"):
        signals.mixed({"a": _numbered(0, (1, 1, 1)), "b": _numbered(0, (1, 1, 1), 4)})


def test_a_run_learns_from_a_mixture_and_is_tested_on_it(tmp_path):
    flags = ("--signal=sdf,text", "--algorithm=arithmetic", "--inner_steps=1")
    assert run_here(tmp_path, *flags) == 0
    results = read_results(tmp_path)
    assert results["signal"] == "sdf,text"
    assert results["settings"]["default"]["inits"]["meta"]["metrics"]["psnr"]["mean"][-1] > 0
    # A step sees a signal of each class.
    trained = results["instruments"]["default"]
    assert trained["tasks_per_second"] == pytest.approx(2 * trained["steps_per_second"])
