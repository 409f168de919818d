"""Fields against hand-written ones: counts, initial weights, formulas, encodings."""

import inspect
import re

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from metainr import algorithms, fields
from metainr.errors import UserError
from metainr.fields import FieldOptions
from metainr.measurements import value
from metainr.numerics.gradients import inner_gradient
from metainr.objectives import Samples, all_points, squared_error
from metainr.types import Field, Term

QUICK = ("siren", "fourier", "hash_grid")  # others are held to their formulas in any case
FIELDS = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in fields.REGISTRY
]
KEY = jax.random.key(0)
COORDS = np.random.default_rng(0).uniform(size=(50, 2)).astype(np.float32)


def _layers(params):
    """[(kernel, bias)] in float64, first layer first."""
    ordered = [params[f"dense_{index}"] for index in range(len(params))]
    return [[np.asarray(layer[x], np.float64) for x in ("kernel", "bias")] for layer in ordered]


def _shaken(params):
    """The same with biases that are not zero."""
    return jax.tree.map(lambda x: x + 0.01 * jnp.cos(jnp.arange(x.size)).reshape(x.shape), params)


def _count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_the_papers_siren_has_198915_weights():
    params = fields.make("siren", FieldOptions()).init(KEY)
    assert _count(params) == 198_915
    assert [k.shape for k, _ in _layers(params)] == [(2, 256), *[(256, 256)] * 3, (256, 3)]


@pytest.mark.parametrize("in_dim", [2, 3])
def test_siren_starts_uniform_within_its_bounds(in_dim):
    options = FieldOptions(in_dim=in_dim, omega=30.0, first_omega=60.0)
    layers = _layers(fields.make("siren", options).init(KEY))
    limits = [1 / in_dim] + 4 * [(6 / 256) ** 0.5 / 30]
    for (kernel, bias), limit in zip(layers, limits):
        assert np.abs(kernel).max() <= limit * (1 + 1e-6)
        assert np.abs(kernel).max() > 0.98 * limit
        np.testing.assert_allclose(kernel.std(), limit / 3**0.5, rtol=0.05)
        assert (bias == 0).all()


@pytest.mark.parametrize("omegas", [(30.0, 30.0), (20.0, 50.0)])
def test_siren_is_its_formula(omegas):
    options = FieldOptions(width=16, depth=4, omega=omegas[0], first_omega=omegas[1])
    field = fields.make("siren", options)
    params = _shaken(field.init(KEY))
    x = COORDS.astype(np.float64)
    *hidden, (kernel, bias) = _layers(params)
    for index, (w, b) in enumerate(hidden):
        x = np.sin(omegas[index == 0] * (x @ w + b))
    expected = x @ kernel + bias + 0.5
    np.testing.assert_allclose(jax.jit(field.apply)(params, COORDS), expected, atol=2e-5)


ENCODINGS = {
    "mlp": lambda x, options: x,
    "positional": lambda x, options: _sin_cos(
        (x[..., None] * 2 ** np.linspace(0, 8, 20)).reshape(len(x), -1)
    ),
    "fourier": lambda x, options: _sin_cos(
        x @ (30 * np.random.default_rng(0).standard_normal((2, options.width)))
    ),
}


def _sin_cos(angles):
    return np.concatenate([np.sin(angles), np.cos(angles)], -1)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_mlps_are_their_formulas(name, output):
    options = FieldOptions(
        width=16, depth=4, activation="tanh", output_activation=output, output_offset=0.25
    )
    field = fields.make(name, options)
    params = _shaken(field.init(KEY))
    x = ENCODINGS[name](COORDS.astype(np.float64), options)
    *hidden, (kernel, bias) = _layers(params)
    for w, b in hidden:
        x = np.tanh(x @ w + b)
    x = x @ kernel + bias
    expected = 0.25 + (1 / (1 + np.exp(-x)) if output == "sigmoid" else x)
    # The angles reach 256 and 100 radians, of which float32 knows 2e-5.
    np.testing.assert_allclose(jax.jit(field.apply)(params, COORDS), expected, atol=1e-4)


@pytest.mark.parametrize("in_dim, features", [(2, 80), (3, 120)])
def test_the_positional_encoding_has_40_features_per_axis(in_dim, features):
    params = fields.make("positional", FieldOptions(in_dim=in_dim)).init(KEY)
    assert params["dense_0"]["kernel"].shape == (features, 256)


def test_the_fourier_matrix_is_a_constant_by_seed():
    values = []
    for seed in (0, 0, 1):
        field = fields.make("fourier", FieldOptions(width=8, depth=2, fourier_seed=seed))
        params = field.init(jax.random.key(seed))
        assert _count(params) == 16 * 8 + 8 + 8 * 3 + 3  # no matrix among them
        ones = jax.tree.map(np.ones_like, params)
        values.append(np.asarray(field.apply(ones, np.ones((4, 2), np.float32))))
    np.testing.assert_array_equal(values[0], values[1])
    assert np.abs(values[0] - values[2]).max() > 1e-3


@pytest.mark.parametrize("name", FIELDS)
def test_leading_axes_are_free_and_rows_independent(name):
    field = fields.make(name, FieldOptions(width=8, depth=3, omega=30.0))
    params = field.init(KEY)
    apply = jax.jit(field.apply)
    values, folded = apply(params, COORDS), apply(params, COORDS.reshape(5, 10, 2))
    np.testing.assert_allclose(folded.reshape(50, 3), values, atol=1e-5)
    np.testing.assert_allclose(apply(params, COORDS[7]), values[7], atol=1e-5)


@pytest.mark.parametrize("name", ["relu", "softplus", "gelu", "tanh", "sin", "identity"])
def test_activations_go_by_name(name):
    known = {"sin": jnp.sin, "tanh": jnp.tanh, "identity": lambda x: x}
    function = known.get(name) or getattr(jax.nn, name)
    field = fields.make("mlp", FieldOptions(width=8, depth=2, activation=name, output_offset=0.0))
    params = _shaken(field.init(KEY))
    (w, b), (v, c) = ([jnp.asarray(x, jnp.float32) for x in pair] for pair in _layers(params))
    hidden = function(jnp.dot(COORDS, w) + b[None])
    expected = jnp.dot(hidden, v) + c[None]
    np.testing.assert_allclose(field.apply(params, COORDS), expected, atol=1e-5)


@pytest.mark.parametrize("flag", ["activation", "output_activation"])
@pytest.mark.parametrize("name", ["rellu", "initializers", "zeros", "one_hot", "__doc__"])
def test_unknown_activations_are_told(flag, name):
    with pytest.raises(UserError, match=f"unknown {flag} {name!r}"):
        fields.make("mlp", **{flag: name})


@pytest.mark.parametrize("name", fields.ACTIVATIONS)
def test_activations_are_elementwise(name):
    function, x = fields.ACTIVATIONS[name], jnp.array([-1.3, 0.4, 2.2])
    together, alone = function(x), [function(value) for value in x]
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    assert together.dtype == x.dtype and np.isfinite(together).all()


def test_an_unknown_field_is_told():
    with pytest.raises(UserError, match="unknown field 'sirn'.*siren"):
        fields.make("sirn")


def _traced(field, in_dim=2):
    """All that a field computes, as text."""
    params = jax.eval_shape(field.init, KEY)
    coords = np.zeros((5, in_dim), np.float32)
    parts = [jax.make_jaxpr(field.init)(KEY), jax.make_jaxpr(field.apply)(params, coords)]
    constants = [np.asarray(x).tolist() for part in parts for x in part.consts]
    return re.sub("0x[0-9a-f]+", "", f"{parts} {constants}")


SMALL = FieldOptions(width=4, depth=3, sigma=0.01, frequencies=3, levels=2, coarsest=2, finest=9)
OTHERS = {"activation": "tanh", "output_activation": "tanh", "compute_dtype": "bfloat16"}


@pytest.mark.parametrize("name", fields.REGISTRY)
def test_every_option_counts_and_has_the_shared_default(name):
    signature = inspect.signature(fields.REGISTRY[name]).parameters
    small = SMALL._replace(table_size=50)
    before = _traced(fields.make(name, small))
    published = ("omega", "first_omega", "sigma") if name == "wire" else ()
    for option, argument in signature.items():
        value = getattr(small, option)
        other = OTHERS.get(option) or value + (1 if isinstance(value, int) else 0.01)
        in_dim = other if option == "in_dim" else 2
        assert _traced(fields.make(name, small, **{option: other}), in_dim) != before, option
        if option not in published:
            assert argument.default == getattr(FieldOptions(), option), option


def test_options_are_keywords_or_shared():
    field = fields.siren(in_dim=3, width=8, omega=30)
    for options, overrides in (
        (None, {"in_dim": 3, "width": 8, "omega": 30}),
        (FieldOptions(in_dim=3, width=8, omega=30), {}),
        (FieldOptions(in_dim=3, width=9, omega=30, sigma=7), {"width": 8}),
    ):
        assert _traced(fields.make("siren", options, **overrides), 3) == _traced(field, 3)


@pytest.mark.parametrize("name", fields.REGISTRY)
def test_unknown_options_are_told(name):
    known = ", ".join(inspect.signature(fields.REGISTRY[name]).parameters)
    for make in (lambda **options: fields.make(name, **options), fields.REGISTRY[name]):
        message = f"unknown option of .*{name}.* 'widht': did you mean width.* one of {known}$"
        with pytest.raises(UserError, match=message):
            make(widht=64)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("siren", {"omega": float("nan")}, "omega is nan; give a number from 1e-06 to 1e.06"),
        ("siren", {"first_omega": float("inf")}, "first_omega is inf; give a number from"),
        ("siren", {"omega": 0}, "omega is 0; give a number"),
        ("siren", {"width": 10**12}, "width is 1000000000000; give a whole number from 1 to 65536"),
        ("siren", {"width": 10**5000}, "width is .*; give a whole number"),
        ("siren", {"width": 3.5}, "width is 3.5; give a whole number from 1 to 65536"),
        ("siren", {"width": "64"}, "width is '64'; give a whole number"),
        ("siren", {"width": True}, "width is True; give a whole number"),
        ("siren", {"omega": True}, "omega is True; give a number"),
        ("siren", {"width": None}, "width is None"),
        ("siren", {"width": np.ones((9, 9))}, "width is array"),
        ("siren", {"depth": 10**9}, "depth is 1000000000; give a whole number from 2 to 256"),
        ("siren", {"depth": 1}, "depth is 1; give a whole number from 2 to 256"),
        ("siren", {"in_dim": 0}, "in_dim is 0; give a whole number from 1"),
        ("siren", {"out_dim": -1}, "out_dim is -1; give a whole number from 1"),
        ("siren", {"width": 2**16, "depth": 256}, "a field of 109.* weights is above 2147483648"),
        ("siren", {"compute_dtype": 16}, "compute_dtype is 16; give one of float32"),
        ("gaussian", {"sigma": 0.0}, "sigma is 0.0; give a number from"),
        ("mlp", {"activation": "sum"}, "unknown activation 'sum'"),
        ("mlp", {"activation": None}, "activation is None; give the name of an elementwise"),
        ("mlp", {"activation": ""}, "activation is ''; give the name of an elementwise"),
        ("mlp", {"activation": ["relu"]}, "activation is .*relu.*; give the name"),
        ("mlp", {"activation": "relu\n" * 99}, "unknown activation"),
        ("positional", {"octaves": 1e9}, "octaves is 1000000000.0; give a number from 0 to 64"),
        ("fourier", {"fourier_seed": 10**30}, "fourier_seed is 10+; give a whole number from 0"),
        ("hash_grid", {"table_size": 2**40}, "table_size is 1099511627776; give a whole number"),
        ("hash_grid", {"coarsest": 32, "finest": 16}, "finest 16 .* below its coarsest 32"),
        ("hash_grid", {"levels": 64, "table_size": 2**24, "coarsest": 2**23, "finest": 2**24},
         "a field of 21.* weights is above 2147483648"),
    ],
)  # fmt: skip
def test_values_that_an_option_cannot_have_are_told_in_one_line(name, options, message):
    for shared in (None, FieldOptions(**options)):
        with pytest.raises(UserError, match=message) as told:
            fields.make(name, shared, **({} if shared else options))
        line = str(told.value)
        assert "\n" not in line and "--" not in line and len(line) < 500


def test_numbers_of_numpy_are_numbers():
    field = fields.siren(width=np.int64(8), omega=np.float64(30), output_offset=np.float32(0.5))
    assert _traced(field) == _traced(fields.siren(width=8, omega=30.0))


def test_options_of_another_type_are_told():
    with pytest.raises(UserError, match=r"of type dict are no FieldOptions; .*make\('siren', "):
        fields.make("siren", {"width": 64})


@pytest.mark.parametrize("name", FIELDS)
def test_values_are_linear_in_the_hidden_features(name):
    field = fields.make(name, SMALL._replace(width=16, omega=9.0, first_omega=9.0, sigma=0.3))
    hidden_of = field.hidden
    if hidden_of is None:
        pytest.skip("its values are not linear in the features before them")
    params = _shaken(jax.jit(field.init)(KEY))
    both = jax.jit(lambda p: (hidden_of(p, COORDS.reshape(5, 10, 2)), field.apply(p, COORDS)))
    hidden, values = (np.asarray(x, np.float64) for x in both(params))
    last = params[f"dense_{sum(layer.startswith('dense') for layer in params) - 1}"]
    expected = hidden @ np.asarray(last["kernel"]) + np.asarray(last["bias"]) + 0.5
    np.testing.assert_allclose(values, expected.reshape(50, 3), atol=1e-5)


def _fit(field, steps=200, rate=0.05):
    """Losses of fitting a plane's height to a field's first value."""
    targets = np.stack([COORDS @ [1.0, -2.0]] * 3, -1).astype(np.float32)
    gradient = inner_gradient((Term(all_points(COORDS), value(), squared_error),), field.apply)
    inner = algorithms.gradient_inner(gradient, lambda held: optax.adam(rate))
    support = Samples(jnp.asarray(targets), jnp.ones(len(targets)))
    run = jax.jit(lambda params: algorithms.adapt(inner, params, support, KEY, steps))
    return run(field.init(KEY))[1]


def test_a_plain_function_is_a_field():
    def apply(params, coords):
        return jnp.dot(coords, params["w"]) + jnp.broadcast_to(params["b"], (*coords.shape[:-1], 3))

    field = Field(lambda key: {"w": jax.random.normal(key, (2, 3)), "b": jnp.zeros(3)}, apply)
    losses = _fit(field)
    assert losses[-1] < 1e-3 * losses[0]


def test_an_nnx_module_is_a_field():
    class Network(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(2, 16, rngs=rngs)
            self.last = nnx.Linear(16, 3, rngs=rngs)

        def __call__(self, x):
            return self.last(jnp.tanh(self.first(x)))

    def split(key):
        return nnx.split(Network(nnx.Rngs(key)))

    graph, _ = split(KEY)
    field = Field(lambda key: split(key)[1], lambda params, x: nnx.merge(graph, params)(x))
    with jax.numpy_rank_promotion("allow"):  # nnx.Linear adds its bias by it
        losses = _fit(field)
    assert losses[-1] < 1e-2 * losses[0]


@pytest.mark.slow
def test_bfloat16_keeps_float32_derivatives():
    field = fields.make("siren", FieldOptions(width=64, depth=4, omega=30.0, first_omega=30.0))
    rounded = fields.make(
        "siren",
        FieldOptions(width=64, depth=4, omega=30.0, first_omega=30.0, compute_dtype="bfloat16"),
    )
    params = field.init(KEY)

    def product(apply):
        def loss(params):
            return jnp.mean(jnp.square(apply(params, COORDS)))

        return jax.jvp(jax.grad(loss), (params,), (params,))

    for found, wanted in zip(*map(jax.tree.leaves, (product(rounded.apply), product(field.apply)))):
        assert found.dtype == jnp.float32
        assert jnp.linalg.norm(found - wanted) < 0.1 * jnp.linalg.norm(wanted)


def test_bfloat16_rounds_but_stays_near():
    options = FieldOptions(width=64, omega=30.0, first_omega=30.0)
    exact, rounded = (
        fields.make("siren", options._replace(compute_dtype=dtype)).apply
        for dtype in ("float32", "bfloat16")
    )
    params = fields.make("siren", options).init(KEY)
    found, wanted = rounded(params, COORDS), exact(params, COORDS)
    assert found.dtype == jnp.float32
    assert 1e-6 < float(jnp.abs(found - wanted).max()) < 2e-2 * float(jnp.abs(wanted).max())


def test_an_unknown_compute_dtype_is_told():
    with pytest.raises(UserError, match="compute_dtype is 'float8'; give one of float32, bfloat16"):
        fields.make("siren", compute_dtype="float8")
