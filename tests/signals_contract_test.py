"""What every class of signals that needs no data of the user's must keep."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError

SPLITS = ("train", "validation", "test")


class Kind(NamedTuple):
    """One family of classes.

    family: of the options that its classes take.
    options: (resolution, seed) -> options.
    needs_data: names of those that read a user's files, which have tests of their own.
    channels: of its images, which are square; None for Views.
    """

    family: type
    options: Callable[[int, int], Any]
    needs_data: set[str]
    channels: int | None = None


def _objects(resolution, seed):
    return signals.ObjectOptions(resolution, seed, num_views=2)


KINDS = (
    Kind(
        signals.ImageOptions, signals.ImageOptions, {"folder", "celeba", "imagenette"}, channels=3
    ),
    Kind(signals.SliceOptions, signals.SliceOptions, {"slices"}, channels=1),
    Kind(signals.ObjectOptions, _objects, {"shapenet", "nerf_folder"}),
    Kind(signals.LandmarkOptions, signals.LandmarkOptions, {"phototourism", "colmap"}),
)
KIND_OF = {
    name: kind
    for kind in KINDS
    for name in {*signals.FAMILIES[kind.family].classes} - kind.needs_data
}
NAMES = sorted(KIND_OF)
SIZES = {"phantoms": {"train": 2048, "validation": 64, "test": 256}}  # others: as below


def _make(name, resolution=16, seed=0):
    kind = KIND_OF[name]
    return signals.make(name, kind.options(resolution, seed))


def _leaves(signal):
    return signal if isinstance(signal, Views) else (signal,)


def _bytes(signal):
    return b"".join(leaf.tobytes() for leaf in _leaves(signal))


def _digests(names):
    """Of one signal of each class."""
    signal = {name: _make(name, 37, seed=3).get("test", 5) for name in names}
    return {name: hashlib.sha256(_bytes(signal[name])).hexdigest() for name in names}


def _assert_equal(signal, other):
    for leaf, expected in zip(_leaves(signal), _leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, expected)


def test_no_name_stands_in_two_families():
    names = [name for family in signals.FAMILIES.values() for name in family.classes]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resolution", [2, 16, 37, 64])
def test_signals_have_the_right_form(name, resolution):
    channels = KIND_OF[name].channels
    for split in SPLITS:
        signal = _make(name, resolution).get(split, 7)
        if channels is None:
            _check_views(signal, resolution)
            continue
        assert signal.shape == (resolution, resolution, channels)
        assert signal.dtype == np.float32
        assert 0 <= signal.min() <= signal.max() <= 1


def _check_views(views, resolution):
    num, height, width, channels = views.images.shape
    assert channels == 3 and 2 <= height <= resolution and 2 <= width <= resolution
    shapes = [(num, 3, 4), (num, 3, 3), (num, 2), (num, 4)]
    assert [leaf.shape for leaf in views[1:]] == shapes
    assert {leaf.dtype for leaf in views[:4]} == {np.dtype(np.float32)}
    assert views.windows.dtype == np.int32
    assert 0 <= views.images.min() <= views.images.max() <= 1
    assert all(np.isfinite(leaf).all() for leaf in views)
    near, far = views.bounds.T
    assert (near > 0).all() and (near < far).all()
    row, column, rows, columns = views.windows.T
    assert (views.windows[:, :2] >= 0).all() and (views.windows[:, 2:] >= 2).all()
    assert (row + rows <= height).all() and (column + columns <= width).all()


@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_the_last_signals(name):
    signal = _make(name)
    assert signal.sizes == SIZES.get(name, {"train": 10_000, "validation": 1_000, "test": 1_000})
    assert not signal.names
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
        _assert_equal(second.get("train", index), forward[index])


def test_another_process_makes_the_same_bits():
    folder, name = Path(__file__).parent, Path(__file__).stem
    code = f"import json, sys; sys.path.append({str(folder)!r}); import {name} as test\n"
    code += "print(json.dumps(test._digests(test.NAMES)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(run.stdout) == _digests(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_threads_do_not_disturb_one_another(name):
    signal = _make(name, 37)
    indices = [*range(12)] * 3
    with ThreadPoolExecutor(6) as pool:
        threaded = list(pool.map(lambda index: signal.get("train", index), indices))
    for index, found in zip(indices, threaded):
        _assert_equal(found, signal.get("train", index))


@pytest.mark.parametrize("name", NAMES)
def test_no_signal_comes_twice(name):
    found = [
        _bytes(_make(name, 32, seed).get(split, index))
        for seed in (0, 1)
        for split in SPLITS
        for index in range(25)
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_callers_changes_stay_with_the_caller(name):
    signal = _make(name)
    kept = _bytes(signal.get("train", 0))
    for leaf in _leaves(signal.get("train", 0)):
        leaf[:] = 0.5
    assert _bytes(signal.get("train", 0)) == kept


@pytest.mark.parametrize("name", NAMES)
def test_a_resolution_shows_the_same_signal_finer(name):
    coarse, fine = _make(name, 32), _make(name, 96)
    for index in range(5):
        means = [_leaves(signal.get("train", index))[0].mean() for signal in (coarse, fine)]
        assert abs(means[0] - means[1]) < 0.04


@pytest.mark.parametrize("name", NAMES)
def test_bad_options_are_refused(name):
    for resolution in (1, 0, -3):
        with pytest.raises(UserError, match=f"resolution {resolution} is too small"):
            _make(name, resolution)
    with pytest.raises(UserError, match="seed -1 is negative"):
        _make(name, seed=-1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.family.__name__)
def test_an_unknown_name_is_answered_with_the_nearest(kind):
    classes = signals.FAMILIES[kind.family].classes
    for name in classes:
        wrong = name[:2] + name[3:]
        with pytest.raises(UserError, match=f"did you mean {name}") as caught:
            signals.make(wrong, kind.options(16, 0))
        assert all(name in str(caught.value) for name in classes)
    with pytest.raises(UserError, match="'zzz': choose one of"):
        signals.make("zzz", kind.options(16, 0))
