"""Streams of photographs: their order, blocks and seams, and what is exact of every method."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr import fields, signals, streams
from metainr.algorithms import adapt, make_parts, plain_inner
from metainr.errors import UserError
from metainr.measurements import rendering
from metainr.streams.memory import replay
from metainr.streams.photographs import Blocks, rays_by_weight, rays_of, shares_of
from metainr.types import Hyper

FIELD = fields.make("positional", in_dim=3, out_dim=4, width=8, depth=2, octaves=2, frequencies=2)
PARAMS = FIELD.init(jax.random.key(0))
OPTIONS = signals.ObjectOptions(6, num_views=9)


def _blocks(parts=3):
    views = signals.make("lamps", OPTIONS).get("train", 0)
    return streams.in_blocks(views, parts, 1, streams.around)


def _course(method, blocks, steps=3):
    count = len(blocks.seen.images)
    points = blocks.seen.images[..., 0].size
    division = streams.blocks(count, points, 16, 4, rendering())
    made = streams.make_method(method, FIELD, division, streams.MethodOptions(buffer=20))
    how = streams.Steps(Hyper("adam", 1e-2), steps, 0.0, 1.0)
    run = jax.jit(
        lambda params, blocks, key: streams.run_stream(made, division, params, blocks, key, how)
    )
    return run(PARAMS, blocks, jax.random.key(1))


def _cameras(places):
    poses = np.tile(np.eye(3, 4, dtype=np.float32), (len(places), 1, 1))
    poses[..., 3] = places
    return poses


def test_blocks_are_ordered_by_position():
    street = np.array([[3.0, 0.5, 1], [-2, 0.4, 1], [1, 0.6, 1], [0, 0.5, 2]])
    np.testing.assert_array_equal(streams.along(_cameras(street)), [1, 3, 2, 0])
    angles = np.deg2rad([200.0, 10, 350, 90])
    ring = np.stack([2 * np.cos(angles), 2 * np.sin(angles), 0 * angles + 0.3], -1)
    np.testing.assert_array_equal(streams.around(_cameras(ring)), [1, 3, 0, 2])


def test_every_photograph_is_in_one_block_seen_or_unseen():
    views, blocks = signals.make("lamps", OPTIONS).get("train", 0), _blocks()
    assert blocks.seen.images.shape[:2] == (3, 2) and blocks.unseen.images.shape[:2] == (3, 1)
    both = np.concatenate([blocks.seen.poses, blocks.unseen.poses], 1)
    places = both.reshape(-1, 12)
    assert {tuple(x) for x in places} == {tuple(x) for x in views.poses.reshape(-1, 12)}
    angles = np.arctan2(both[..., 1, 3], both[..., 0, 3]) % (2 * np.pi)
    assert (angles[:-1].max(1) < angles[1:].min(1)).all()
    with pytest.raises(UserError, match="9 photographs make no 5 parts of at least 2"):
        streams.in_blocks(views, 5, 1, streams.around)


def test_modules_forget_nothing_and_one_field_changes():
    blocks = _blocks()
    matrix = np.asarray(_course("modules", blocks).matrix)
    for part in range(3):  # the very bits that it had when it was learned
        assert (matrix[part:, part] == matrix[part, part]).all()
    assert streams.forgetting(matrix) == 0
    other = np.asarray(_course("sequential", blocks).matrix)
    assert (other[1:, 0] != other[0, 0]).all()


@pytest.mark.parametrize("method", streams.METHODS)
def test_one_part_is_a_plain_fit(method):
    blocks = _blocks(1)
    course, key = _course(method, blocks), jax.random.fold_in(jax.random.key(1), 0)
    division = streams.blocks(1, 1, 16, 4, rendering())
    parts = make_parts(FIELD, (division.term,), (division.term,), Hyper("adam", 1e-2), 3)
    rows = jax.tree.map(lambda x: x[0], rays_of(blocks.seen))
    fitted, _ = adapt(plain_inner(parts)(parts.hyper), PARAMS, rows, jax.random.fold_in(key, 0), 3)
    unseen = jax.tree.map(lambda x: x[0], rays_of(blocks.unseen))
    inputs = division.exact(unseen.inputs)
    coords = rendering().points(inputs)
    raw = FIELD.apply(fitted, coords.reshape(-1, 3)).reshape(*coords.shape[:2], 4)
    expected = rendering().pool(raw, inputs).reshape(course.renders[0, 0].shape)
    np.testing.assert_allclose(course.renders[0, 0], expected, atol=1e-5)
    error = np.mean(np.square(expected - blocks.unseen.images[0]))
    for found in (course.matrix[0, 0], course.psnr):
        np.testing.assert_allclose(found, -10 * np.log10(error), rtol=1e-4)


def test_seams_are_blended_by_inverse_distance():
    seen = _cameras(np.array([[0.0, 0, 0], [2, 0, 0], [9, 0, 0]])).reshape(3, 1, 3, 4)
    asked = _cameras(np.array([[0.5, 0, 0], [1, 0, 0], [2, 0, 0]])).reshape(3, 1, 3, 4)
    views = jax.tree.map(lambda x: x[None], signals.make("lamps", OPTIONS).get("train", 0))
    modules, shares = shares_of(Blocks(views._replace(poses=seen), views._replace(poses=asked)))
    np.testing.assert_array_equal(np.sort(modules), [[0, 1]] * 3)
    near = 0.5**-4 / (0.5**-4 + 1.5**-4)
    np.testing.assert_allclose(shares, [[near, 1 - near], [0.5, 0.5], [1, 0]], rtol=1e-5)


def test_pixels_outside_of_a_window_are_neither_seen_nor_kept():
    blocks = _blocks()
    windows = np.broadcast_to([1, 2, 3, 2], blocks.seen.windows.shape)
    rows = rays_of(blocks.seen._replace(windows=windows))
    assert rows.weights.shape == (3, 2 * 36) and float(rows.weights.sum()) == 3 * 2 * 6
    rows = jax.tree.map(lambda x: x[0], rows)
    memory = replay(20)
    kept = memory.start(PARAMS, jax.tree.map(lambda x: x[None], rows))
    kept = memory.keep(kept, PARAMS, rows, jax.random.key(0))
    assert int((kept.ranks >= 0).sum()) == 12 == float(kept.seen)
    drawn = rays_by_weight(64, 4)(PARAMS, rows, jax.random.key(0), 0)
    allowed = {tuple(x) for x in np.asarray(rows.inputs.directions[rows.weights > 0]).tolist()}
    assert {tuple(x) for x in np.asarray(drawn.inputs.directions).tolist()} <= allowed
    assert bool(jnp.isfinite(drawn.inputs.depths).all())
