"""What every draw of observations keeps. A new one takes part with its entry of DATA."""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr import objectives
from metainr.cameras import Views
from metainr.objectives import Samples, Seen, Sinogram
from metainr.objectives.surfaces import SolidSamples
from metainr.types import Draw

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


class Data(NamedTuple):
    """What a draw is tested on.

    draw: made with small arguments;
    support: float32, of one task;
    num: of observations drawn.
    is_random, reads_support: whether another key, or another support, makes others.
    """

    draw: Draw
    support: Any
    num: int
    is_random: bool = True
    reads_support: bool = True


def _normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def _made(name, *arguments):
    return objectives.REGISTRY[name](*arguments)


COORDS = RNG.uniform(size=(12, 2)).astype(np.float32)
SAMPLES = Samples(_normal(12, 3), np.linspace(0.1, 1, 12, dtype=np.float32))
POSITIONS = RNG.uniform(-0.5, 0.5, (2, 2)).astype(np.float32)
SOLID = SolidSamples(*(_normal(*shape) for shape in ((9, 3), (9, 3), (9, 3), (9,))))
VIEWS = Views(
    images=RNG.uniform(size=(2, 4, 5, 3)).astype(np.float32),
    poses=_normal(2, 3, 4),
    inverse_intrinsics=_normal(2, 3, 3),
    bounds=np.float32([[1, 2], [1, 3]]),
    windows=np.int32([[0, 0, 4, 5], [1, 1, 2, 3]]),
)
DATA = {
    "all_points": Data(_made("all_points", COORDS), SAMPLES, 12, is_random=False),
    "random_points": Data(_made("random_points", COORDS, 5), SAMPLES, 5),
    "random_rows": Data(_made("random_rows", COORDS, 7), SAMPLES, 7),
    "output_of": Data(
        _made("output_of", lambda params, x: jnp.sin(x @ params), 6, 2), _normal(2, 3), 6
    ),
    "zeros_at_random": Data(_made("zeros_at_random", 6), SAMPLES, 6, reads_support=False),
    "random_rays": Data(_made("random_rays", 6, 4), VIEWS, 6),
    "all_views": Data(
        _made("all_views"), Sinogram(_normal(3), _normal(3, 8), np.ones(3, np.float32)), 3, False
    ),
    "random_views": Data(
        _made("random_views", lambda image, angles: jnp.outer(jnp.cos(angles), image[0]), 4),
        _normal(8, 8, 1),
        4,
    ),
    "some_views": Data(
        _made("some_views", 2), Sinogram(_normal(3), _normal(3, 8), np.ones(3, np.float32)), 2
    ),
    "seen_points": Data(
        _made("seen_points", COORDS, 5), Seen(_normal(4, 2, 3), np.arange(8, dtype=np.int32)), 5
    ),
    "cloud_points": Data(_made("cloud_points", 8), SOLID, 8),
    "distance_points": Data(_made("distance_points", 8, 0.5), SOLID, 8),
    "with_source": Data(_made("with_source", 8, 0.1, 2.0), POSITIONS, 8),
    "in_window": Data(_made("in_window", 8, 1.0, 4), POSITIONS, 8, reads_support=False),
    "at_start": Data(_made("at_start", 8, 0.1), POSITIONS, 8),
    "at_border": Data(_made("at_border", 8, 1.0), POSITIONS, 8, reads_support=False),
}
DRAWN = pytest.mark.parametrize("name", [name for name in objectives.REGISTRY if name in DATA])


def _differs(found, other):
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(other), strict=True)
    return max(float(jnp.abs(a - b).max()) for a, b in pairs) > 1e-6


def test_every_draw_has_data():
    missing = sorted(set(objectives.REGISTRY) - set(DATA))
    assert not missing, f"give DATA an entry for {missing}: draw, support, num"


@DRAWN
def test_observations_are_as_many_as_said_and_depend_on_what_they_should(name):
    draw, support, num, is_random, reads_support = DATA[name]
    traces = []

    @jax.jit
    def drawn(support, key, step):
        traces.append(1)
        return draw(None, support, key, step)

    found = drawn(support, KEY, 0)
    assert all(leaf.shape[0] == num for leaf in jax.tree.leaves(found))
    assert found.weights.shape == (num,) and found.targets.shape[0] == num
    chex.assert_tree_all_finite(found)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(found))
    assert (found.weights >= 0).all() and found.weights.any()
    assert not _differs(found, drawn(support, KEY, 0))
    assert _differs(found, drawn(support, jax.random.key(1), 0)) == is_random
    changed = jax.tree.map(lambda x: x if x.dtype == np.int32 else 0.9 * x, support)
    assert _differs(found, drawn(changed, KEY, 0)) == reads_support
    for step in range(1, 4):
        drawn(support, KEY, step)
    assert len(traces) == 1


@DRAWN
def test_jitted_equals_unjitted_also_side_by_side(name):
    data = DATA[name]
    keys = jax.random.split(KEY, 2)
    one_by_one = [data.draw(None, data.support, key, jnp.asarray(1)) for key in keys]
    drawn = jax.jit(jax.vmap(data.draw, (None, None, 0, None)))
    side_by_side = drawn(None, data.support, keys, 1)
    expected = jax.tree.map(lambda *x: jnp.stack(jnp.broadcast_arrays(*x)), *one_by_one)
    chex.assert_trees_all_close(side_by_side, expected, rtol=1e-5, atol=1e-5)
