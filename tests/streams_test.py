"""Streams: parts and seams, what each method keeps, and what is exact of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from metainr import fields, streams
from metainr.algorithms import adapt, make_parts, plain_inner
from metainr.errors import UserError
from metainr.evaluation.metrics import psnr
from metainr.objectives import image_samples, pixel_grid
from metainr.runs.regression import grid_objectives, render
from metainr.streams.descent import observed
from metainr.streams.information import point_information, weight_information, weighted
from metainr.streams.layout import points, whole_coords
from metainr.streams.memory import consolidation, replay
from metainr.types import Hyper, SignalClass

FIELD = fields.make("siren", width=8, depth=3, omega=5, first_omega=5)
PARAMS = FIELD.init(jax.random.key(0))
PICTURE = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32)


def _fit(**options):
    options = {"parts": (2, 2), "steps": 4, "buffer": 9} | options
    return streams.fit_stream(PICTURE, field=FIELD, params=PARAMS, **options)


@pytest.mark.parametrize(
    "shape, counts, overlap", [((7,), (2,), 1), ((8, 6), (2, 3), 0), ((9, 8, 4), (2, 1, 1), 1)]
)
def test_parts_cover_the_signal_and_their_shares_add_up_to_one(shape, counts, overlap):
    layout = streams.make_layout(shape, counts, overlap)
    signal = np.random.default_rng(0).normal(size=(*shape, 2)).astype(np.float32)
    values = streams.cut(signal, layout)
    assert values.shape[:2] == (layout.num_parts, np.prod(layout.part_shape))
    np.testing.assert_allclose(streams.join(values, layout), signal, atol=1e-6)
    seen = np.bincount(points(layout).ravel(), minlength=signal[..., 0].size)
    assert (seen.max() > 1) == bool(overlap)


@pytest.mark.parametrize(
    "shape, counts, overlap, told",
    [
        ((64, 64), (3, 2), 0, "64 points make no 3 equal parts; give one of 1, 2, 4"),
        ((64, 64), (2, 2), 3, "neighbours sharing 3"),
        ((64, 64), (2,), 0, "is for 1 axes, and a signal has 64 × 64 points"),
        ((8,), (4,), 4, "overlap=4 is not below the 1 points"),
    ],
)
def test_holes_and_unequal_parts_are_refused(shape, counts, overlap, told):
    with pytest.raises(UserError, match=told):
        streams.make_layout(shape, counts, overlap)


def test_a_class_of_parts_has_each_part_once():
    signals = SignalClass({"train": 2, "test": 1}, lambda split, index: PICTURE + index)
    parts = streams.parts_of(signals, streams.make_layout((8, 8), (2, 2)))
    assert parts.sizes == {"train": 8, "test": 4}
    np.testing.assert_array_equal(parts.get("train", 6), PICTURE[4:, :4] + 1)


@pytest.mark.parametrize("overlap", [0, 2])
def test_modules_are_one_field(overlap):
    layout = streams.make_layout((8, 8), (2, 2), overlap)
    field = streams.modular(FIELD, layout)
    params = jax.vmap(FIELD.init)(jax.random.split(jax.random.key(1), 4))
    coords = pixel_grid(layout.part_shape)
    expected = streams.join(jax.vmap(FIELD.apply, (0, None))(params, coords), layout)
    np.testing.assert_allclose(render(field, params, (8, 8)), expected, atol=1e-5)


def test_modules_forget_nothing_and_one_field_does():
    course = _fit()
    matrix = np.asarray(course.matrix)
    for part in range(4):  # the very bits that it had when it was learned
        assert (matrix[part:, part] == matrix[part, part]).all()
    assert streams.forgetting(matrix) == 0
    expected = np.mean([psnr(course.renders[-1], PICTURE)])
    np.testing.assert_allclose(course.psnr, expected, rtol=1e-6)
    assert streams.forgetting(_fit(method="sequential", steps=30).matrix) > 0


@pytest.mark.parametrize("method", streams.METHODS)
def test_one_part_is_a_plain_fit(method):
    objective, _ = grid_objectives((8, 8), 0)
    parts = make_parts(FIELD, objective, objective, Hyper("adam", 1e-2), 5)
    inner = plain_inner(parts)(parts.hyper)
    fitted, _ = adapt(inner, PARAMS, image_samples(PICTURE), jax.random.key(0), 5)
    course = streams.fit_stream(
        PICTURE, (1, 1), FIELD, PARAMS, method, steps=5, learning_rate=1e-2, buffer=7
    )
    np.testing.assert_allclose(course.renders[-1], render(FIELD, fitted, (8, 8)), atol=1e-5)


def test_infinite_consolidation_freezes_and_none_does_nothing():
    frozen = np.asarray(_fit(method="ewc", pull=np.inf).matrix)
    np.testing.assert_allclose(frozen[1:], frozen[[0] * 3], atol=1e-4)
    plain = _fit(method="sequential").matrix
    np.testing.assert_allclose(_fit(method="ewc", pull=0).matrix, plain, rtol=1e-5)


def test_penalties_of_several_parts_are_one_quadratic():
    memory, part = consolidation(FIELD), observed(pixel_grid((2, 2)), np.zeros((4, 3)))
    others = [FIELD.init(jax.random.key(i)) for i in (1, 2)]
    kept = memory.start(PARAMS, part)
    for params in others:
        kept = memory.keep(kept, params, part, jax.random.key(0))
    flat = [ravel_pytree(x)[0] for x in (PARAMS, *others)]
    informations = [
        ravel_pytree(weight_information(FIELD.apply, params, part.inputs))[0] for params in others
    ]
    # θ' minimises ½ |θ' − θ|² + λ/2 Σ_i F_i (θ' − θ_i)²: its slope there is 0.
    found, _ = ravel_pytree(memory.pulled(kept, PARAMS, 3.0))
    slope = found - flat[0]
    slope += 3.0 * sum(f * (found - x) for f, x in zip(informations, flat[1:]))
    np.testing.assert_allclose(slope, 0, atol=1e-4)


def test_the_buffer_is_a_draw_of_all_that_was_seen():
    memory = replay(6)
    coords = whole_coords(streams.make_layout((8, 8), (2, 2)))
    stream = jax.vmap(observed)(jnp.asarray(coords), jnp.zeros((4, 16, 3)))
    kept = memory.start(PARAMS, stream)
    assert float(memory.rows(kept, stream, 0).weights.sum()) == 16  # nothing is remembered yet
    for number in range(3):
        part = jax.tree.map(lambda x, i=number: x[i], stream)
        kept = memory.keep(kept, PARAMS, part, jax.random.key(number))
    seen = {tuple(x) for x in coords[:3].reshape(-1, 2).tolist()}
    held = [tuple(x) for x in np.asarray(kept.rows.inputs).tolist()]
    assert len(set(held)) == 6 and set(held) <= seen
    rows = memory.rows(kept, stream, 3)
    np.testing.assert_allclose(rows.weights, [1] * 16 + [3 * 16 / 6] * 6)


def test_information_is_the_sum_of_squared_slopes():
    coords = np.random.default_rng(1).uniform(size=(37, 2)).astype(np.float32)
    flat, restore = ravel_pytree(PARAMS)
    jacobian = jax.jacfwd(lambda x: FIELD.apply(restore(x), coords))(flat)  # [n, c, weights]
    squares = np.square(np.asarray(jacobian, np.float64)).sum(1)
    of_points = point_information(FIELD.apply, PARAMS, coords)
    np.testing.assert_allclose(of_points, squares.sum(1), rtol=1e-4)
    of_weights, _ = ravel_pytree(weight_information(FIELD.apply, PARAMS, coords))
    np.testing.assert_allclose(of_weights, 2 / 3 * squares.mean(0), rtol=1e-4, atol=1e-9)


def test_weighting_by_information_keeps_the_mean_and_is_off_at_zero():
    rows = observed(pixel_grid((8, 8)), PICTURE.reshape(-1, 3))
    assert weighted(FIELD.apply, PARAMS, rows, 0.0) is rows
    weights = weighted(FIELD.apply, PARAMS, rows, 0.5).weights
    np.testing.assert_allclose(weights.mean(), 1.5, rtol=1e-5)
    assert weights.std() > 0
    assert not np.allclose(_fit(fisher=1.0).matrix, _fit().matrix, rtol=1e-5)


def test_no_steps_leave_the_init():
    course = _fit(steps=0, method="sequential")
    np.testing.assert_allclose(course.renders[-1], render(FIELD, PARAMS, (8, 8)), atol=1e-6)


def test_forgetting_by_hand():
    matrix = np.array([[30.0, 1, 99], [20, 28, 3], [25, 22, 31]])
    assert streams.forgetting(matrix) == pytest.approx((5 + 6 + 0) / 3)


def test_widths_are_those_of_equal_size():
    def make(width):
        return fields.make("siren", width=width, depth=3)

    # 2 w + w + w² + w + 3 w + 3 numbers: 148 at 8, four times of which lie next to 21.
    assert streams.num_params(make(8)) == 2 * 8 + 8 + 64 + 8 + 24 + 3
    wanted = 4 * streams.num_params(make(8))
    width = streams.width_for(make, wanted)
    sizes = {w: abs(streams.num_params(make(w)) - wanted) for w in range(1, 64)}
    assert width == min(sizes, key=sizes.__getitem__)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"method": "module"}, "did you mean modules"),
        ({"method": "replay", "buffer": 65}, "buffer=65 is larger than the stream, which has 64"),
        ({"steps": -1}, "steps is -1"),
        ({"parts": 4}, "parts is 4; give a whole number from 1"),
    ],
)
def test_mistakes_are_told(options, told):
    with pytest.raises(UserError, match=told):
        _fit(**options)
