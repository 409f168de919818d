"""Round trips of weights through files, and files that cannot be written or read."""

import json
import os
import pickle
import resource
import zipfile
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from flax import nnx
from safetensors.flax import save_file

from metainr import fields
from metainr.errors import UserError
from metainr.runs.saved import read_saved
from metainr.weights import load_metadata, load_weights, match_structure, save_weights

BOTH = pytest.mark.parametrize("suffix", [".safetensors", ".npz"])


def siren_params():
    field = fields.make("siren", fields.FieldOptions(in_dim=2, out_dim=3, width=8, depth=12))
    params = field.init(jax.random.key(0))
    return jax.tree.map(lambda leaf: leaf + 1e-7, params)


def assert_same_bits(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def refusal(action, *args, **kwargs):
    """The one line with which an action is refused."""
    with pytest.raises(UserError) as caught:
        action(*args, **kwargs)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable(), message
    assert len(message) < 600
    return message


@BOTH
def test_a_field_comes_back_bit_for_bit(tmp_path, suffix):
    params = siren_params()
    save_weights(tmp_path / f"θ0{suffix}", params)
    assert_same_bits(load_weights(str(tmp_path / f"θ0{suffix}")), params)


def test_a_pickle_of_a_field_comes_back_bit_for_bit(tmp_path):
    params = siren_params()
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(params))
    assert_same_bits(load_weights(tmp_path / "a.pkl"), params)


@BOTH
@pytest.mark.parametrize(
    "leaf",
    [
        np.float64(np.pi) * np.ones((2, 3)),
        np.array([1.5, -0.0, 6e-8], np.float16),
        np.asfortranarray(np.arange(6.0, dtype=np.float32).reshape(2, 3)),
        np.arange(12.0)[::2],
        np.float32(3),
        np.zeros((0, 4), np.float32),
        np.array([1.0, 2.0], ">f4"),
        np.array([True, False]),
        np.array([2**62, -1]),
        np.nextafter(np.float32(0), np.float32(1)) * np.ones(2, np.float32),
    ],
    ids=[
        "f64",
        "f16",
        "fortran",
        "strided",
        "scalar",
        "empty",
        "big-endian",
        "bool",
        "int",
        "tiny",
    ],
)
def test_leaves_of_all_kinds_keep_their_bits(tmp_path, suffix, leaf):
    save_weights(tmp_path / f"a{suffix}", {"leaf": leaf})
    native = leaf.astype(leaf.dtype.newbyteorder("="), order="C")
    assert_same_bits(load_weights(tmp_path / f"a{suffix}"), {"leaf": native})


class Pair(NamedTuple):
    latent: jax.Array
    network: dict


@BOTH
def test_any_pytree_gets_its_structure_back(tmp_path, suffix):
    tree = Pair(
        jnp.arange(3.0), {"file": [jnp.ones(2), (jnp.zeros(1), None)], "a.npy": jnp.ones(1)}
    )
    save_weights(tmp_path / f"a{suffix}", tree)
    loaded = load_weights(tmp_path / f"a{suffix}")
    assert loaded.keys() == {"latent", "network"}
    assert_same_bits(match_structure(loaded, tree, "a"), tree)


@BOTH
def test_an_nnx_module_and_a_bare_array_get_their_structure_back(tmp_path, suffix):
    _, state = nnx.split(nnx.Linear(2, 3, rngs=nnx.Rngs(0)))
    for tree in (state, jnp.arange(4.0)):
        save_weights(tmp_path / f"a{suffix}", tree)
        assert_same_bits(match_structure(load_weights(tmp_path / f"a{suffix}"), tree, "a"), tree)


def test_other_libraries_read_and_write_the_same_files(tmp_path):
    params = {"dense_0": {"kernel": np.ones((2, 3), np.float32)}}
    save_weights(tmp_path / "a.npz", params)
    with np.load(tmp_path / "a.npz") as archive:
        assert archive.files == ["dense_0/kernel"]
        np.testing.assert_array_equal(archive["dense_0/kernel"], params["dense_0"]["kernel"])
    np.savez_compressed(tmp_path / "b.npz", **{"dense_0/kernel": params["dense_0"]["kernel"]})
    assert_same_bits(load_weights(tmp_path / "b.npz"), params)
    save_weights(tmp_path / "a.safetensors", params)
    assert safetensors.numpy.load_file(tmp_path / "a.safetensors").keys() == {"dense_0/kernel"}


@BOTH
def test_metadata_comes_back(tmp_path, suffix):
    metadata = {"field": "siren", "omega": "30", "note": "θ₀\nsecond line"}
    save_weights(tmp_path / f"a{suffix}", {"a": np.ones(1)}, metadata)
    assert load_metadata(tmp_path / f"a{suffix}") == metadata
    assert_same_bits(load_weights(tmp_path / f"a{suffix}"), {"a": np.ones(1)})
    save_weights(tmp_path / f"a{suffix}", {"a": np.ones(1)})
    assert load_metadata(tmp_path / f"a{suffix}") == {}


def test_metadata_that_npz_cannot_hold_is_refused(tmp_path):
    text = {"config": "x" * 70_000}
    assert "safetensors" in refusal(save_weights, tmp_path / "a.npz", {"a": np.ones(1)}, text)
    assert not any(tmp_path.iterdir())


@BOTH
def test_nothing_but_the_file_is_left_and_it_is_replaced(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_weights(path, {"a": np.zeros(1)})
    save_weights(path, {"a": np.ones(1)})
    assert list(tmp_path.iterdir()) == [path]
    assert load_weights(path)["a"] == 1
    umask = os.umask(0o022)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@BOTH
def test_a_full_disk_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_weights(path, {"a": np.zeros(1)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        message = refusal(save_weights, path, {"a": np.ones(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(path) in message and "File too large" in message
    assert list(tmp_path.iterdir()) == [path]
    assert load_weights(path)["a"] == 0


@BOTH
def test_an_interrupted_write_leaves_the_old_file(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"a{suffix}"
    save_weights(path, {"a": np.zeros(1)})

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_weights(path, {"a": np.ones(1)})
    assert list(tmp_path.iterdir()) == [path]
    assert load_weights(path)["a"] == 0


@BOTH
def test_places_that_cannot_be_written_are_named(tmp_path, suffix):
    params = {"a": np.ones(1)}
    (tmp_path / "file").write_text("")
    (tmp_path / f"folder{suffix}").mkdir()
    for place, cause in [
        (tmp_path / "file" / f"a{suffix}", "Not a directory"),
        (tmp_path / f"folder{suffix}", "Is a directory"),
        (tmp_path / ("x" * 300 + suffix), "File name too long"),
    ]:
        message = refusal(save_weights, place, params)
        assert cause in message and str(place)[:100] in message
    assert "null" in refusal(save_weights, str(tmp_path) + f"/a\0b{suffix}/c{suffix}", params)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", f"folder{suffix}"]


@BOTH
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, suffix, value):
    leaves = {"dense_0/kernel": np.ones((2, 2)), "dense_0/bias": np.array([1.0, value, 2.0])}
    path = tmp_path / f"a{suffix}"
    writer = safetensors.numpy.save_file if suffix == ".safetensors" else _savez
    writer(leaves, path)
    message = refusal(load_weights, path)
    assert "dense_0/bias" in message and "1 of 3" in message and str(path) in message
    params = {"dense_0": {"bias": jnp.array([value])}}
    assert "dense_0/bias" in refusal(save_weights, tmp_path / f"b{suffix}", params)
    assert list(tmp_path.iterdir()) == [path]


def _savez(leaves, path):
    np.savez(path, **leaves)


@BOTH
@pytest.mark.parametrize(
    "leaf, words",
    [
        ("text", "<U4"),
        (np.array([object()]), "object"),
        (jnp.ones(2, jnp.bfloat16), "bfloat16"),
        (np.ones(2, np.complex64), "complex64"),
        (np.ones(2, np.longdouble), "float128"),
        (jax.random.key(0), "no array"),
        (jax.nn.relu, "object"),
    ],
    ids=["text", "object", "bfloat16", "complex", "long", "key", "function"],
)
def test_leaves_that_are_no_weights_are_named(tmp_path, suffix, leaf, words):
    message = refusal(save_weights, tmp_path / f"a{suffix}", {"net": {"leaf": leaf}})
    assert "net/leaf" in message and words in message
    assert not any(tmp_path.iterdir())


@BOTH
def test_names_that_clash_are_refused(tmp_path, suffix):
    one = np.ones(1)
    for tree in ({"a/b": one, "a": {"b": one}}, {"a": one, "a/b": one}):
        assert "rename" in refusal(save_weights, tmp_path / f"a{suffix}", tree)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pkl", ".pickle"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a text\n",
        b"\x80\x04",
        b"\0" * 100,
        b"\xff" * 100,
        b"PK\x03\x04 cut",
        b"PK\x05\x06" + 18 * b"\0",
    ],
    ids=["empty", "text", "pickle", "zeros", "ones", "zip", "empty-zip"],
)
def test_damaged_files_are_refused(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    if suffix == ".npz" and content.startswith(b"PK\x05"):
        assert load_weights(path) == {}
    else:
        assert str(path) in refusal(load_weights, path)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pkl"])
def test_files_cut_anywhere_are_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    params = {"dense_0": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}}
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(params))
    else:
        save_weights(path, params)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert str(path) in refusal(load_weights, path)


def test_flipped_bytes_are_refused_or_read_but_never_crash(tmp_path):
    path = tmp_path / "a.npz"
    save_weights(path, {"dense_0": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}})
    content = path.read_bytes()
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            load_weights(path)
        except UserError as error:
            assert len(str(error).splitlines()) == 1


def test_pickles_carry_no_metadata(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"")
    assert load_metadata(tmp_path / "a.pkl") == {}


@pytest.mark.parametrize("read", [load_weights, load_metadata])
def test_what_is_no_file_of_weights_is_named(tmp_path, read):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "a.txt").write_text("")
    os.mkfifo(tmp_path / "pipe.npz")
    assert "does not exist" in refusal(read, tmp_path / "missing.npz")
    assert "is not a file" in refusal(read, tmp_path / "folder.npz")
    assert "is not a file" in refusal(read, tmp_path / "pipe.npz")
    assert ".txt" in refusal(read, tmp_path / "a.txt") and "''" in refusal(read, tmp_path / "a")
    assert "does not exist" in refusal(read, "two\nlines.npz")


def test_other_suffixes_are_not_written(tmp_path):
    for name in ("a.pkl", "a.pt", "a"):
        message = refusal(save_weights, tmp_path / name, {"a": np.ones(1)})
        assert ".safetensors or .npz" in message
    assert not any(tmp_path.iterdir())


def test_arrays_of_objects_in_npz_are_not_unpickled(tmp_path):
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    np.savez(tmp_path / "a.npz", a=np.array([Hostile()], dtype=object))
    assert "Object arrays" in refusal(load_weights, tmp_path / "a.npz")
    assert not marker.exists()


def test_hostile_names_stay_on_one_line_and_shallow(tmp_path):
    ones = np.ones(1, np.float32)
    safetensors.numpy.save_file({"a\nb\x1b[2J": ones * np.nan}, tmp_path / "a.safetensors")
    assert r"a\nb\x1b[2J" in refusal(load_weights, tmp_path / "a.safetensors")
    safetensors.numpy.save_file({"a/" * 200: ones}, tmp_path / "a.safetensors")
    assert "100 parts" in refusal(load_weights, tmp_path / "a.safetensors")
    safetensors.numpy.save_file({"a": ones, "a/b": ones}, tmp_path / "a.safetensors")
    assert "both" in refusal(load_weights, tmp_path / "a.safetensors")


def test_metadata_that_is_no_json_is_refused(tmp_path):
    save_weights(tmp_path / "a.npz", {"a": np.ones(1)}, {"k": "v"})
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        assert json.loads(archive.comment) == {"k": "v"}
        archive.comment = b"{not json"
    refusal(load_metadata, tmp_path / "a.npz")


def test_arrays_that_are_only_claimed_are_refused_before_they_are_made(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.npy", "w") as member:
            np.lib.format.write_array_header_1_0(
                member, {"descr": "<f4", "fortran_order": False, "shape": (2**36,)}
            )
            for _ in range(20):
                member.write(bytes(2**23))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "it claims 167772288 bytes of arrays" in refusal(load_weights, tmp_path / "a.npz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17  # KiB


@pytest.mark.parametrize("flags", [100_000 * "[", '{"width": 1' + 400 * "0" + "}", "[3]", "null"])
def test_records_that_cannot_be_read_make_bare_weights(tmp_path, flags):
    for name in ("a.npz", "a.safetensors"):
        text = flags[:50_000]  # what a .npz holds
        save_weights(tmp_path / name, {"a": np.ones(1)}, {"flags": text})
        weights, record = read_saved(tmp_path / name)
        assert weights["a"] == 1 and record == {}
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.comment = 50_000 * b"["
    assert "more than 50 deep" in refusal(load_metadata, tmp_path / "a.npz")
    assert read_saved(tmp_path / "a.npz")[1] == {}


def test_types_that_numpy_lacks_are_named(tmp_path):
    save_file({"a": jnp.ones(2, jnp.bfloat16)}, tmp_path / "a.safetensors")
    assert "type BF16" in refusal(load_weights, tmp_path / "a.safetensors")
