"""Modulations: what a latent shifts, that it alone is adapted, and what all the rest learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_tasks import (
    KEY,
    SIREN,
    compiled_bytes,
    coords_of,
    hold_against_finite_differences,
    random_like,
    siren_task,
)

from metainr import algorithms, fields
from metainr.algorithms import ModulationsOptions, adapt, make_parts
from metainr.errors import UserError
from metainr.types import Field, Hyper

OPTIONS = fields.FieldOptions(
    width=8, depth=3, omega=10.0, first_omega=10.0, levels=2, coarsest=2, finest=4, table_size=16
)
HIDDEN = {"dense_0/bias", "dense_1/bias"}
SHIFTED = {name: HIDDEN for name in fields.REGISTRY} | {
    "mfn": HIDDEN | {"dense_2/bias"},  # three filters
    "wire": {"dense_0/bias", "bias_1"},  # the second layer's is complex
}


def _made(field, latent=4, steps=2, kind="shift"):
    parts = make_parts(field, (), (), Hyper("sgd", 0.1), steps)
    algorithm = algorithms.make("modulations", parts, ModulationsOptions(latent, kind))
    return algorithm, algorithm.make_inner(parts.hyper)


def _by_name(params):
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


@pytest.mark.parametrize("name", list(fields.REGISTRY))
def test_a_latent_of_zeros_shows_the_shared_field_and_others_shift_hidden_biases(name):
    algorithm, inner = _made(fields.make(name, OPTIONS))
    meta_params = algorithm.init(KEY)
    shared, state = _by_name(meta_params.shared), inner.init(meta_params)
    for leaf, found in _by_name(inner.params(state)).items():
        np.testing.assert_array_equal(found, shared[leaf])
    moved = _by_name(inner.params(state._replace(adapted=jnp.ones(4))))
    assert {leaf for leaf in shared if (moved[leaf] != shared[leaf]).any()} == SHIFTED[name]


@pytest.mark.usefixtures("float64")
def test_a_latent_of_all_shifts_is_the_biases_adapted_alone():
    parts, params, task = siren_task(np.float64, "sgd", 3)
    algorithm = algorithms.make("modulations", parts, ModulationsOptions(latent=16))
    meta_params = algorithm.init(KEY)
    meta_params = meta_params._replace(shared=params, projection=jnp.eye(16))
    found, losses = adapt(
        algorithm.make_inner(Hyper("sgd", 0.1)), meta_params, task.support, KEY, 4
    )

    def loss(biases):
        changed = params | {name: params[name] | {"bias": biases[name]} for name in biases}
        values = SIREN.apply(changed, coords_of(np.float64))
        return jnp.mean((values - task.support.values) ** 2)

    biases = {name: params[name]["bias"] for name in ("dense_0", "dense_1")}
    for number in range(4):
        expected, slope = jax.value_and_grad(loss)(biases)
        np.testing.assert_allclose(losses[number], expected, rtol=1e-10)
        biases = jax.tree.map(lambda b, g: b - 0.1 * g, biases, slope)
    for name, layer in params.items():
        np.testing.assert_array_equal(found[name]["kernel"], layer["kernel"])
        np.testing.assert_allclose(found[name]["bias"], biases.get(name, layer["bias"]), rtol=1e-10)


def test_scales_turn_up_units_and_shifts_move_them():
    field = fields.make("siren", OPTIONS)
    algorithm, inner = _made(field, latent=1, kind="shift_scale")
    meta_params = algorithm.init(KEY)
    moves = jnp.concatenate([jnp.full(16, 0.1), jnp.full(16, 1.0)])  # β of two layers, then γ
    meta_params = meta_params._replace(projection=moves[None])
    state = inner.init(meta_params)._replace(adapted=jnp.ones(1))
    expected = dict(meta_params.shared)
    for name in ("dense_0", "dense_1"):
        layer = expected[name]
        expected[name] = {"kernel": 2 * layer["kernel"], "bias": layer["bias"] + 0.1}
    found = _by_name(inner.params(state))
    for name, leaf in _by_name(expected).items():
        np.testing.assert_allclose(found[name], leaf, rtol=1e-6)


def test_a_field_without_kernels_to_scale_is_refused():
    with pytest.raises(UserError, match="kind shift_scale scale the kernel of each hidden layer"):
        _made(fields.make("wire", OPTIONS), kind="shift_scale")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adam", marks=pytest.mark.slow)])
def test_the_meta_gradient_against_finite_differences(optimizer):
    parts, params, task = siren_task(np.float64, optimizer, 3)
    options = ModulationsOptions(latent=5, kind="shift_scale")
    meta_params = algorithms.make("modulations", parts, options).init(KEY)
    logs = 1 + random_like(meta_params.log_rates, jax.random.key(1))
    meta_params = meta_params._replace(shared=params, log_rates=logs)
    hold_against_finite_differences("modulations", parts, meta_params, task, options)


@pytest.mark.slow
def test_an_inner_step_keeps_a_latent_and_no_weights():
    few, size = compiled_bytes("modulations", "sgd", 2, 1024, width=256)
    many, _ = compiled_bytes("modulations", "sgd", 12, 1024, width=256)
    assert (many - few) / 10 <= 0.01 * size


@pytest.mark.parametrize("params", [{"kernel": jnp.ones((2, 3))}, {"bias": jnp.ones(3)}])
def test_a_field_without_hidden_biases_is_refused(params):
    with pytest.raises(UserError, match="biases of hidden layers, of which this field has none"):
        _made(Field(lambda key: params, lambda params, coords: coords))
