"""Diffusion priors: Gaussians in closed form, and measures whose values are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.generation import (
    PriorOptions,
    distances,
    linear_schedule,
    make_guided,
    make_prior,
    make_sampler,
    one_nna,
    quality,
)

SCHEDULE = linear_schedule()
MEAN = np.array([0.3, -0.2, 0.0], np.float32)
ROOT = np.array([[0.9, 0.0, 0.0], [0.5, 0.6, 0.0], [-0.3, 0.2, 0.8]], np.float32)
COVARIANCE = ROOT @ ROOT.T


def _gaussian(noisy, level, label):
    """E[x | x_t] of x ~ N(MEAN, COVARIANCE), in closed form."""
    kept = jnp.asarray(SCHEDULE.kept)[level[0]]
    spread = kept * COVARIANCE + (1 - kept) * jnp.eye(3)
    gain = jnp.sqrt(kept) * COVARIANCE @ jnp.linalg.inv(spread)
    return MEAN[None] + (noisy - jnp.sqrt(kept) * MEAN[None]) @ gain.T


def test_samples_of_a_gaussian_have_its_mean_and_covariance():
    count = 8000
    sample = make_sampler(_gaussian, SCHEDULE, 3, 200)
    found = np.asarray(sample(jax.random.key(0), jnp.full(count, -1)))
    # Sampling error is 1/√n; what is left of the mean at the last level, √ᾱ_T = 0.08, adds to it.
    np.testing.assert_allclose(found.mean(0), MEAN, atol=4 / count**0.5 + 0.08 * 0.3)
    np.testing.assert_allclose(np.cov(found.T), COVARIANCE, atol=0.05)


def test_a_linear_measurement_of_a_gaussian_has_the_posterior_of_closed_form():
    ahead, noise = np.array([[1.0, 0.5, -0.5]], np.float32), 0.3
    seen = np.array([0.8], np.float32)
    gain = COVARIANCE @ ahead.T @ np.linalg.inv(ahead @ COVARIANCE @ ahead.T + noise**2)
    mean = MEAN + gain @ (seen - ahead @ MEAN)
    guided = make_guided(_gaussian, SCHEDULE, 3, lambda v, y: ahead @ v - y, 100)
    keys = jax.random.split(jax.random.key(1), 2000)
    found = np.asarray(jax.vmap(guided, (0, None, None, None))(keys, jnp.int32(-1), seen, noise))
    np.testing.assert_allclose(found.mean(0), mean, atol=0.1)
    assert np.var(found @ ahead.T) < 0.5 * (ahead @ COVARIANCE @ ahead.T).item()
    np.testing.assert_allclose((found @ ahead.T).mean(), (ahead @ mean).item(), atol=0.05)


def test_a_prior_learns_and_depends_on_its_label():
    options = PriorOptions(width=64, blocks=2, rate=2e-3)
    prior = make_prior(2, 2, options)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 512)
    vectors = (0.2 * rng.standard_normal((512, 2)) + np.where(labels, 1, -1)[:, None]).astype("f4")
    state, key = prior.init(jax.random.key(0)), jax.random.key(1)
    state, first = prior.advance(state, vectors, labels, key, 20)
    state, last = prior.advance(state, vectors, labels, key, 600)
    assert last < 0.7 * first
    sample = make_sampler(prior.predict(state.average), prior.schedule, 2)
    asked = jnp.repeat(jnp.array([0, 1, -1]), 100)
    found = np.asarray(sample(jax.random.key(2), asked))
    np.testing.assert_allclose(found[:100].mean(), -1, atol=0.2)
    np.testing.assert_allclose(found[100:200].mean(), 1, atol=0.2)
    assert 0.2 < (found[200:, 0] > 0).mean() < 0.8


@pytest.mark.slow
def test_steps_taken_in_two_calls_are_those_of_one():
    prior = make_prior(3, options=PriorOptions(width=8, blocks=1, batch=4))
    vectors, labels = np.eye(3, dtype=np.float32), np.full(3, -1)
    key, start = jax.random.key(0), prior.init(jax.random.key(1))
    once, _ = prior.advance(start, vectors, labels, key, 5)
    twice, _ = prior.advance(start, vectors, labels, key, 2)
    twice, _ = prior.advance(twice, vectors, labels, key, 3)
    assert all(map(np.array_equal, jax.tree.leaves(once), jax.tree.leaves(twice)))


def _sets(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(size=(size, 4, 4)) for size in sizes]


def test_distances_are_those_of_pairs():
    first, second = _sets(5, 7)
    by_hand = [[np.sqrt(np.mean((a - b) ** 2)) for b in second] for a in first]
    np.testing.assert_allclose(distances(first, second), by_hand, rtol=1e-9)
    assert (np.diag(distances(first, first)) == 0).all()


def test_a_reference_against_itself():
    (references, training) = _sets(20, 30)
    found = quality(references, references, training)
    assert (found.mmd, found.cov, found.one_nna, found.novelty) == (0, 1, 0, 1)


def test_two_halves_of_one_set_cannot_be_told_apart():
    first, second = _sets(300, 300)
    assert one_nna(first, second) == pytest.approx(0.5, abs=0.08)
    assert one_nna(first, second + 5) == 1


def test_copies_of_training_signals_have_no_novelty():
    references, training = _sets(20, 30)
    assert quality(training[:20], references, training).novelty == 0


def test_broken_samples_count():
    samples, references, training = _sets(8, 8, 8)
    samples[:2] = np.nan
    found = quality(samples, references, training)
    assert found.broken == 0.25 and found.cov <= 6 / 8
    rest = one_nna(samples[2:], references)
    assert found.one_nna == pytest.approx((2 + 14 * rest) / 16)
    everything = quality(np.full_like(samples, np.inf), references, training)
    assert (everything.mmd, everything.cov, everything.novelty) == (np.inf, 0, np.inf)
