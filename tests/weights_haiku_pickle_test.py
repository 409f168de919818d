"""Pickles as Haiku's users publish them, written by a look-alike of Haiku or opcode by opcode."""

import collections
import contextlib
import pickle
import struct
import sys
import types
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
import pytest

from metainr.errors import UserError
from metainr.weights import load_weights, save_weights

MODULE = "haiku._src.data_structures"


def siren_layers(count, width=4):
    """{name: {"w", "b"}} as hk.transform numbers the layers, with distinct values."""
    generator = np.random.default_rng(0)
    sizes = [2, *[width] * (count - 1), 3]
    return {
        f"siren__model/siren_layer{f'_{k}' if k else ''}/linear": {
            "w": generator.standard_normal((sizes[k], sizes[k + 1])).astype(np.float32),
            "b": generator.standard_normal(sizes[k + 1]).astype(np.float32),
        }
        for k in range(count)
    }


def converted(layers):
    return {
        f"dense_{k}": {"kernel": layer["w"], "bias": layer["b"]}
        for k, layer in enumerate(layers.values())
    }


@contextlib.contextmanager
def lookalike(name):
    """A class that pickles as Haiku's mapping does, importable only inside the `with`."""

    class FlatMapping(Mapping):
        def __init__(self, items):
            self._mapping = dict(items)

        def __getitem__(self, key):
            return self._mapping[key]

        def __iter__(self):
            return iter(self._mapping)

        def __len__(self):
            return len(self._mapping)

        def __reduce__(self):
            return FlatMapping, (self._mapping,)

    FlatMapping.__module__, FlatMapping.__name__, FlatMapping.__qualname__ = MODULE, name, name
    names = ["haiku", "haiku._src", MODULE]
    modules = {module: types.ModuleType(module) for module in names}
    setattr(modules[MODULE], name, FlatMapping)
    sys.modules.update(modules)
    try:
        yield FlatMapping
    finally:
        for module in names:
            del sys.modules[module]


def haiku_pickle(layers, name="FlatMapping", protocol=3):
    with lookalike(name) as mapping:
        tree = mapping({key: mapping(layer) for key, layer in layers.items()})
        return pickle.dumps(tree, protocol)


def load(tmp_path, content, suffix=".pkl"):
    (tmp_path / f"weights{suffix}").write_bytes(content)
    return load_weights(tmp_path / f"weights{suffix}")


def refusal(tmp_path, content):
    with pytest.raises(UserError) as caught:
        load(tmp_path, content)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable(), message
    assert str(tmp_path / "weights.pkl") in message and len(message) < 600
    return message


def assert_same(loaded, expected):
    assert loaded.keys() == expected.keys()
    for name, layer in expected.items():
        assert loaded[name].keys() == layer.keys()
        for key, array in layer.items():
            assert loaded[name][key].dtype == array.dtype and loaded[name][key].flags.writeable
            np.testing.assert_array_equal(loaded[name][key], array)


def test_the_paper_s_pickle_is_read(tmp_path):
    layers = siren_layers(5)
    content = haiku_pickle(layers)
    assert f"c{MODULE}\nFlatMapping\n".encode() in content and "haiku" not in sys.modules
    assert_same(load(tmp_path, content), converted(layers))
    assert_same(load(tmp_path, content, ".pickle"), converted(layers))
    assert "haiku" not in sys.modules


def test_pickles_of_numpy_1_are_read(tmp_path):
    layers = siren_layers(3)
    content = haiku_pickle(layers).replace(b"cnumpy._core.", b"cnumpy.core.")
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in content
    assert_same(load(tmp_path, content), converted(layers))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["FlatMapping", "FlatMap", "frozendict", "FrozenDict"])
def test_all_protocols_and_names_of_the_mapping_are_read(tmp_path, protocol, name):
    layers = siren_layers(3)
    assert_same(load(tmp_path, haiku_pickle(layers, name, protocol)), converted(layers))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [dict, collections.OrderedDict])
def test_plain_mappings_of_any_array_are_read(tmp_path, protocol, kind):
    layers = kind((name, kind(layer)) for name, layer in siren_layers(3).items())
    assert_same(load(tmp_path, pickle.dumps(layers, protocol)), converted(layers))
    for change in (jnp.asarray, np.asfortranarray, lambda a: a.astype(">f4"), lambda a: a[::-1]):
        changed = {name: {k: change(v) for k, v in layer.items()} for name, layer in layers.items()}
        loaded = load(tmp_path, pickle.dumps(changed, protocol))
        native = {
            name: {key: np.asarray(array, np.float32) for key, array in layer.items()}
            for name, layer in changed.items()
        }
        assert_same(loaded, converted(native))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_keep_their_type(tmp_path, dtype):
    layers = {
        name: {key: array.astype(dtype) for key, array in layer.items()}
        for name, layer in siren_layers(3).items()
    }
    assert_same(load(tmp_path, pickle.dumps(layers)), converted(layers))


def test_a_stream_assembled_by_hand_is_read(tmp_path):
    """FlatMapping({"mlp/linear": FlatMapping({"w": [[1, 2, 3]], "b": [4, 5, 6]})}), protocol 3."""

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def array(shape, *values):
        start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        sizes = b"(" + b"".join(b"K" + bytes([size]) for size in shape) + b"t"
        dtype = b"cnumpy\ndtype\n" + text("f4") + b"K\x00K\x01\x87R"
        dtype += b"(K\x03" + text("<") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
        data = struct.pack(f"<{len(values)}f", *values)
        return start + b"(K\x01" + sizes + dtype + b"\x89C" + bytes([len(data)]) + data + b"tb"

    flat = f"c{MODULE}\nFlatMapping\n".encode()
    layer = flat + b"}(" + text("w") + array((1, 3), 1, 2, 3) + text("b") + array((3,), 4, 5, 6)
    stream = b"\x80\x03" + flat + b"}" + text("mlp/linear") + layer + b"u\x85Rs\x85R."
    expected = {"kernel": np.float32([[1, 2, 3]]), "bias": np.float32([4, 5, 6])}
    assert_same(load(tmp_path, stream), {"dense_0": expected})


@pytest.mark.parametrize(
    "pattern",
    ["mlp/linear{}", "mlp/~/linear{}", "linear{}", "model_2/linear{}", "net/layer{}/linear_1"],
)
def test_names_are_ordered_by_number(tmp_path, pattern):
    layers = list(siren_layers(12).values())
    for first in ("", "_0"):
        names = [pattern.format(f"_{k}" if k else first) for k in range(12)]
        named = dict(zip(names, layers))
        shuffled = {name: named[name] for name in sorted(names, reverse=True)}
        loaded = load(tmp_path, haiku_pickle(shuffled))
        assert list(loaded) == sorted(f"dense_{k}" for k in range(12))
        assert_same(loaded, converted(named) | {})


def test_what_was_converted_can_be_saved(tmp_path):
    loaded = load(tmp_path, haiku_pickle(siren_layers(3)))
    save_weights(tmp_path / "a.safetensors", loaded)
    assert_same(load_weights(tmp_path / "a.safetensors"), loaded)


def renamed(change):
    return {change(k): layer for k, layer in enumerate(siren_layers(3).values())}


def test_layers_that_are_no_chain_are_named(tmp_path):
    first = dict(list(siren_layers(3).items())[:1])
    wrong_width = first | {
        "siren__model/siren_layer_1/linear": {"w": np.ones((7, 3)), "b": np.ones(3)}
    }
    message = refusal(tmp_path, haiku_pickle(wrong_width))
    assert "siren_layer_1/linear takes 7" in message and "gives 4" in message
    for change in (
        lambda k: f"mlp/linear_{2 * k}",
        lambda k: f"mlp/linear_{k + 1}",
        lambda k: ["mlp/linear", "mlp/linear_0", "mlp/linear_1"][k],
        lambda k: f"mlp_{k}/linear_{k}",
    ):
        assert "not numbered from 0 to 2" in refusal(tmp_path, haiku_pickle(renamed(change)))
    message = refusal(tmp_path, haiku_pickle(renamed(lambda k: f"mlp/{'abc'[k]}")))
    assert "several kinds: mlp/a, mlp/b, mlp/c" in message


@pytest.mark.parametrize(
    "content, words",
    [
        ({}, "nothing"),
        ([], "list"),
        ("text", "text"),
        (np.ones(3), "[3]"),
        (None, "NoneType"),
        ({"linear": np.ones(3)}, "linear is [3]"),
        ({"linear": {}}, "linear is nothing"),
        ({"linear": {"w": np.ones((2, 3))}}, "w: [2, 3], expected w [in, out] and b [out]"),
        ({"linear": {"w": np.ones((2, 3)), "b": np.ones(2)}}, "w: [2, 3], b: [2], expected"),
        ({"linear": {"w": np.ones((2, 3)), "b": 0.0}}, "b: float"),
        ({"linear": {"w": np.ones(3), "b": np.ones(3)}}, "w: [3]"),
        ({"linear": {"w": np.ones((2, 3)), "b": np.ones(3), "c": 1}}, "c: int"),
        ({"conv": {"w": np.ones((3, 3, 2, 3)), "b": np.ones(3)}}, "conv is w: [3, 3, 2, 3]"),
        ({"params": {"linear": {"w": np.ones((2, 3)), "b": np.ones(3)}}}, "linear: dict"),
        ({3: {"w": np.ones((2, 3)), "b": np.ones(3)}}, "int is"),
    ],
)
def test_what_is_no_linear_layer_is_named(tmp_path, content, words):
    assert words in refusal(tmp_path, pickle.dumps(content))
