"""Streams of fits: right, in order, bounded in memory, and read while the device works."""

import time
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr.algorithms import gradient_inner
from metainr.evaluation.ahead import map_ahead
from metainr.evaluation.fitting import Score
from metainr.evaluation.streaming import Request, fit_each, make_stream
from metainr.types import Contender, Hyper, Task

RATE = 0.25  # of fits θ_{k+1} = θ_k − rate (θ_k − y), known in closed form


def _make_inner(hyper):
    def gradient(params, held, support, key, step):
        return jnp.sum(jnp.square(params - support)) / 2, params - support

    return gradient_inner(gradient, lambda held: optax.sgd(hyper.learning_rate))


def _contender(start, rate=RATE):
    return Contender(jnp.asarray(start, jnp.float32), _make_inner, Hyper("sgd", rate))


def _stream(slots=4, steps_per_dispatch=2, of_loss=True):
    def full(params, task):
        return {"loss": jnp.square(params - task.support) / 2}

    return make_stream(
        Score(full, (lambda loss: {"loss": loss}) if of_loss else None),
        lambda params: 2 * params,
        slots=slots,
        steps_per_dispatch=steps_per_dispatch,
    )


def _requests(num, steps=lambda index: 5):
    for index in range(num):
        yield Request(f"#{index}", Task(np.float32(index), None), index, steps(index))


@pytest.mark.parametrize("of_loss", [True, False])
def test_fits_are_those_in_closed_form(of_loss):
    contenders = [_contender(0), _contender(1, 2 * RATE)]
    stream = list(
        _stream(of_loss=of_loss)(
            contenders, _requests(11, lambda index: index % 6), jax.random.key(0)
        )
    )
    assert [tag for tag, _ in stream] == [f"#{index}" for index in range(11)]
    for target, (_, fits) in enumerate(stream):
        for found, start, rate in zip(fits, (0, 1), (RATE, 2 * RATE), strict=True):
            weights = target + (start - target) * (1 - rate) ** np.arange(target % 6 + 1)
            losses = np.square(weights - target) / 2
            np.testing.assert_allclose(found.metrics["loss"], losses, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(found.params, weights[-1], rtol=1e-6)
            np.testing.assert_allclose(found.view, 2 * weights[-1], rtol=1e-6)
            assert found.seconds > 0


def test_given_supports_are_fitted_from_every_init():
    supports, num_steps = np.arange(10, dtype=np.float32), 40
    found = fit_each([_contender(0), _contender(1)], supports, jax.random.key(0), num_steps)
    assert len(found) == 10
    for target, fits in zip(supports, found):
        for fit, start in zip(fits, (0, 1), strict=True):
            weights = target + (start - target) * (1 - RATE) ** np.arange(num_steps + 1)
            np.testing.assert_allclose(fit.params, weights[-1], rtol=1e-5)
            losses = np.square(weights[:-1] - target) / 2
            np.testing.assert_allclose(fit.metrics["loss"], losses, rtol=1e-4, atol=1e-6)


def test_blocks_and_dispatches_change_nothing():
    expected = None
    for slots, steps in ((1, 1), (4, 2), (16, 7)):
        fits = _stream(slots, steps)([_contender(0)], _requests(9), jax.random.key(0))
        found = [(fit.params.tobytes(), fit.metrics["loss"].tobytes()) for _, (fit,) in fits]
        assert expected in (None, found)
        expected = found


def test_signals_that_live_at_once_do_not_grow_with_their_number():
    live, peak = set(), []

    class Signal(np.ndarray):
        pass

    def requests(num):
        for index in range(num):
            values = np.full(3, index, np.float32).view(Signal)
            live.add(index)
            weakref.finalize(values, live.discard, index)
            peak.append(len(live))
            yield Request(index, Task(values, None), index, 3)

    stream = make_stream(
        Score(lambda params, task: {"loss": jnp.sum(params)}, None),
        lambda params: params,
        slots=4,
        steps_per_dispatch=2,
    )
    peaks = []
    for num in (20, 200):
        peak.clear()
        fits = stream([_contender(np.zeros(3))], requests(num), jax.random.key(0))
        assert sum(1 for _ in fits) == num
        peaks.append(max(peak))
        assert not live
    assert peaks[0] == peaks[1] <= 3 * 4


def test_work_ahead_is_in_order_bounded_and_ended_by_errors():
    taken, done = [], []

    def items():
        for index in range(50):
            taken.append(index)
            yield index

    def slow(index):
        time.sleep(0.002 * (index % 3))
        return index

    for index in map_ahead(slow, items(), num_threads=3, depth=5):
        done.append(index)
        assert len(taken) - len(done) <= 5
    assert done == list(range(50))
    begun = []

    def fails(index):
        begun.append(index)
        if index == 3:
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        list(map_ahead(fails, range(1000), num_threads=1, depth=5))
    assert len(begun) <= 9


def test_the_next_signals_are_read_while_the_device_works():
    taken = []

    def requests():
        for request in _requests(12):
            taken.append(request.tag)
            yield request

    fits = _stream()([_contender(0)], requests(), jax.random.key(0))
    for _ in fits:
        assert len(taken) >= 8  # two blocks, before anybody waits for the first
        break
    assert len(taken) == 8
