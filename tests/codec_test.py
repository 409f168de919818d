"""Signals as small files: what is coded comes back, no longer than theory says, or is refused."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_codec import SIDE, bumps, codec, pictures_codec

from metainr.codec import container, load_base, make_codec, save_base
from metainr.codec.codec import About
from metainr.codec.entropy import decoded, encoded, most_symbols
from metainr.codec.quantiser import BITS, quantised, reach_of, restored
from metainr.codec.statistics import cross_entropy, frequencies, learned
from metainr.codec.tiles import cut, parts, tile_counts
from metainr.errors import UserError

ALL_BITS = range(int(BITS.least), int(BITS.most) + 1)


@pytest.mark.parametrize("bits", ALL_BITS)
def test_symbols_come_back_at_the_length_that_the_model_says(bits):
    rng = np.random.default_rng(bits)
    statistics = learned(rng.standard_normal((300, 20)) * rng.uniform(0.1, 10, 20))
    unseen = rng.standard_normal((200, 20)) * statistics.scales.deviation + statistics.scales.mean
    symbols = quantised(unseen, statistics.scales, bits, reach_of(bits)).ravel()
    model = frequencies(statistics, bits)
    data = encoded(symbols, model, bits)
    np.testing.assert_array_equal(decoded(data, len(symbols), model, bits), symbols)
    expected = cross_entropy(symbols, statistics, bits)
    chances = np.unique_counts(symbols).counts / len(symbols)
    assert 8 * len(data) >= -len(symbols) * (chances * np.log2(chances)).sum()
    assert 8 * (len(data) - 4) <= 1.01 * expected


def test_a_number_is_off_by_half_a_step_at_most():
    rng = np.random.default_rng(0)
    vectors = 3 + rng.standard_normal((100, 7)).astype(np.float32)
    scales = learned(vectors).scales
    for bits, widest in ((3, 6), (7, 10), (12, 40)):
        reach = reach_of(bits)
        inside = np.abs((vectors - scales.mean) / scales.deviation) < widest / 2
        symbols = quantised(vectors, scales, bits, reach)
        error = np.abs(restored(symbols, scales, bits, reach) - vectors) / scales.deviation
        assert inside.mean() > 0.95 and error[inside].max() <= widest / 2**bits / 2 * 1.001
        assert symbols.min() >= 0 and symbols.max() < 2**bits


@pytest.mark.parametrize(
    ("shape", "tile"), [((7,), (4,)), ((9, 5), (4, 4)), ((3, 8, 2), (4, 3, 2))]
)
def test_tiles_hold_the_points_where_parts_look_for_them(shape, tile):
    signal = np.arange(np.prod(shape)).reshape(shape)
    tiles, found = cut(signal, tile, mode="edge"), np.full(shape, -1)
    assert len(tiles) == np.prod(tile_counts(shape, tile))
    for part in parts(shape, tile, shape):
        rows = [np.round(p * side).astype(int) for p, side in zip(part.positions, tile)]
        found[part.places] = tiles[part.tile][np.ix_(*rows)]
    np.testing.assert_array_equal(found, signal)
    fine = {}  # every second point of a grid twice as fine is a point of the signal
    for part in parts(shape, tile, [2 * side for side in shape]):
        for index in np.ndindex(*map(len, part.positions)):
            place = tuple(p.start + i for p, i in zip(part.places, index))
            fine[place] = part.tile, tuple(x[i] for x, i in zip(part.positions, index))
    for part in parts(shape, tile, shape):
        for index in np.ndindex(*map(len, part.positions)):
            place = tuple(2 * (p.start + i) for p, i in zip(part.places, index))
            assert fine[place] == (part.tile, tuple(x[i] for x, i in zip(part.positions, index)))


@pytest.mark.parametrize("algorithm", ["modulations", "maml"])
def test_zeros_show_the_field_that_all_share(algorithm):
    own = codec(algorithm)
    learned = own.base.init.meta_params
    shared = learned.shared if algorithm == "modulations" else learned
    rows = np.arange(SIDE) / SIDE
    coords = np.stack(np.meshgrid(rows, rows, indexing="ij"), -1).reshape(-1, 2)
    expected = own.base.field.apply(shared, jnp.asarray(coords, jnp.float32))
    found = own.render(np.zeros((1, own.loop.size), np.float32), (SIDE, SIDE), (SIDE, SIDE))
    np.testing.assert_allclose(found.reshape(-1, 1), np.clip(expected, 0, 1), atol=1e-6)


@pytest.mark.parametrize("algorithm", ["modulations", "maml"])
def test_sixteen_bits_are_as_good_as_none_lost(algorithm):
    own = codec(algorithm)
    for _, vectors in own.fits(enumerate(bumps(6, first=100)), own.base.steps):
        header, found = own.read(own.write(vectors, (SIDE, SIDE), 16))
        assert header.symbols == vectors.size
        signal = bumps(1)[0]  # any signal measures how far the two are apart
        before, after = (own.render(x, (SIDE, SIDE), (SIDE, SIDE)) for x in (vectors, found))
        frame = own.base.frame
        assert abs(frame.psnr(before, signal) - frame.psnr(after, signal)) < 0.01


def test_the_fit_of_a_file_is_that_of_its_loop():
    own, signal = codec("modulations"), bumps(1, first=7)[0]
    inner = own.loop.contender.make_inner(own.loop.contender.hyper)
    state = inner.init(own.base.init.meta_params)
    from metainr.objectives import image_samples

    for _ in range(own.base.steps):
        state, _ = inner.step(state, image_samples(jnp.asarray(signal)), jax.random.key(9))
    ((_, vectors),) = own.fits([(0, signal)], own.base.steps)
    np.testing.assert_allclose(vectors[0], state.adapted, rtol=1e-4, atol=1e-7)


def test_any_shape_comes_back_in_its_shape():
    own = codec("modulations")
    wide = np.tile(bumps(1)[0], (2, 3, 1))[: SIDE + 5, : 2 * SIDE + 1]
    data = own.encode(wide, bits=8)
    assert own.decode(data).shape == wide.shape
    assert own.decode(data, shape=(40, 50)).shape == (40, 50, 1)
    twice = own.decode(data, shape=(2 * wide.shape[0], 2 * wide.shape[1]))
    np.testing.assert_allclose(twice[::2, ::2], own.decode(data), atol=1e-6)


def test_a_base_comes_back_and_its_decoder_agrees(tmp_path):
    own = pictures_codec()
    save_base(tmp_path / "base.safetensors", own.base)
    other = make_codec(load_base(tmp_path / "base.safetensors"))
    assert other.fingerprint == own.fingerprint
    data = own.encode(np.repeat(bumps(1)[0], 3, -1), bits=6)
    np.testing.assert_array_equal(other.decode(data), own.decode(data))


def test_other_bases_versions_and_signals_are_refused_by_name():
    own = codec("modulations")
    data = own.encode(bumps(1)[0])
    with pytest.raises(UserError, match="written with the base"):
        codec("maml").decode(data)
    with pytest.raises(UserError, match="of version 9 of the format"):
        own.decode(data[:3] + bytes([9]) + data[4:])
    with pytest.raises(UserError, match="checksum differs"):
        own.decode(data[:-3])
    with pytest.raises(UserError, match="does not begin as one"):
        own.decode(b"\x89PNG")
    with pytest.raises(UserError, match=r"values from .* to [12]"):
        own.encode(2 * bumps(1)[0])
    with pytest.raises(UserError, match="1 channels"):
        own.encode(np.zeros((4, 4, 3)))
    with pytest.raises(UserError, match="diverged"):
        own.write(np.full((1, own.loop.size), np.nan), (SIDE, SIDE), 5)


def mutated(data, rng):
    """A file with some bytes changed, cut off or added, half of the time with its own checksum."""
    found = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        kind, place = rng.integers(4), int(rng.integers(len(found) or 1))
        if kind == 0 and found:
            found[place] = rng.integers(256)
        elif kind == 1 and found:
            found[place] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            del found[place : place + int(rng.integers(1, 9))]
        else:
            found[place:place] = rng.bytes(int(rng.integers(1, 9)))
    if rng.random() < 0.5:
        found = found[:-4] + zlib.crc32(found[:-4]).to_bytes(4, "little")
    return bytes(found)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_in_one_line_or_decoded(count):
    own, rng = codec("modulations"), np.random.default_rng(count)
    data = own.encode(bumps(1)[0], bits=5)
    right = own.decode(data)
    for _ in range(count):
        damaged = mutated(data, rng)
        try:
            header, vectors = own.read(damaged)
        except UserError as error:
            assert "\n" not in str(error)
            continue
        # With a right checksum other symbols are another signal of the class, no more than that.
        assert np.isfinite(vectors).all() and vectors.size == header.symbols
        if damaged == data:
            np.testing.assert_array_equal(own.render(vectors, header.shape, header.shape), right)


def test_claims_of_huge_signals_are_refused_before_anything_is_made():
    own = codec("modulations")
    header, vectors = own.read(own.encode(bumps(1)[0]))
    payload = container.unpacked(own.write(vectors, (SIDE, SIDE), 5))[1]
    for shape, symbols in (
        ((2**14, 2**14), 16),
        ((2**14, 2**14), (2**14 // SIDE + 1) ** 2 * own.loop.size),
        ((2**30, 2**30), 16),
        ((SIDE, SIDE), 2**34),
        ((SIDE,), 16),
    ):
        claimed = header._replace(shape=shape, symbols=symbols)
        with pytest.raises(UserError, match="cannot be"):
            own.decode(container.packed(claimed, payload))


def test_what_a_header_says_comes_back():
    own = codec("modulations")
    vectors = np.zeros((6, own.loop.size), np.float32)
    shape = (2 * SIDE, 3 * SIDE)
    header, _ = own.read(own.write(vectors, shape, 3, About("sound", 44_100, 65_000)))
    assert header[1:7] == ("sound", 3, shape, 1, 44_100, 65_000)


@pytest.mark.parametrize("bits", [4, 12])
def test_equal_numbers_leave_a_file_that_bears_out_how_many_they_are(bits):
    """Their code is zeros, which decoding would add: a file without them claims what cannot be."""
    symbols, model = np.full(353, 2 ** (bits - 1)), np.ones(2 ** min(bits, 8))
    model[len(model) // 2] = 706
    data = encoded(symbols, model, bits)
    assert len(symbols) <= most_symbols(len(data), model, bits)
    np.testing.assert_array_equal(decoded(data, len(symbols), model, bits), symbols)
