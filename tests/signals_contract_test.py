"""What every class of signals that needs no data of the user's must keep."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from metainr import signals
from metainr.errors import UserError

NEEDS_DATA = {"folder", "celeba", "imagenette"}
NAMES = sorted(set(signals.REGISTRY) - NEEDS_DATA)
SPLITS = ("train", "validation", "test")
_HASHES = """
import hashlib, json, sys
from metainr import signals
options = signals.ImageOptions(37, seed=3)
digest = lambda name: hashlib.sha256(signals.make(name, options).get("test", 5).tobytes())
print(json.dumps({name: digest(name).hexdigest() for name in sys.argv[1:]}))
"""


def _make(name, resolution=16, seed=0):
    return signals.make(name, signals.ImageOptions(resolution, seed))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resolution", [2, 16, 37, 64])
def test_images_have_the_right_form(name, resolution):
    for split in SPLITS:
        image = _make(name, resolution).get(split, 7)
        assert image.shape == (resolution, resolution, 3)
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_the_last_signals(name):
    signal = _make(name)
    assert signal.sizes == {"train": 10_000, "validation": 1_000, "test": 1_000}
    for split, size in signal.sizes.items():
        signal.get(split, size - 1)
        for index in (size, -1):
            with pytest.raises(IndexError, match=split):
                signal.get(split, index)
    with pytest.raises(ValueError, match="unknown split 'valid'"):
        signal.get("valid", 0)


@pytest.mark.parametrize("name", NAMES)
def test_order_and_construction_do_not_matter(name):
    first, second = _make(name, 37), _make(name, 37)
    forward = [first.get("train", index) for index in range(6)]
    for index in reversed(range(6)):
        np.testing.assert_array_equal(second.get("train", index), forward[index])


def test_another_process_makes_the_same_bits():
    command = [sys.executable, "-c", _HASHES, *NAMES]
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for name in NAMES:
        image = _make(name, 37, seed=3).get("test", 5)
        assert hashlib.sha256(image.tobytes()).hexdigest() == theirs[name], name


@pytest.mark.parametrize("name", NAMES)
def test_threads_do_not_disturb_one_another(name):
    signal = _make(name, 37)
    indices = [*range(12)] * 3
    with ThreadPoolExecutor(6) as pool:
        threaded = list(pool.map(lambda index: signal.get("train", index), indices))
    for index, image in zip(indices, threaded):
        np.testing.assert_array_equal(image, signal.get("train", index))


@pytest.mark.parametrize("name", NAMES)
def test_no_signal_comes_twice(name):
    images = [
        _make(name, 32, seed).get(split, index).tobytes()
        for seed in (0, 1)
        for split in SPLITS
        for index in range(25)
    ]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("name", NAMES)
def test_a_callers_changes_stay_with_the_caller(name):
    signal = _make(name)
    first = signal.get("train", 0)
    kept = first.copy()
    first[:] = 0.5
    np.testing.assert_array_equal(signal.get("train", 0), kept)


@pytest.mark.parametrize("name", NAMES)
def test_a_resolution_shows_the_same_signal_finer(name):
    coarse, fine = _make(name, 32), _make(name, 96)
    for index in range(5):
        difference = coarse.get("train", index).mean() - fine.get("train", index).mean()
        assert abs(difference) < 0.04


@pytest.mark.parametrize("name", NAMES)
def test_bad_options_are_refused(name):
    for resolution in (1, 0, -3):
        with pytest.raises(UserError, match=f"resolution {resolution} is too small"):
            _make(name, resolution)
    with pytest.raises(UserError, match="seed -1 is negative"):
        _make(name, seed=-1)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="did you mean sdf_mixed") as caught:
        _make("sdf_mixd")
    assert all(name in str(caught.value) for name in signals.REGISTRY)
    with pytest.raises(UserError, match="'zzz': choose one of"):
        _make("zzz")
