"""Fields of the literature: their formulas, initial weights, and what each was published for."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr import fields
from metainr.errors import UserError
from metainr.fields import FieldOptions
from metainr.fields.hash_grid import level_cells
from metainr.fields.latent_siren import interpolated

KEY = jax.random.key(0)
COORDS = np.random.default_rng(0).uniform(size=(40, 2))
NAMES = ("gaussian", "wire", "finer", "mfn", "hash_grid")
SMALL = FieldOptions(
    width=16, depth=4, omega=8.0, first_omega=12.0, sigma=0.3, levels=3, coarsest=3, finest=9
)._replace(table_size=40)


def _layer(params, index):
    layer = params[f"dense_{index}"]
    return [np.asarray(layer[name], np.float64) for name in ("kernel", "bias") if name in layer]


def _gaussian(params, x, options):
    for index in range(3):
        kernel, bias = _layer(params, index)
        x = np.exp(-((x @ kernel + bias) ** 2) / (2 * options.sigma**2))
    kernel, bias = _layer(params, 3)
    return x @ kernel + bias


def _wire(params, x, options):
    def wavelet(omega, z):
        return np.exp(1j * omega * z - np.abs(z) ** 2 / (2 * options.sigma**2))

    kernel, bias = _layer(params, 0)
    z = wavelet(options.first_omega, x @ kernel + bias)
    for index in (1, 2):
        (kernel,) = _layer(params, index)
        real, imaginary = np.split(kernel, 2, axis=1)
        bias = np.asarray(params[f"bias_{index}"], np.float64)
        z = wavelet(options.omega, z @ (real + 1j * imaginary) + bias[0] + 1j * bias[1])
    kernel, bias = _layer(params, 3)
    real, minus_imaginary = np.split(kernel, 2)
    return (z @ (real - 1j * minus_imaginary)).real + bias


def _finer(params, x, options):
    for index in range(3):
        kernel, bias = _layer(params, index)
        z = x @ kernel + bias
        x = np.sin((options.omega if index else options.first_omega) * (np.abs(z) + 1) * z)
    kernel, bias = _layer(params, 3)
    return x @ kernel + bias


def _mfn(params, x, options):
    hidden = None
    for k in range(3):
        (frequencies, phases), (kernel, bias) = _layer(params, 2 * k), _layer(params, 2 * k + 1)
        wave = np.sin(x @ frequencies + phases)
        hidden = (wave if hidden is None else hidden * wave) @ kernel + bias
    return hidden


def _table_row(vertex, cells, table_size):
    """Row of a vertex in the table of its own level, in Python's integers."""
    d = len(vertex)
    if (cells + 1) ** d <= table_size:
        return sum(v * (cells + 1) ** axis for axis, v in enumerate(vertex))
    row = 0
    for v, prime in zip(vertex, (1, 2654435761, 805459861)):
        row ^= v * prime % 2**32
    return row % table_size


def _encoded(table, point, options):
    """The features of one point, level by level and corner by corner."""
    d, features, start = len(point), [], 0
    for level in range(options.levels):
        cells = (3, 5, 9)[level]
        place = np.clip(point, 0, 1) * cells
        low = np.minimum(place.astype(int), cells - 1)
        total = np.zeros(2)
        for corner in np.ndindex(*[2] * d):
            weight = np.prod([f if e else 1 - f for f, e in zip(place - low, corner)])
            vertex = [int(v) for v in low + corner]
            total += weight * table[start + _table_row(vertex, cells, options.table_size)]
        features.append(total)
        start += min((cells + 1) ** d, options.table_size)
    assert start == len(table)
    return np.concatenate(features)


def _hash_grid(params, x, options):
    table = np.asarray(params["encoding"]["table"], np.float64)
    x = np.stack([_encoded(table, point, options) for point in x])
    for index in range(3):
        kernel, bias = _layer(params, index)
        x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = _layer(params, 3)
    return x @ kernel + bias


FORMULAS = dict(zip(NAMES, (_gaussian, _wire, _finer, _mfn, _hash_grid)))


def _init(field):
    return jax.jit(field.init)(KEY)


def _shaken(field):
    """Generic params: neither biases of zero nor a table of nearly nothing."""

    def shake(x):
        return x + 0.1 * jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)

    return jax.jit(lambda key: jax.tree.map(shake, field.init(key)))(KEY)


@pytest.mark.parametrize("in_dim", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_fields_are_their_formulas(name, in_dim):
    options = SMALL._replace(in_dim=in_dim, output_offset=0.25)
    field = fields.make(name, options)
    params = _shaken(field)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    coords = np.random.default_rng(1).uniform(-0.2, 1.2, (30, in_dim)).astype(np.float32)
    coords[:3] = [[0.0] * in_dim, [1.0] * in_dim, [1 / 3] * in_dim]
    expected = FORMULAS[name](params, coords.astype(np.float64), options) + 0.25
    found = jax.jit(field.apply)(params, coords)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-4 * scale)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "wire" else pytest.mark.slow) for name in NAMES],
)
def test_second_derivatives_are_exact(name, float64):
    """Forward over reverse mode, batched, against central differences of the gradient."""
    field = fields.make(name, SMALL)
    params = jax.tree.map(lambda x: x.astype(jnp.float64), _shaken(field))

    def slope(params):
        return jax.grad(lambda p: jnp.mean(jnp.sin(3 * field.apply(p, COORDS))))(params)

    def product(params, direction):
        return jax.jvp(slope, (params,), (direction,))[1]

    def difference(params, direction, step=1e-8):
        up = slope(jax.tree.map(lambda x, v: x + step * v, params, direction))
        down = slope(jax.tree.map(lambda x, v: x - step * v, params, direction))
        return jax.tree.map(lambda a, b: (a - b) / (2 * step), up, down)

    @jax.jit
    def both(params):
        directions = jax.tree.map(lambda x: jnp.stack([jnp.cos(x + 1), jnp.sin(9 * x)]), params)
        found = jax.vmap(product, (None, 0))(params, directions)
        return found, jax.lax.map(lambda v: difference(params, v), directions)

    found, expected = both(params)
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    assert scale > 0
    for actual, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        assert actual.dtype == jnp.float64
        np.testing.assert_allclose(actual, wanted, atol=1e-5 * scale)


def _limits(tree):
    return {
        "/".join(str(entry.key) for entry in path): float(jnp.abs(leaf).max())
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


@pytest.mark.parametrize(
    "name, expected",
    [
        (
            "gaussian",
            {"dense_0/kernel": 0.5**0.5, "dense_1/bias": 1 / 16, "dense_2/kernel": 1 / 16},
        ),
        ("wire", {"dense_0/bias": 0.5**0.5, "dense_1/kernel": 181**-0.5, "bias_1": 181**-0.5}),
        ("finer", {"dense_0/kernel": 0.5, "dense_0/bias": 3.0, "dense_1/bias": 1 / 16}),
        ("finer", {"dense_1/kernel": (6 / 256) ** 0.5 / 30}),
        ("mfn", {"dense_0/kernel": 256 / 4**0.5, "dense_2/bias": np.pi, "dense_1/kernel": 1 / 16}),
        ("hash_grid", {"encoding/table": 1e-4, "dense_1/kernel": (6 / 512) ** 0.5}),
    ],
)
def test_weights_start_within_the_published_bounds(name, expected):
    options = FieldOptions(depth=3, omega=30.0, first_omega=256.0, first_bias=3.0)
    found = _limits(_init(fields.make(name, options)))
    for path, limit in expected.items():
        assert 0.96 * limit < found[path] <= limit * (1 + 1e-6), path


def _psnr_of_fit(field, coords, targets, params, steps=100, rate=1e-2):
    optimizer = optax.adam(rate)

    def loss(params):
        return jnp.mean(jnp.square(field.apply(params, coords) - targets))

    def step(carry, _):
        params, state = carry
        value, slope = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(slope, state)
        return (optax.apply_updates(params, updates), state), value

    run = jax.jit(lambda params: jax.lax.scan(step, (params, optimizer.init(params)), None, steps))
    return -10 * np.log10(float(run(params)[1][-1]))


def _noise():
    """The hardest of images: 24 × 24 independent values."""
    axis = (np.arange(24) / 24).astype(np.float32)
    coords = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    return coords, np.random.default_rng(0).uniform(size=(576, 1)).astype(np.float32)


def _fitted(name, options, kernels=None):
    field = fields.make(name, options)
    params = _init(field)
    if kernels is not None:
        keys = iter(jax.random.split(KEY, 99))
        params = jax.tree.map(lambda x: kernels(next(keys), x.shape) if x.ndim == 2 else x, params)
    return _psnr_of_fit(field, *_noise(), params)


IMAGE = FieldOptions(out_dim=1, width=64, depth=3)


@pytest.mark.slow
def test_gaussians_need_neither_encoding_nor_special_weights():
    options = IMAGE._replace(sigma=0.05)
    plain = _fitted("mlp", options)
    for kernels in (None, jax.nn.initializers.lecun_normal()):
        assert _fitted("gaussian", options, kernels) > plain + 6


def test_wavelets_are_local_in_space_and_frequency():
    """|ψ(u)| is a Gaussian of width σ, its spectrum one of width 1/σ around ω."""
    options = FieldOptions(in_dim=1, out_dim=1, width=2, depth=2, output_offset=0.0, sigma=0.07)
    options = options._replace(first_omega=100.0, omega=20.0)
    field = fields.make("wire", options)
    params = {
        "dense_0": {"kernel": jnp.ones((1, 1)), "bias": -0.5 * jnp.ones(1)},
        "dense_1": {"kernel": jnp.array([[1.0], [0.0]]), "bias": jnp.zeros(1)},
    }
    x = (np.arange(1024) / 1024).astype(np.float32)
    values = np.asarray(field.apply(params, x[:, None]), np.float64)[:, 0]
    energy = values**2 / np.sum(values**2)
    np.testing.assert_allclose(np.sum(energy * x), 0.5, atol=1e-3)
    np.testing.assert_allclose(np.sum(energy * (x - 0.5) ** 2) ** 0.5, 0.07 / 2**0.5, rtol=0.02)
    spectrum = np.abs(np.fft.rfft(values)) ** 2
    spectrum, omegas = spectrum / spectrum.sum(), 2 * np.pi * np.arange(513)
    centre = np.sum(spectrum * omegas)
    np.testing.assert_allclose(centre, 100, rtol=0.02)
    spread = np.sum(spectrum * (omegas - centre) ** 2) ** 0.5
    np.testing.assert_allclose(spread, 1 / (0.07 * 2**0.5), rtol=0.02)


def test_wire_fits_what_an_mlp_cannot():
    options = IMAGE._replace(omega=20.0, first_omega=20.0, sigma=0.07)
    assert _fitted("wire", options) > _fitted("mlp", options) + 12


def test_exploding_wavelets_are_told():
    with pytest.raises(UserError, match="omega 200 times sigma 0.1.*omega 20"):
        fields.make("wire", FieldOptions())


def _mean_frequency(first_bias):
    """Of a new network's values along a line, in cycles, the constant aside."""
    options = FieldOptions(in_dim=1, out_dim=8, width=64, depth=2, first_omega=30.0)
    field = fields.make("finer", options._replace(first_bias=first_bias))
    x = (np.arange(2048) / 2048).astype(np.float32)[:, None]
    values = np.asarray(jax.jit(field.apply)(_init(field), x))
    windowed = (values - values.mean(0, keepdims=True)) * np.hanning(2048)[:, None]
    spectrum = np.sum(np.abs(np.fft.rfft(windowed, axis=0)) ** 2, -1)
    return np.sum(spectrum * np.arange(1025)) / np.sum(spectrum)


def test_biases_tune_the_spectrum_of_finer():
    low, middle, high = (_mean_frequency(k) for k in (0.0, 3.0, 10.0))
    assert 4 * low < 2 * middle < high


def test_a_filter_network_is_a_sum_of_sines():
    """Of the sums and differences of its filters' frequencies, which grow exponentially many."""
    field = fields.make("mfn", FieldOptions(in_dim=1, out_dim=1, width=2, depth=4))
    params = _shaken(field)
    cycles = ((1, 2), (5, 5), (20, 20))
    for k, pair in enumerate(cycles):
        params[f"dense_{2 * k}"]["kernel"] = 2 * jnp.pi * jnp.array([pair], jnp.float32)
    x = (np.arange(128) / 128).astype(np.float32)[:, None]
    spectrum = np.abs(np.fft.rfft(np.asarray(field.apply(params, x), np.float64)[:, 0])) / 128
    last = {0, 20}
    middle = {0, 5} | {abs(a + s * b) for a in (1, 2) for b in (5,) for s in (-1, 1)}
    possible = last | {abs(20 + s * a) for a in middle for s in (-1, 1)}
    for cycle, height in enumerate(spectrum):
        assert height < 1e-6 or cycle in possible, cycle
    assert all(spectrum[cycle] > 1e-4 for cycle in (14, 26, 27, 13)), spectrum


def test_levels_of_a_hash_grid_grow_geometrically():
    assert level_cells(5, 16, 256) == (16, 32, 64, 128, 256)
    assert level_cells(16, 16, 512)[0::15] == (16, 512)
    assert level_cells(1, 7, 9) == (7,)


def test_a_level_that_fits_is_a_dense_grid():
    """Every vertex has an entry of its own; where the level does not fit, they share."""

    def seen(table_size):
        options = FieldOptions(in_dim=2, levels=1, coarsest=7, finest=7, table_size=table_size)
        field = fields.make("hash_grid", options._replace(width=8, depth=2))
        params = _init(field)
        vertices = np.stack(np.meshgrid(*[np.arange(8) / 7] * 2), -1).reshape(-1, 2)

        def encode(table, coords):
            changed = params | {"encoding": {"table": table}}
            return field.apply(changed, coords)

        table = params["encoding"]["table"]
        ones = jax.jit(jax.vmap(lambda x: jax.grad(lambda t: encode(t, x).sum())(table)))
        slopes = np.abs(np.asarray(ones(vertices.astype(np.float32)))).max(-1)
        return len(table), np.unique(slopes.argmax(-1)), (slopes > 1e-4 * slopes.max()).sum(-1)

    size, entries, touched = seen(64)
    assert size == len(entries) == 64
    assert touched.max() == 1
    size, entries, _ = seen(63)
    assert size == 63 and len(entries) < 63


def test_a_point_teaches_its_cells_alone():
    options = FieldOptions(width=8, depth=3, levels=6, coarsest=4, finest=128)
    field = fields.make("hash_grid", options)
    point = np.float32([[0.3, 0.6]])
    slope = jax.jit(jax.grad(lambda p: jnp.sum(field.apply(p, point))))(_init(field))
    touched = np.abs(slope["encoding"]["table"]).max(-1) > 0
    assert 0 < touched.sum() <= 6 * 4 < touched.size


def test_a_hash_grid_fits_detail_with_a_small_network():
    options = IMAGE._replace(width=32, depth=3, levels=4, coarsest=4, finest=24, table_size=512)
    assert _fitted("hash_grid", options) > _fitted("mlp", IMAGE) + 12


def test_a_hash_grid_is_constant_outside_the_unit_cube():
    field = fields.make("hash_grid", SMALL)
    params = _shaken(field)
    beyond = np.float32([[-3.0, 0.4], [0.2, 1.5], [7.0, -7.0]])
    apply = jax.jit(lambda x: field.apply(params, x))
    np.testing.assert_array_equal(apply(beyond), apply(np.clip(beyond, 0, 1)))
    # On the border itself the slope is that of the cell inside.
    slope = jax.jit(jax.jacfwd(apply))
    corner, inside = (slope(np.float32(x)) for x in ([0, 1], [1e-3, 0.999]))
    np.testing.assert_allclose(corner, inside, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"in_dim": 5}, "at most 4 coordinates, not 5"),
        ({"coarsest": 32, "finest": 16}, "finest 16 of a hash grid is below its coarsest 32"),
    ],
)
def test_impossible_hash_grids_are_told(changes, message):
    with pytest.raises(UserError, match=message):
        fields.make("hash_grid", FieldOptions(**changes))


def test_latents_shift_hidden_layers_where_they_are():
    options = SMALL._replace(latent_cells=3, latent_channels=2, output_offset=0.25)
    field, plain = fields.make("latent_siren", options), fields.make("siren", options)
    params = field.init(KEY)
    coords = np.random.default_rng(1).uniform(0, 1, (30, 2)).astype(np.float32)
    layers = {name: layer for name, layer in params.items() if name.startswith("dense")}
    np.testing.assert_allclose(
        field.apply(params, coords), plain.apply(layers, coords), rtol=1e-5, atol=1e-6
    )
    # Latents that are linear in the vertex are met by coordinates as they are.
    vertices = np.stack(np.meshgrid(*[np.arange(4) / 3] * 2, indexing="ij"), -1)
    found = field.apply({**params, "latents": jnp.float32(vertices)}, coords)
    x = np.float64(coords)
    for index in range(options.depth):
        kernel, bias = (np.float64(params[f"dense_{index}"][part]) for part in ("kernel", "bias"))
        x = x @ kernel + bias
        if index < options.depth - 1:
            x = x + np.float64(coords) @ np.float64(params[f"shift_{index}"]["kernel"])
            x = np.sin((options.omega if index else options.first_omega) * x)
    np.testing.assert_allclose(found, x + 0.25, atol=1e-4)
    # Outside of the unit square the nearest border counts.
    outside = interpolated(jnp.float32(vertices), jnp.float32([[-1.0, 0.5], [2.0, 3.0]]))
    np.testing.assert_allclose(outside, [[0, 0.5], [1, 1]], atol=1e-6)
