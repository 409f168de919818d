"""Scores against scikit-image and hand-made cases, fits against a plain Python loop."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from metainr import algorithms, fields
from metainr.evaluation import fitting
from metainr.evaluation.baselines import fitted, shuffled
from metainr.evaluation.blocks import make_engine
from metainr.evaluation.compare import steps_to_match, summary
from metainr.evaluation.courses import Watch
from metainr.evaluation.fitting import Fits, Score, make_evaluate
from metainr.evaluation.metrics import psnr, psnr_of_mse, ssim
from metainr.evaluation.tuning import RATES, tuned
from metainr.measurements import value
from metainr.objectives import (
    Samples,
    all_points,
    image_task,
    output_of,
    pixel_grid,
    random_points,
    squared_error,
)
from metainr.types import Contender, Hyper, Term

KEY = jax.random.key(0)


def _images(shape=(40, 33, 3), noise=0.1):
    generator = np.random.default_rng(0)
    image = generator.uniform(size=shape)
    noisy = np.clip(image + noise * generator.normal(size=shape), 0, 1)
    return image.astype(np.float32), noisy.astype(np.float32)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
def test_psnr_is_scikit_images(noise):
    image, noisy = _images(noise=noise)
    expected = peak_signal_noise_ratio(image.astype(float), noisy.astype(float), data_range=1)
    np.testing.assert_allclose(psnr(image, noisy), expected, rtol=1e-5)
    np.testing.assert_allclose(psnr_of_mse(np.float32(0.001)), 30, rtol=1e-6)
    assert psnr(image, image) == np.inf


@pytest.mark.parametrize("shape", [(40, 33, 3), (11, 64, 1), (12, 12, 3)])
@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_ssim_is_scikit_images(shape, noise):
    image, noisy = _images(shape, noise)
    expected = structural_similarity(
        image.astype(float),
        noisy.astype(float),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=-1,
    )
    np.testing.assert_allclose(jax.jit(ssim)(image, noisy), expected, atol=2e-5)
    np.testing.assert_allclose(ssim(image, image), 1, atol=1e-5)


def test_ssim_of_what_is_smaller_than_its_window_is_nan():
    image, noisy = _images((10, 40, 3))
    assert np.isnan(ssim(image, noisy))


def test_steps_to_match_by_hand():
    curves = np.array([[1, 5, 9, 20], [9, 9, 9, 9], [1, 2, 3, 4], [1, 2, np.nan, 9]], float)
    steps = [0, 1, 5, 10]
    match = steps_to_match(curves, np.array([5.0, 5.0, 5.0, 5.0]), steps)
    assert match == ((1 + 0 + 10) / 3, 1)
    assert steps_to_match(curves[2:3], np.array([99.0]), steps) == (None, 1)
    assert steps_to_match(curves, np.full(4, np.nan), steps) == (None, 4)


def test_summary_by_hand():
    values = np.array([[1.0, 10.0, np.nan], [3.0, np.inf, 2.0]])
    found = summary(values)
    assert found["mean"] == [2.0, None, None]
    assert found["stderr"][0] == 1.0  # deviation √2 over √2
    assert found["stderr"][1:] == [None, None]
    assert found["per_signal"] == [[1.0, 10.0, None], [3.0, None, 2.0]]
    assert summary(values[:1])["stderr"] == [None, None, None]


def test_shuffled_keeps_every_number_and_no_order():
    params = {"a": jnp.arange(200.0).reshape(10, 20), "b": jnp.arange(100.0), "c": jnp.float32(3)}
    found, again, other = (shuffled(params, jax.random.key(seed)) for seed in (0, 0, 1))
    chex.assert_trees_all_equal(jax.tree.map(jnp.ravel, params), jax.tree.map(_sorted, found))
    chex.assert_trees_all_equal(found, again)
    for name in ("a", "b"):
        assert (found[name] != params[name]).mean() > 0.9
        assert (found[name] != other[name]).mean() > 0.9
    assert not np.array_equal(found["a"].ravel()[:100] % 100, found["b"] % 100)


def _sorted(leaf):
    return jnp.sort(leaf.ravel())


SIDE = 12
SHAPE = (SIDE, SIDE)
FIELD = fields.make("siren", fields.FieldOptions(width=16, depth=3, omega=10, first_omega=10))
COORDS = pixel_grid(SHAPE)


def _render(params):
    return FIELD.apply(params, COORDS).reshape(*SHAPE, 3)


def _full(params, image):
    picture = _render(params)
    return {"psnr": psnr(picture, image), "ssim": ssim(picture, image)}


def _learner(draw, algorithm="maml", **options):
    objective = (Term(draw, value(), squared_error),)
    parts = algorithms.make_parts(FIELD, objective, objective, Hyper("sgd", 1e-2), 2)
    options = algorithms.REGISTRY[algorithm].options(**options)
    return algorithms.make(algorithm, parts, options)


def _make_evaluate(of_loss):
    score = Score(_full, (lambda loss: {"psnr": psnr_of_mse(loss)}) if of_loss else None)
    return make_evaluate(image_task, score, lambda params, image: _render(params))


@functools.cache
def _make_inner(points):
    draw = all_points(COORDS) if points is None else random_points(COORDS, points)
    return _learner(draw).make_inner


@functools.cache
def _shared_evaluate(points):
    """Its programs are compiled once for all tests."""
    return _make_evaluate(of_loss=points is None)


def _contender(points=None, optimizer="adam"):
    return Contender(FIELD.init(KEY), _make_inner(points), Hyper(optimizer, 1e-3))


def _signals(num):
    generator = np.random.default_rng(3)
    waves = np.sin(COORDS @ generator.normal(0, 4, (2, 3 * num)))
    images = 0.5 + 0.3 * waves.reshape(*SHAPE, num, 3)
    return np.moveaxis(images, 2, 0).astype(np.float32)


def _plain_loop(contender, signals, steps, key):
    """PSNR and SSIM [signals, steps], nothing shared with what is tested but the inner loop."""
    inner = contender.make_inner(contender.hyper)
    step = jax.jit(inner.step)
    rows = []
    for index, signal in enumerate(signals):
        signal_key = jax.random.fold_in(key, index)
        state, row = inner.init(contender.meta_params), []
        for count in range(max(steps) + 1):
            if count in steps:
                row.append([float(x) for x in _full(inner.params(state), signal).values()])
            state, _ = step(state, image_task(jnp.asarray(signal), key).support, signal_key)
        rows.append(row)
    return np.moveaxis(np.array(rows), -1, 0)


@pytest.mark.parametrize(
    "points, steps",
    [
        pytest.param(None, [0, 1, 2, 5], marks=pytest.mark.slow),
        (None, [2, 4]),
        pytest.param(30, [0, 1, 2, 5], marks=pytest.mark.slow),
        pytest.param(30, [2, 4], marks=pytest.mark.slow),
    ],
)
def test_fits_equal_a_plain_loop_whatever_their_number(points, steps):
    evaluate = _shared_evaluate(points)
    contender, signals = _contender(points), _signals(11)
    psnrs, ssims = _plain_loop(contender, signals, steps, KEY)
    for num in (1, 3, 8, 11):
        fits = evaluate(contender, signals[:num], steps, KEY, num_views=9)
        np.testing.assert_allclose(fits.metrics["psnr"], psnrs[:num], rtol=1e-4)
        np.testing.assert_allclose(fits.metrics["ssim"][:, -1], ssims[:num, -1], atol=1e-4)
        if points is None:
            assert np.isnan(fits.metrics["ssim"][:, :-1]).all()
        else:
            np.testing.assert_allclose(fits.metrics["ssim"], ssims[:num], atol=1e-4)
        assert fits.views.shape == (min(num, 9), len(steps), *SHAPE, 3)
        for view, signal, row in zip(fits.views, signals, psnrs):
            np.testing.assert_allclose([psnr(x, signal) for x in view], row, rtol=1e-4)


class _Stop(Exception):
    pass


@pytest.mark.parametrize("points", [None, 30])
@pytest.mark.parametrize("stop", [2, 5, 7, 12])
def test_fits_that_were_stopped_go_on(points, stop, monkeypatch):
    monkeypatch.setattr(fitting, "_PIECE_SECONDS", 0)  # saved after every step
    monkeypatch.setattr(fitting, "_FIRST_PIECE", 1)
    evaluate = _shared_evaluate(points)
    contender, signals, steps = _contender(points), _signals(10), [0, 1, 4, 8]
    undisturbed = evaluate(contender, signals, steps, KEY, 9)
    kept, taken = {}, []

    def save(name, data):
        kept[name] = data
        if len(taken) == stop:
            raise _Stop

    def fit():
        watch = Watch("one", taken.append, kept.get, save)
        return evaluate(contender, signals, steps, KEY, num_views=9, watch=watch)

    with pytest.raises(_Stop):
        fit()
    taken.clear()
    stop = None
    fits = fit()
    assert sum(taken) == len(signals) * steps[-1]
    chex.assert_trees_all_equal(fits, undisturbed)
    other = Watch("another", taken.append, kept.get, lambda name, data: None)
    taken.clear()
    evaluate(contender, signals, steps, KEY, num_views=9, watch=other)
    assert taken.count(0) == 2  # nothing of the first was taken over
    damaged = {name: data[:100] for name, data in kept.items()}
    kept.clear()
    kept.update(damaged)
    chex.assert_trees_all_equal(fit(), undisturbed)


def test_what_cannot_be_compiled_is_measured_on_the_host():
    def finish(measured, signal):
        assert isinstance(measured["picture"], np.ndarray)
        return {"psnr": -10 * np.log10(np.mean((measured["picture"] - signal) ** 2))}

    score = Score(lambda params, image: {"picture": _render(params)}, None, finish)
    evaluate = make_evaluate(image_task, score, lambda params, image: _render(params))
    contender, signals = _contender(), _signals(10)
    fits = evaluate(contender, signals, [0, 3], KEY, num_views=9)
    direct = _shared_evaluate(None)(contender, signals, [0, 3], KEY)
    np.testing.assert_allclose(fits.metrics["psnr"], direct.metrics["psnr"], rtol=1e-4)
    for i in range(9):
        last = jax.tree.map(lambda x, i=i: x[i], fits.params)
        np.testing.assert_allclose(_render(last), fits.views[i, -1], atol=1e-5)


def test_one_compilation_per_optimizer_for_all_contenders():
    traces = []

    def make_inner(hyper):
        inner = _make_inner(None)(hyper)
        return inner._replace(step=lambda *x: (traces.append(hyper.optimizer), inner.step(*x))[1])

    evaluate = _make_evaluate(of_loss=True)
    standard, learned = FIELD.init(KEY), FIELD.init(jax.random.key(1))
    for hyper in (Hyper("sgd", 1e-2), Hyper("adam", 1e-3)):
        evaluate(Contender(standard, make_inner, hyper), _signals(8), [0, 1], KEY)
    count = len(traces)
    for params, rate in ((standard, 1e-1), (learned, 1e-5), (learned, 3e-3)):
        for optimizer in ("sgd", "adam"):
            contender = Contender(params, make_inner, Hyper(optimizer, rate))
            evaluate(contender, _signals(10), [0, 2, 7], KEY, 2)
    assert len(traces) == count and set(traces) == {"sgd", "adam"}


def _quadratic_fit(candidate, steps=4):
    """Fits of ½x² from 1 by gradient descent, best at the rate of 0.1 among those of the table."""
    optimizer, rate = candidate.hyper
    if optimizer == "adam":
        return Fits({"psnr": np.full((2, steps), -50.0)}, None)
    x = np.full(2, candidate.meta_params)
    curve = []
    for _ in range(steps):
        curve.append(-10 * np.log10(x**2))
        x = x - rate * x
    return Fits({"psnr": np.stack(curve, axis=1)}, None)


def test_tuning_picks_the_best_of_a_quadratic():
    best = tuned(Contender(1.0, None, Hyper("adam", 1e-4)), _quadratic_fit)
    assert best.hyper == Hyper("sgd", max(RATES["sgd"]))
    own = tuned(Contender(1.0, None, Hyper("sgd", 0.5)), _quadratic_fit)
    assert own.hyper == Hyper("sgd", 0.5)


@pytest.mark.parametrize("diverged", [np.nan, -np.inf])
def test_tuning_survives_divergence(diverged):
    def fit(candidate):
        good = candidate.hyper == Hyper("sgd", 1e-3)
        return Fits({"psnr": np.array([[0.0, 20.0], [0.0, 20.0 if good else diverged]])}, None)

    assert tuned(Contender(None, None, Hyper("adam", 1e-4)), fit).hyper == Hyper("sgd", 1e-3)


def test_a_perfect_fit_wins():
    def fit(candidate):
        perfect = candidate.hyper.learning_rate == 1e-2
        return Fits({"psnr": np.array([[np.inf if perfect else 9.0]])}, None)

    assert tuned(Contender(None, None, Hyper("adam", 1e-4)), fit).hyper.learning_rate == 1e-2


def test_fitting_the_mean_lowers_the_loss_to_the_mean():
    contender, signal = _contender(), _signals(1)[0]
    found, loss = fitted(contender, image_task(signal, KEY).support, KEY)
    before, after = (_loss(params, signal) for params in (contender.meta_params, found))
    assert after <= 1.001 * loss < 0.05 * before


def test_a_matched_init_comes_to_say_what_the_other_says():
    learned = FIELD.init(jax.random.key(5))
    learned = jax.tree.map(lambda x: 1.5 * x, learned)
    make_inner = _learner(output_of(FIELD.apply, 256, dim=2)).make_inner
    standard = FIELD.init(KEY)
    matched, _ = fitted(Contender(standard, make_inner, Hyper("adam", 1e-3)), learned, KEY)
    far, near = (float(jnp.mean((_render(p) - _render(learned)) ** 2)) for p in (standard, matched))
    assert near < 0.1 * far


def test_pooled_loss_is_the_loss_to_the_mean_plus_a_constant():
    signals = _signals(5)
    mean = signals.mean(0)
    params = [FIELD.init(jax.random.key(seed)) for seed in (0, 1)]
    pooled = [np.mean([_loss(p, signal) for signal in signals]) for p in params]
    to_mean = [_loss(p, mean) for p in params]
    np.testing.assert_allclose(pooled[0] - pooled[1], to_mean[0] - to_mean[1], rtol=1e-3)


def _loss(params, image):
    inner = _make_inner(None)(Hyper("sgd", 0.0))
    support = Samples(jnp.asarray(image).reshape(-1, 3), jnp.ones(SIDE * SIDE))
    return float(inner.step(inner.init(params), support, KEY)[1]["loss"])


def test_optax_optimizers_of_the_callers_own_can_be_tested():
    evaluate = _make_evaluate(of_loss=False)
    contender = _contender(optimizer=optax.rmsprop)
    fits = evaluate(contender, _signals(2), [0, 20], KEY)
    assert (np.diff(fits.metrics["psnr"], axis=1) > 0.1).all()


@pytest.mark.parametrize("algorithm", ["meta_sgd", "modulations"])
def test_what_steps_only_read_is_there_once_for_all_slots(algorithm):
    learner = _learner(all_points(COORDS), algorithm)
    contender = Contender(learner.init(KEY), learner.make_inner, Hyper("sgd", 1e-2))
    signals, steps = _signals(3), [0, 4]
    engine = make_engine(
        lambda image, key: image_task(image, key).support,
        {},
        lambda params, image, loss: {"loss": loss},
    )
    block = engine.begin(contender, signals, range(3), KEY, slots=3)
    whole = learner.make_inner(contender.hyper).init(contender.meta_params)
    chex.assert_trees_all_equal(block.held, whole.held)
    for leaf, alone in zip(*map(jax.tree.leaves, (block.states, whole._replace(held=())))):
        assert leaf.shape == (3, *alone.shape)
    psnrs, _ = _plain_loop(contender, signals, steps, KEY)
    fits = _shared_evaluate(None)(contender, signals, steps, KEY)
    np.testing.assert_allclose(fits.metrics["psnr"], psnrs, rtol=1e-4)
