"""Pickles that try to run code, to fill the memory or to crash the reader."""

import builtins
import collections
import copyreg
import decimal
import functools
import operator
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from metainr.errors import UserError
from metainr.weights import load_weights

ARRAY = np.ones((2, 3), np.float32)


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def refusal(tmp_path, content):
    path = tmp_path / "weights.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_weights(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable(), message
    assert str(path) in message and len(message) < 600
    return message


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "function, name",
    [
        (os.system, "posix.system"),
        (os.mkdir, "posix.mkdir"),
        (builtins.eval, ".eval"),
        (builtins.exec, ".exec"),
        (builtins.getattr, ".getattr"),
        (builtins.__import__, ".__import__"),
        (subprocess.Popen, ".Popen"),
        (operator.attrgetter, "operator.attrgetter"),
        (functools.partial, "functools.partial"),
        (np.load, "numpy.load"),
        (np.frombuffer, "frombuffer"),
        (collections.Counter, "collections.Counter"),
    ],
)
def test_functions_are_refused_by_name_and_never_run(tmp_path, protocol, function, name):
    marker = tmp_path / "ran"
    command = {
        os.system: f"touch {marker}",
        os.mkdir: str(marker),
        builtins.eval: f"open({str(marker)!r}, 'w')",
        builtins.exec: f"open({str(marker)!r}, 'w')",
        subprocess.Popen: ["touch", str(marker)],
    }.get(function, "os")
    hostile = Calls(function, command)
    layers = {"mlp/linear": {"w": ARRAY, "b": ARRAY[0]}}
    for tree in (
        hostile,
        {"mlp/linear": hostile},
        [layers, hostile],
        {**layers, "z": {"w": hostile}},
    ):
        message = refusal(tmp_path, pickle.dumps(tree, protocol))
        assert name in message and "refused unrun" in message
    assert not marker.exists()


def test_the_same_pickle_does_run_in_an_ordinary_unpickler(tmp_path):
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {tmp_path / 'ran'}")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("dtype", [object, [("a", object)], "U4", "S4", "i4", "c8", "M8[s]", "V8"])
def test_arrays_of_anything_but_floats_are_refused(tmp_path, dtype):
    marker = tmp_path / "ran"
    array = np.zeros(2, dtype)
    if dtype is object:
        array[0] = Calls(os.mkdir, str(marker))
    for protocol in range(6):
        message = refusal(tmp_path, pickle.dumps({"mlp/linear": {"w": array}}, protocol))
        assert "dtype" in message or "posix.mkdir" in message
    assert not marker.exists()


@pytest.mark.parametrize(
    "module, name",
    [
        ("os", "path.join"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "dtype.__class__"),
        ("collections", "OrderedDict.fromkeys"),
        ("haiku._src.data_structures", "FlatMapping.__init__.__globals__"),
        ("haiku._src.data_structures", "config"),
        ("numpy.core.multiarray", "fromfile"),
        ("metainr.weights.unpickler", "unpickle"),
        ("os\n\x1b[2Jfake", "system"),
        ("x" * 1000, "y" * 1000),
        ("", ""),
    ],
)
def test_other_names_of_admitted_modules_are_refused(tmp_path, module, name):
    stack_global = b"\x80\x04" + text(module) + text(name) + b"\x93."
    assert "refused unrun" in refusal(tmp_path, stack_global)


def test_names_that_are_no_texts_are_refused(tmp_path):
    refusal(tmp_path, b"\x80\x04K\x01K\x02\x93.")


@pytest.mark.parametrize("stream", [b"\x80\x03" + text("id") + b"Q.", b"Pid\n.", b"\x80\x03)Q."])
def test_persistent_ids_are_refused(tmp_path, stream):
    assert "outside object" in refusal(tmp_path, stream)


def test_registered_extensions_are_refused_though_cached(tmp_path):
    copyreg.add_extension("decimal", "Decimal", 200)
    try:
        content = pickle.dumps(decimal.Decimal, 3)
        assert pickle.loads(content) is decimal.Decimal  # fills the cache
        assert "extension 200" in refusal(tmp_path, content)
    finally:
        copyreg.remove_extension("decimal", "Decimal", 200)


NDARRAY = b"cnumpy\nndarray\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
EMPTY = RECONSTRUCT + NDARRAY + b"K\x00\x85C\x01b\x87R"
FLOAT = b"cnumpy\ndtype\n" + text("f4") + b"\x85R"
FLAT = b"chaiku._src.data_structures\nFlatMapping\n"
HUGE = b"J\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    "stream",
    [
        RECONSTRUCT + b")R.",
        RECONSTRUCT + b"N.",
        NDARRAY + HUGE + HUGE + b"\x86\x85R.",
        NDARRAY + b".",
        EMPTY + b".",
        EMPTY + b"Nb.",
        EMPTY + b"K\x05b.",
        EMPTY + b"(K\x01K\x03\x85" + FLOAT + b"\x89C\x04abcdtb.",
        EMPTY + b"(K\x01" + HUGE * 2 + b"\x86" + FLOAT + b"\x89C\x04abcdtb.",
        EMPTY + b"(K\x01J\xff\xff\xff\xff\x85" + FLOAT + b"\x89C\x04abcdtb.",
        EMPTY + b"(K\x01N" + FLOAT + b"\x89C\x04abcdtb.",
        EMPTY + b"(K\x01K\x01\x85N\x89C\x04abcdtb.",
        EMPTY + b"(K\x01K\x01\x85" + FLOAT + b"\x89](NNetb.",
        EMPTY + b"}" + text("values") + text("x") + b"sb.",
        EMPTY + b"N}" + text("__class__") + FLAT + b"s\x86b.",
        FLOAT + b"Nb.",
        FLOAT + b"(K\x03" + text("|") + b"tb.",
        FLOAT + b"(K\x03" + text("<") + b"tb.",
        b"cnumpy\ndtype\n)R.",
        b"cnumpy\ndtype\n" + text("O") + b"\x85R.",
        b"cnumpy\ndtype\n]\x85R.",
        FLAT + b")R.",
        FLAT + b"K\x01\x85R.",
        FLAT + FLAT + b"\x85R.",
        FLAT + b"N}" + text("__call__") + b"Nsb" + b".",
        FLAT + b"}" + text("_call") + b"Nsb.",
        FLAT + b")\x81.",
        NDARRAY + b"N\x81.",
        FLAT + b")}\x92.",
        b"c_codecs\nencode\n" + text("a") + text("rot13") + b"\x86R.",
        b"c_codecs\nencode\n" + text("a") + text("latin1") + b"\x86R.",
        b"c_codecs\nencode\nNN\x86R.",
        b"c_codecs\nencode\n]]\x86R.",
        b"cjax._src.array\n_reconstruct_array\n(NNNNtR.",
        b"cjax._src.array\n_reconstruct_array\n)R.",
        b"cnumpy.core.numeric\n_frombuffer\n(C\x04abcd" + FLOAT + b"K\x01\x85" + text("Z") + b"tR.",
        b"cnumpy.core.numeric\n_frombuffer\n(NNNNtR.",
        b"}" + FLAT + b"Ns.",
        b"}]Ns.",
        b"}q\x00" + text("a") + b"h\x00s.",
        b"NNb.",
        b"(.",
        b"R.",
        b"h\x05.",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"Nr\xff\xff\xff\x7f.",
        b"Np2147483647\n.",
        b"Np-1\n.",
        b"(imetainr\nfields\n.",
        b"(" + FLAT + b"o.",
        b"\x97.",
        b"\x80\x09N.",
        b"I" + b"9" * 5000 + b"\n.",
        b"\xff" * 50,
    ],
)
def test_odd_streams_are_refused_at_no_cost(tmp_path, stream):
    tracemalloc.start()
    try:
        refusal(tmp_path, b"\x80\x04" + stream)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_streams_change_nothing_for_later_ones(tmp_path):
    layers = {"mlp/linear": {"w": ARRAY, "b": ARRAY[0]}}
    for target in (FLAT, RECONSTRUCT, NDARRAY, b"cnumpy\ndtype\n", b"c_codecs\nencode\n"):
        for state in (b"}" + text("_call") + b"Ns", b"N}" + text("_call") + b"Ns\x86"):
            refusal(tmp_path, b"\x80\x03" + target + state + b"b.")
    (tmp_path / "good.pkl").write_bytes(pickle.dumps(layers, 2))
    np.testing.assert_array_equal(load_weights(tmp_path / "good.pkl")["dense_0"]["kernel"], ARRAY)


def test_deep_and_shared_structures_end_soon(tmp_path):
    for open_, close in ((b"]", b"a"), (b"", b"\x85"), (b"}K\x01", b"s")):
        deep = open_ * 20_000 + b"N" + close * 20_000
        refusal(tmp_path, b"\x80\x03" + deep + b".")
    refusal(tmp_path, b"\x80\x03}" + b"N" + b"\x85" * 40_000 + b"Ns.")  # hashed as a key
    assert "steps" in refusal(tmp_path, b"\x80\x03" + b"N0" * 100_000 + b"N.")
    lists = b"\x80\x03]" + b"".join(
        b"q" + bytes([k]) + b"0](h" + bytes([k]) + b"h" + bytes([k]) + b"e" for k in range(100)
    )
    dicts = b"\x80\x03}q\x00" + b"".join(
        b"}q%c(X\x01\0\0\0ah%cX\x01\0\0\0bh%cu" % (k + 1, k, k) for k in range(100)
    )
    assert "shares" in refusal(tmp_path, lists + b".")
    assert "expected w" in refusal(tmp_path, dicts + b".")  # 2^100 leaves to whoever walks it
    assert "outside object" in refusal(tmp_path, dicts + b"Q.")


@pytest.mark.parametrize("share", [b"q\x00h\x00", b"2", b"\x940h\x00h\x00", b"N0q\x00h\x00"])
def test_keys_that_take_forever_to_hash_are_refused(tmp_path, share):
    tuples = b"\x80\x04})" + (share + b"\x86") * 100
    assert "shares" in refusal(tmp_path, tuples + b"Ns.")


def test_a_file_too_large_is_not_read(tmp_path):
    with (tmp_path / "weights.pkl").open("wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(UserError, match="1073741825 bytes"):
        load_weights(tmp_path / "weights.pkl")


def test_damaged_pickles_are_refused_or_read_but_never_crash(tmp_path):
    content = pickle.dumps({"mlp/linear": {"w": ARRAY, "b": ARRAY[0]}}, 3)
    path = tmp_path / "weights.pkl"
    generator = np.random.default_rng(0)
    for _ in range(3000):
        damaged = bytearray(content)
        for position in generator.integers(0, len(content), 2):
            damaged[position] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            load_weights(path)
        except UserError as error:
            assert len(str(error).splitlines()) == 1
    assert "haiku" not in sys.modules
