"""What every registered class of signals must keep, those that read a user's files among them.

Families are described in `signal_kinds.KINDS`; files are written by `signal_files.FILES`.
"""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from signal_files import FILES
from signal_kinds import FAMILY_OF, KINDS, NAMES

from metainr import signals
from metainr.errors import UserError

SPLITS = ("train", "validation", "test")
ONE = {"train": 0, "validation": 0, "test": 1}
SIZES = {  # of generated classes; others: as below
    "phantoms": {"train": 2048, "validation": 64, "test": 256},
    "camera": ONE,
    "single": ONE,
}
GENERATED = sorted(set(NAMES) - set(FILES))
MANY = [name for name in GENERATED if SIZES.get(name) != ONE]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """name -> what the class's options say of its files, written when first asked for."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = FILES[name](tmp_path_factory.mktemp(name)) if name in FILES else {}
        return known[name]

    return of


@pytest.fixture
def make(said):
    """(name, resolution, seed) -> the class."""
    return lambda name, *size_and_seed: _make(name, said(name), *size_and_seed)


def _make(name, said, resolution=16, seed=0):
    options = _options(name, said, max(resolution, KINDS[FAMILY_OF[name]].least), seed)
    try:
        return signals.make(name, options)
    except UserError as error:
        if name in FILES:
            raise
        pytest.fail(
            f"class {name!r} cannot be made of sizes and a seed alone ({error}); if it reads a "
            "user's files, write small ones for it in tests/signal_files.py"
        )


def _options(name, said, resolution, seed):
    return KINDS[FAMILY_OF[name]].options(resolution, seed)._replace(**said)


def _some(signal, num):
    """The first signals that there are of a split: (its name, num indices or fewer)."""
    split = next(split for split in SPLITS if signal.sizes[split])
    return split, range(min(num, signal.sizes[split]))


def _leaves(signal):
    return signal if isinstance(signal, tuple) else (signal,)


def _bytes(signal):
    return b"".join(leaf.tobytes() for leaf in _leaves(signal))


def _digests(said):
    """Of one signal of each class, `said` being what its options say of its files."""
    signal = {}
    for name in said:
        made = _make(name, said[name], 37, 3)
        signal[name] = made.get("test", min(5, made.sizes["test"] - 1))
    return {name: hashlib.sha256(_bytes(signal[name])).hexdigest() for name in said}


def _assert_equal(signal, other):
    for leaf, expected in zip(_leaves(signal), _leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, expected)


def test_every_family_is_known():
    unknown = [family.__name__ for family in signals.FAMILIES if family not in KINDS]
    assert not unknown, f"describe {', '.join(unknown)} in tests/signal_kinds.py"
    assert set(FILES) <= set(NAMES)


def test_no_name_stands_in_two_families():
    names = [name for family in signals.FAMILIES.values() for name in family.classes]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resolution", [2, 16, 37, 64])
def test_signals_have_the_right_form(make, name, resolution):
    kind = KINDS[FAMILY_OF[name]]
    signal = make(name, resolution)
    for split in SPLITS:
        if signal.sizes[split]:
            index = min(7, signal.sizes[split] - 1)
            kind.check(signal.get(split, index), max(resolution, kind.least))


@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_the_last_signals(make, name):
    signal = make(name)
    assert tuple(signal.sizes) == SPLITS and signal.sizes["test"] > 0
    for split, size in signal.sizes.items():
        if size:
            signal.get(split, size - 1)
        for index in (size, -1):
            with pytest.raises(IndexError, match=split):
                signal.get(split, index)
    with pytest.raises(ValueError, match="unknown split 'valid'"):
        signal.get("valid", 0)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_classes_have_the_usual_sizes_and_no_names(make, name):
    signal = make(name)
    assert signal.sizes == SIZES.get(name, {"train": 10_000, "validation": 1_000, "test": 1_000})
    assert not signal.names


@pytest.mark.parametrize("name", sorted(FILES))
def test_signals_of_files_have_their_names(make, name):
    signal = make(name)
    if signal.names:  # data sets have none
        assert {split: len(names) for split, names in signal.names.items()} == signal.sizes


@pytest.mark.parametrize("name", NAMES)
def test_order_and_construction_do_not_matter(make, name):
    first, second = make(name, 37), make(name, 37)
    split, indices = _some(first, 6)
    forward = [first.get(split, index) for index in indices]
    for index in reversed(indices):
        _assert_equal(second.get(split, index), forward[index])


def test_another_process_makes_the_same_bits(said):
    folder, name = Path(__file__).parent, Path(__file__).stem
    told = {name: said(name) for name in NAMES}
    code = f"import json, sys; sys.path.append({str(folder)!r}); import {name} as test\n"
    code += "print(json.dumps(test._digests(json.loads(sys.argv[1]))))"
    run = subprocess.run(
        [sys.executable, "-c", code, json.dumps(told)], capture_output=True, check=True
    )
    assert json.loads(run.stdout) == _digests(told)


@pytest.mark.parametrize("name", NAMES)
def test_threads_do_not_disturb_one_another(make, name):
    signal = make(name, 37)
    split, indices = _some(signal, 12)
    indices = [*indices] * 3
    with ThreadPoolExecutor(6) as pool:
        threaded = list(pool.map(lambda index: signal.get(split, index), indices))
    for index, found in zip(indices, threaded):
        _assert_equal(found, signal.get(split, index))


@pytest.mark.parametrize("name", MANY)
def test_no_signal_comes_twice(make, name):
    found = [
        _bytes(make(name, 32, seed).get(split, index))
        for seed in (0, 1)
        for split in SPLITS
        for index in range(25)
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_callers_changes_stay_with_the_caller(make, name):
    signal = make(name)
    split, _ = _some(signal, 1)
    kept = _bytes(signal.get(split, 0))
    for leaf in _leaves(signal.get(split, 0)):
        leaf[...] = 0.5
    assert _bytes(signal.get(split, 0)) == kept


@pytest.mark.parametrize("name", [name for name in NAMES if KINDS[FAMILY_OF[name]].has_pixels])
def test_a_resolution_shows_the_same_signal_finer(make, name):
    coarse, fine = make(name, 32), make(name, 96)
    split, indices = _some(coarse, 5)
    for index in indices:
        means = [_leaves(signal.get(split, index))[0].mean() for signal in (coarse, fine)]
        assert abs(means[0] - means[1]) < 0.04


@pytest.mark.parametrize("name", NAMES)
def test_bad_options_are_refused(said, name):
    kind = KINDS[FAMILY_OF[name]]
    for resolution in (kind.least - 1, 0, -3):
        with pytest.raises(UserError, match=kind.too_small):
            signals.make(name, _options(name, said(name), resolution, 0))
    with pytest.raises(UserError, match="seed -1 is negative"):
        signals.make(name, _options(name, said(name), 64, -1))


@pytest.mark.parametrize("family", KINDS, ids=lambda family: family.__name__)
def test_an_unknown_name_is_answered_with_the_nearest(family):
    classes = signals.FAMILIES[family].classes
    options = KINDS[family].options(16, 0)
    for name in classes:
        wrong = name[:2] + name[3:]
        with pytest.raises(UserError, match=f"did you mean {name}") as caught:
            signals.make(wrong, options)
        assert all(name in str(caught.value) for name in classes)
    with pytest.raises(UserError, match="'zzz': choose one of"):
        signals.make("zzz", options)
