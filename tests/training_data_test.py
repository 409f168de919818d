"""The order of training signals: every epoch whole, and the same after any stop."""

import itertools

import numpy as np
import pytest

from metainr.errors import UserError
from metainr.training import first_signals, training_batches
from metainr.types import SignalClass

SIZE = 12


def _signals(size=SIZE):
    return SignalClass(
        {"train": size, "validation": 3, "test": 4},
        lambda split, index: np.array([index, len(split)], np.float32),
    )


def _indices(num, batch_size=4, **options):
    batches = itertools.islice(training_batches(_signals(), batch_size, **options), num)
    batches = [(b.signal[:, 0].astype(int).tolist(), b.number.tolist()) for b in batches]
    assert all(found == numbers for found, numbers in batches)  # each signal has its number
    return [numbers for _, numbers in batches]


def test_every_epoch_visits_each_signal_once_in_another_order():
    flat = np.concatenate(_indices(9, seed=0))
    epochs = flat.reshape(3, SIZE)
    assert (np.sort(epochs) == np.arange(SIZE)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_batches_may_straddle_epochs():
    flat = np.concatenate(_indices(12, batch_size=5, seed=0))
    assert (np.sort(flat.reshape(5, SIZE)) == np.arange(SIZE)).all()


@pytest.mark.parametrize("start", [1, 3, 7])
def test_a_resumed_run_sees_what_it_would_have_seen(start):
    whole = _indices(10, batch_size=5, seed=3)
    assert _indices(10 - start, batch_size=5, seed=3, start=start) == whole[start:]


def test_the_seed_counts():
    assert _indices(3, seed=0) == _indices(3, seed=0) != _indices(3, seed=1)


def test_a_limit_uses_the_first_signals_only():
    flat = np.concatenate(_indices(5, seed=0, limit=5))
    assert (np.sort(flat.reshape(4, 5)) == np.arange(5)).all()
    with pytest.raises(UserError, match="train_signals=13 is more than the 12 training signals"):
        training_batches(_signals(), 4, seed=0, limit=13)


def test_first_signals_are_as_many_as_there_are():
    found = first_signals(_signals(), "test", 3)
    assert [signal.tolist() for signal in found] == [[0, 4], [1, 4], [2, 4]]
    assert len(first_signals(_signals(), "test", 5)) == 4


def test_a_readers_mistake_arrives_as_what_it_is():
    def get(split, index):
        raise UserError("cannot read picture x.png; restore it")

    signals = SignalClass({"train": 3, "validation": 1, "test": 1}, get)
    with pytest.raises(UserError, match="cannot read picture x.png; restore it"):
        next(training_batches(signals, 2, seed=0))
