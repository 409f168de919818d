"""Fields of users: networks of other libraries, and what is no field told at the door."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from metainr import fields
from metainr.errors import UserError
from metainr.weights import load_weights, match_structure, save_weights

KEY = jax.random.key(0)
COORDS = np.random.default_rng(0).uniform(size=(6, 2)).astype(np.float32)


@pytest.mark.parametrize("name", fields.REGISTRY)
def test_registered_fields_are_fields(name):
    options = fields.FieldOptions(in_dim=3, out_dim=2, width=4, depth=2, omega=9, sigma=0.1)
    fields.check_field(fields.make(name, options), 3, 2)


def test_a_linen_module_is_a_field():
    module = nn.Sequential([nn.Dense(8), nn.tanh, nn.Dense(1)])
    field = fields.of_flax(module, in_dim=2)
    fields.check_field(field, 2, 1)
    assert field.hidden is None
    params = field.init(KEY)
    np.testing.assert_array_equal(
        field.apply(params, COORDS), module.apply({"params": params}, COORDS)
    )


class _Sowing(nn.Module):
    @nn.compact
    def __call__(self, coords):
        x = jnp.tanh(nn.Dense(8)(coords))
        self.sow("intermediates", "hidden", x)
        return nn.Dense(1, name="last")(x)


def test_a_linen_module_can_tell_its_last_features():
    field = fields.of_flax(_Sowing(), in_dim=2)
    params = field.init(KEY)
    assert sorted(params) == ["Dense_0", "last"]
    features = field.hidden(params, COORDS)
    last = params["last"]
    expected = features @ last["kernel"] + last["bias"][None]
    np.testing.assert_allclose(field.apply(params, COORDS), expected, atol=1e-6)


class _Normalised(nn.Module):
    @nn.compact
    def __call__(self, coords):
        return nn.BatchNorm(use_running_average=True)(nn.Dense(3)(coords))


@pytest.mark.parametrize(
    "module, message",
    [
        (_Normalised(), "the module keeps batch_stats; a field is a function of its params"),
        (nn.Sequential([nn.tanh]), "the module keeps no params"),
        (_Sowing, "of_flax wraps a flax.linen module.* not one of type"),
        (nn.Dense(2**30), "a field of 3221225472 weights is above 2147483648"),
    ],
)
def test_modules_that_are_no_fields_are_told(module, message):
    with pytest.raises(UserError, match=message):
        fields.of_flax(module, in_dim=2)


def test_what_is_no_function_is_told():
    with pytest.raises(UserError, match="apply is of type dict; give a function"):
        fields.of_functions(lambda key: {}, {})


class _Network(NamedTuple):
    """A pytree that can be called with one point, of weights, of a function and of a constant."""

    layers: list
    activation: object
    doublings: np.ndarray

    def __call__(self, x):
        first, last = self.layers
        return jnp.dot(self.activation(jnp.dot(x, first) * 2.0 ** self.doublings[0]), last)


def _network(key):
    keys = jax.random.split(key)
    layers = [jax.random.normal(k, shape) for k, shape in zip(keys, [(2, 8), (8, 3)])]
    return _Network(layers, jnp.tanh, np.array([3]))


def _agrees(field, make, tmp_path):
    """Whether a field is what each of its networks computes, and its weights can be stored."""
    fields.check_field(field, 2, 3)
    for seed in (0, 1):
        params, network = field.init(jax.random.key(seed)), make(jax.random.key(seed))
        expected = np.stack([network(x) for x in COORDS])
        found = jax.jit(field.apply)(params, COORDS.reshape(3, 2, 2))
        np.testing.assert_allclose(found.reshape(6, 3), expected, atol=1e-5)
    save_weights(tmp_path / "field.npz", params)
    expected = jax.eval_shape(field.init, KEY)
    loaded = match_structure(load_weights(tmp_path / "field.npz"), expected, "file")
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), loaded, params))


def test_a_pytree_that_can_be_called_is_a_field(tmp_path):
    field = fields.of_equinox(_network)
    assert [x.shape for x in jax.tree.leaves(field.init(KEY))] == [(2, 8), (8, 3)]
    _agrees(field, _network, tmp_path)


def test_an_equinox_network_is_a_field(tmp_path):
    equinox = pytest.importorskip("equinox")

    def make(key):
        return equinox.nn.MLP(2, 3, width_size=8, depth=2, activation=jnp.sin, key=key)

    _agrees(fields.of_equinox(make), make, tmp_path)


def _field(values, weights=None):
    weights = {"w": np.ones((2, 1), np.float32)} if weights is None else weights
    return fields.of_functions(lambda key: weights, values)


@pytest.mark.parametrize(
    "field, message",
    [
        (
            _field(lambda params, x: x[..., 0] * params["w"][0, 0]),
            r"apply of the field returns float32 \[5\] at coords \[5, 2\], expected floats "
            r"\[5, 1\]; keep the axis of values, as values\[..., None\]",
        ),
        (_field(lambda params, x: x), r"float32 \[5, 2\] at .*, expected floats \[5, 1\]$"),
        (_field(lambda params, x: jnp.sum(x)), r"returns float32 \[\] at"),
        (_field(lambda params, x: x[..., :1] > 0), r"returns bool \[5, 1\]"),
        (_field(lambda params, x: (x, x)), "returns a tuple at coords"),
        (_field(lambda params, x: jnp.dot(x, params["v"])), "apply .* fails at .*KeyError: 'v'"),
        (_field(lambda params, x: jnp.dot(x, jnp.ones((3, 1)))), "apply .* fails .*TypeError"),
        (_field(lambda params, x: jnp.stack([p[:1] for p in x])), r"coords \[2\]"),
        (_field(lambda params, x: x[..., :1], {}), "init of the field returns no arrays"),
        (_field(lambda params, x: x, {"a": [np.arange(3)]}), "'a/0' of .* is of type int32"),
        (fields.of_functions(lambda: 1, lambda params, x: x), "init of the field fails at a key"),
        (fields.siren(in_dim=3, width=4), "apply of the field fails at coords"),
        (fields.siren(width=4), r"returns float32 \[5, 3\]"),
    ],
)
def test_what_is_no_field_is_told_in_one_line(field, message):
    with pytest.raises(UserError, match=message) as told:
        fields.check_field(field, 2, 1)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_checks_compute_nothing():
    field = fields.make("siren", width=2**13, depth=20)  # 5 GB of weights
    fields.check_field(field, 2, 3)
