"""Weights held against the field that they are meant for."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr import fields
from metainr.errors import UserError
from metainr.weights import load_weights, match_structure, save_weights


def shapes(width=256, depth=5):
    options = fields.FieldOptions(in_dim=2, out_dim=3, width=width, depth=depth)
    return jax.eval_shape(fields.make("siren", options).init, jax.random.key(0))


def zeros(tree):
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), tree)


def refusal(loaded, expected, source="a.npz"):
    with pytest.raises(UserError) as caught:
        match_structure(loaded, expected, source)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and len(message) < 600
    assert message.startswith(f"weights in {source}")
    return message


def test_weights_of_the_field_are_returned_and_run():
    options = fields.FieldOptions(in_dim=2, out_dim=3, width=8, depth=12)
    field = fields.make("siren", options)
    params = field.init(jax.random.key(0))
    loaded = jax.tree.map(np.asarray, params)
    for expected in (params, jax.eval_shape(lambda: params), loaded):
        matched = match_structure(loaded, expected, "a")
        jax.tree.map(np.testing.assert_array_equal, matched, params)
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(matched))
    coords = jnp.ones((4, 2))
    np.testing.assert_array_equal(field.apply(matched, coords), field.apply(params, coords))


def test_another_width_and_depth_are_told():
    message = refusal(zeros(shapes(128)), shapes(256))
    assert "dense_0/bias is [128], expected [256]" in message
    assert "dense_0/kernel is [2, 128], expected [2, 256]" in message
    assert "…and 7 more" in message and "width" in message
    message = refusal(zeros(shapes(depth=4)), shapes(depth=5))
    assert "dense_3/bias is [3], expected [256]" in message and "…and 2 more" in message
    shallow = {name: layer for name, layer in zeros(shapes()).items() if name != "dense_4"}
    message = refusal(shallow, shapes())
    assert "dense_4/bias [3] is missing; dense_4/kernel [256, 3] is missing;" in message
    assert "more" not in message
    message = refusal(zeros(shapes()) | {"dense_5": {"bias": np.zeros(3)}}, shapes())
    assert "dense_5/bias is not expected" in message
    assert "dense_0/bias [256] is missing" in refusal({}, shapes())


def test_kinds_that_do_not_fit_are_told():
    message = refusal({"a": np.ones(1, np.float32)}, {"a": jnp.ones(1, jnp.int32)})
    assert "a is float32, expected int32" in message


def test_dtypes_become_the_expected_ones():
    value = np.array([np.pi])
    for dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
        matched = match_structure({"a": value}, {"a": jnp.zeros(1, dtype)}, "a")
        assert matched["a"].dtype == dtype
        np.testing.assert_array_equal(matched["a"], value.astype(dtype))
    matched = match_structure({"a": np.array([3])}, {"a": jnp.zeros(1)}, "a")
    assert matched["a"].dtype == jnp.float32 and matched["a"][0] == 3


def test_values_beyond_the_expected_dtype_are_refused():
    assert "a are NaN or infinite" in refusal({"a": np.array([1e39])}, {"a": jnp.zeros(1)})
    assert "b/0 are NaN" in refusal({"b": {"0": np.array([np.nan])}}, {"b": [jnp.zeros(1)]})


@jax.tree_util.register_pytree_with_keys_class
class Module:
    """A user's own pytree: attributes as children, a function as static data."""

    def __init__(self, weight, blocks):
        self.weight, self.blocks = weight, blocks

    def tree_flatten_with_keys(self):
        keys = map(jax.tree_util.GetAttrKey, ("weight", "blocks"))
        return tuple(zip(keys, (self.weight, self.blocks))), jnp.sin

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


class Parts(NamedTuple):
    module: Module
    rest: None


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_custom_pytree_comes_back_through_a_file(tmp_path, suffix):
    blocks = [{"w": jnp.full((1,), float(k))} for k in range(12)]
    tree = Parts(Module(jnp.ones((2, 3)), blocks), None)
    save_weights(tmp_path / f"a{suffix}", tree)
    loaded = load_weights(tmp_path / f"a{suffix}")
    assert loaded["module"]["blocks"]["10"]["w"] == 10
    matched = match_structure(loaded, jax.eval_shape(lambda: tree), "a")
    assert isinstance(matched.module, Module) and matched.rest is None
    assert [block["w"][0] for block in matched.module.blocks] == list(range(12))
    tree.module.blocks.append({"w": jnp.ones(2)})
    assert "module/blocks/12/w [2] is missing" in refusal(loaded, tree)


def test_a_source_that_is_no_plain_line_stays_one_line():
    with pytest.raises(UserError) as caught:
        match_structure({}, {"a": jnp.ones(1)}, "two\nlines\x1b[2J")
    assert str(caught.value).isprintable()
