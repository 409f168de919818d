"""The binary that fits one picture: what it says and writes is right for pictures of any kind."""

import json
import pickle
import struct
import subprocess
import sys
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tifffile
from absl import flags
from absl.testing import flagsaver
from PIL import Image
from tiny_fits import FIELD, OPTIONS, PARAMS, RECORD, SIDE, levels, saved, share_programs, smooth

from experiments import fit
from experiments.fitting.fit_one import _warn_of_unseen
from experiments.fitting.observed import Observed, read_mask, scaled_to
from experiments.fitting.pictures_io import encode_png
from experiments.fitting.tile_fits import PictureFit, make_tile_stream, tile_requests
from experiments.fitting.tiles import Tiling, cut, join
from metainr import algorithms
from metainr.algorithms import adapt, make_parts
from metainr.errors import UserError
from metainr.keys import branch
from metainr.media.images.pictures import read_picture
from metainr.objectives import image_samples, pixel_grid
from metainr.runs.regression import grid_objectives
from metainr.training.checkpoints import Checkpoints
from metainr.training.step import TrainState
from metainr.types import Contender, Hyper
from metainr.weights import load_weights, save_weights


def psnr(values, reference):
    return -10 * np.log10(np.mean(np.square(values - reference)))


@pytest.fixture
def init(tmp_path):
    path = tmp_path / "init.safetensors"
    save_weights(path, PARAMS, {"flags": json.dumps(RECORD)})
    return path


@pytest.fixture
def run(tmp_path, init, monkeypatch):
    """(picture [h, w, c] or path, flags…, name=folder) -> (folder, results)."""

    def run(picture, *arguments, name="out", bits=8, is_shared=True):
        if is_shared:
            share_programs(monkeypatch)
        path = picture
        if isinstance(picture, np.ndarray):
            path = saved(tmp_path / f"{name}.png", picture, bits)
        given = [f"--init={init}", f"--input={path}", f"--output_dir={tmp_path / name}"]
        with flagsaver.flagsaver():
            flags.FLAGS(["fit", *given, "--steps=3", *map(str, arguments)])
            fit.main()
        return tmp_path / name, json.loads((tmp_path / name / "results.json").read_text())

    return run


def make_inner(hyper):
    """The loop of steps on all pixels in all weights."""
    objective, _ = grid_objectives((SIDE, SIDE), 0)
    parts = make_parts(FIELD, objective, objective, hyper, num_steps=2)
    return algorithms.make("maml", parts).make_inner(hyper)


def curve(results, init="meta", setting="default"):
    return results["settings"][setting]["inits"][init]["metrics"]["psnr"]["mean"]


def test_curve_is_that_of_the_library(run):
    picture = smooth(SIDE, SIDE)
    folder, results = run(picture, is_shared=False)
    samples = image_samples(read_picture(folder / "target.png").values)
    standard = FIELD.init(branch(jax.random.key(0), "standard"))
    for init, params, how in (
        ("meta", PARAMS, Hyper("sgd", 0.02)),
        ("standard", standard, Hyper("adam", 1e-4)),
    ):
        _, losses = adapt(make_inner(how), params, samples, jax.random.key(0), 4)
        np.testing.assert_allclose(curve(results, init), -10 * np.log10(losses), rtol=1e-4)
        entry = results["settings"]["default"]["inits"][init]
        assert (entry["optimizer"], entry["learning_rate"]) == how


@pytest.mark.parametrize("mode", ["resize", "tile"])
@pytest.mark.parametrize("bits", [8, 16])
def test_reported_psnr_is_that_of_the_written_picture(run, mode, bits, capsys):
    folder, results = run(smooth(17, 29), f"--mode={mode}", bits=bits)
    target = read_picture(folder / "target.png").values
    for init in ("meta", "standard"):
        written = psnr(read_picture(folder / f"{init}.png").values, target)
        assert results["files"][f"{init}.png"]["seen"] == pytest.approx(written, abs=1e-3)
        assert curve(results, init)[-1] == pytest.approx(written, abs=25 / 2**bits)
    printed = capsys.readouterr().out
    last = f"3 {curve(results)[-1]:.2f} {curve(results, 'standard')[-1]:.2f}"
    assert last in [" ".join(line.split()) for line in printed.splitlines()]
    assert (folder / "psnr.png").is_file()
    assert set(results["files"]) <= {p.name for p in folder.iterdir()} | {"weights/"}


def test_resize_keeps_the_aspect_and_tiles_keep_the_size(run):
    picture = smooth(20, 31)
    resized, results = run(picture)
    assert levels(resized / "meta.png").shape == (8, 12, 3)
    assert results["tiles"] == {"height": 8, "width": 12, "side": SIDE, "top": 2, "left": 0}
    tiled, _ = run(picture, "--mode=tile", name="tiled")
    np.testing.assert_array_equal(levels(tiled / "target.png"), levels(tiled.parent / "tiled.png"))
    assert levels(tiled / "meta.png").shape == (20, 31, 3)
    small, _ = run(smooth(5, 3), name="small")
    assert levels(small / "meta.png").shape == (12, 7, 3)


@pytest.mark.parametrize("shape", [(1, 30), (12, 12), (13, 7), (25, 36)])
@pytest.mark.parametrize("scale", [1, 3])
def test_tiles_are_put_together_again(shape, scale):
    tiling = Tiling(*shape, SIDE)
    picture = np.random.default_rng(0).random((*shape, 3))
    tiles = cut(picture, tiling, mode="edge")
    assert tiles.shape == (tiling.rows * tiling.columns, SIDE, SIDE, 3)
    assert cut(np.ones(shape), tiling).sum() == np.prod(shape)
    enlarged = tiles.repeat(scale, 1).repeat(scale, 2)
    expected = picture.repeat(scale, 0).repeat(scale, 1)
    np.testing.assert_array_equal(join(enlarged, tiling), expected)


def test_each_tile_is_a_fit_of_its_own(run):
    halves = [smooth(SIDE, SIDE, seed) for seed in (1, 2)]
    both, _ = run(np.concatenate(halves), "--mode=tile")
    alone = [levels(run(half, name=f"half{i}")[0] / "meta.png") for i, half in enumerate(halves)]
    np.testing.assert_array_equal(levels(both / "meta.png"), np.concatenate(alone))
    assert sorted(p.name for p in (both / "weights").iterdir()) == [
        "000_000.safetensors",
        "001_000.safetensors",
    ]


def test_programs_do_not_grow_with_the_tiles():
    shapes = []

    def apply(params, coords):
        shapes.append(coords.shape)
        return FIELD.apply(params, coords)

    stream = make_tile_stream(
        FIELD._replace(apply=apply), SIDE, 0, is_partial=False, scale=1, slots=4
    )
    traces = []
    for rows in (1, 9):
        tiling = Tiling(rows * SIDE, 2 * SIDE, SIDE)
        shape = (tiling.height, tiling.width)
        observed = Observed(np.zeros((*shape, 3), np.float32), np.ones(shape, bool))
        shapes.clear()
        requests = tile_requests(observed, tiling, 2)
        fits = stream(
            [Contender(PARAMS, make_inner, Hyper("sgd", 0.01))], requests, jax.random.key(0)
        )
        assert [index for index, _ in fits] == list(range(2 * rows))
        traces.append(len(shapes))
    assert traces[0] > 0 and traces[1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["resize", pytest.param("tile", marks=pytest.mark.slow)])
def test_a_constant_is_kept_to_the_last_bit(tmp_path, run, mode):
    level = 40_000
    params = jax.tree.map(np.zeros_like, PARAMS)
    params["dense_2"]["bias"] = np.full(3, level / 65535 - 0.5, np.float32)
    save_weights(tmp_path / "constant.npz", params, {"flags": json.dumps(RECORD)})
    picture = np.full((15, 31, 3), level / 65535)
    constant = f"--init={tmp_path / 'constant.npz'}"
    folder, _ = run(picture, constant, f"--mode={mode}", "--scale=2", bits=16)
    for name in ("target", "meta", "meta_x2"):
        assert (levels(folder / f"{name}.png") == level).all()


@pytest.fixture
def half_mask(tmp_path):
    seen = np.zeros((20, 30), bool)
    seen[:, :17] = True
    return seen, saved(tmp_path / "mask.png", seen[..., None])


@pytest.mark.parametrize("mode", ["resize", pytest.param("tile", marks=pytest.mark.slow)])
def test_unseen_pixels_reach_no_fit(run, half_mask, mode):
    seen, mask = half_mask
    picture = smooth(20, 30)
    other = np.where(seen[..., None], picture, 0.02)
    flags = (f"--mask={mask}", f"--mode={mode}")
    first, results = run(picture, *flags)
    second, other_results = run(other, *flags, name="other")
    for name in ("meta", "standard", "observed"):
        np.testing.assert_array_equal(levels(first / f"{name}.png"), levels(second / f"{name}.png"))
    assert curve(results, setting="seen") == curve(other_results, setting="seen")
    assert curve(results, setting="unseen")[-1] > curve(other_results, setting="unseen")[-1] + 1


def test_psnr_is_given_for_seen_and_for_unseen_pixels(run, half_mask):
    seen, mask = half_mask
    folder, results = run(smooth(20, 30), f"--mask={mask}", "--mode=tile")
    target, found = (read_picture(folder / f"{name}.png").values for name in ("target", "meta"))
    for kind, chosen in (("seen", seen), ("unseen", ~seen)):
        expected = psnr(found[chosen], target[chosen])
        assert curve(results, setting=kind)[-1] == pytest.approx(expected, abs=0.1)
        assert results["files"]["meta.png"][kind] == pytest.approx(expected, abs=1e-3)
        assert (folder / f"psnr_{kind}.png").is_file()
    observed = levels(folder / "observed.png")
    assert (observed[~seen] == 128).all()
    np.testing.assert_array_equal(observed[seen], levels(folder / "target.png")[seen])


def test_resized_pixels_average_seen_ones_only():
    seen = np.ones((24, 24), bool)
    seen[:, ::2] = False
    observed = scaled_to(np.where(seen[..., None], 0.25, 9), seen, SIDE)
    assert observed.seen.any()
    np.testing.assert_allclose(observed.values[observed.seen], 0.25, rtol=1e-5)


def test_tiles_that_show_nothing_keep_the_init(tmp_path, run, capsys):
    seen = np.zeros((SIDE, 2 * SIDE), bool)
    seen[:, :SIDE] = True
    mask = saved(tmp_path / "mask.png", seen[..., None])
    folder, results = run(smooth(*seen.shape), f"--mask={mask}", "--mode=tile")
    expected = np.asarray(FIELD.apply(PARAMS, pixel_grid((SIDE, SIDE)))).reshape(SIDE, SIDE, 3)
    shown = read_picture(folder / "meta.png").values
    np.testing.assert_allclose(shown[:, SIDE:], expected.clip(0, 1), atol=0.51 / 255)
    assert len(set(curve(results, setting="unseen"))) == 1
    assert len(set(curve(results, setting="seen"))) == 4
    assert "of 2 tiles 1 show no seen pixel" in capsys.readouterr().out


@pytest.mark.slow
def test_random_pixels_and_everything_else_follow_the_seed(run):
    picture = smooth(SIDE, SIDE)
    first, results = run(picture, "--keep=0.25")
    again, repeated = run(picture, "--keep=0.25", name="again")
    other, _ = run(picture, "--keep=0.25", "--seed=1", name="other")
    assert (levels(first / "observed.png") != 128).any(-1).sum() == SIDE * SIDE / 4
    for name in ("observed.png", "meta.png", "standard.png", "weights.safetensors"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    assert (
        results["settings"]["unseen"]["inits"]["meta"]["metrics"]
        == (repeated["settings"]["unseen"]["inits"]["meta"]["metrics"])
    )
    for name in ("observed.png", "meta.png", "standard.png"):
        assert (first / name).read_bytes() != (other / name).read_bytes()
    everything, results = run(picture, "--keep=1", name="everything")
    assert list(results["settings"]) == ["default"]
    assert not (everything / "observed.png").exists()


@pytest.mark.parametrize("mode", [pytest.param("resize", marks=pytest.mark.slow), "tile"])
def test_the_field_is_sampled_more_finely(run, mode):
    picture = smooth(SIDE, SIDE + 5)
    plain, _ = run(picture, f"--mode={mode}")
    scaled, _ = run(picture, f"--mode={mode}", "--scale=2", name="scaled")
    meta = levels(plain / "meta.png")
    np.testing.assert_array_equal(levels(scaled / "meta.png"), meta)
    np.testing.assert_array_equal(levels(scaled / "meta_x2.png")[::2, ::2], meta)
    assert not list(plain.glob("*_x*"))
    if mode == "resize":
        params = load_weights(scaled / "weights.safetensors")
        fine = np.asarray(FIELD.apply(params, pixel_grid((2 * SIDE, 2 * SIDE))))
        fine = fine.reshape(2 * SIDE, 2 * SIDE, 3)[4:-4].clip(0, 1)
        written = read_picture(scaled / "meta_x2.png").values
        np.testing.assert_allclose(written, fine[: len(written)], atol=0.51 / 255)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_bit_depth_and_greyness_are_kept(run, tmp_path, bits, channels):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**bits, (SIDE, SIDE, channels)) / (2**bits - 1)
    folder, _ = run(values, bits=bits)
    for path in (tmp_path / "out.png", folder / "target.png", folder / "meta.png"):
        picture = read_picture(path)
        assert (picture.bits, picture.is_grey) == (bits, channels == 1)
    source = np.round(values * (2**bits - 1)).astype(int)
    np.testing.assert_array_equal(
        levels(tmp_path / "out.png"), source.repeat(4 - channels, -1)[..., :3]
    )
    np.testing.assert_array_equal(levels(folder / "target.png"), levels(tmp_path / "out.png"))
    if (bits, channels) != (16, 3):  # what Pillow reads in full is read as by Pillow
        with Image.open(folder / "meta.png") as image:
            np.testing.assert_array_equal(
                np.asarray(image), levels(folder / "meta.png")[..., :channels].squeeze()
            )


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}])
def test_sixteen_bit_colours_of_tiff(tmp_path, options):
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 14, 3), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "picture.tif", pixels, photometric="rgb", **options)
    picture = read_picture(tmp_path / "picture.tif")
    assert (picture.bits, picture.is_grey) == (16, False)
    np.testing.assert_array_equal(levels(tmp_path / "picture.tif"), pixels)


@pytest.mark.parametrize(("mode", "bits"), [("RGBA", 8), ("LA", 16)])
def test_transparent_pictures_lie_on_white(tmp_path, run, capsys, mode, bits):
    pixels = np.random.default_rng(0).integers(0, 2**bits, (SIDE, SIDE, len(mode)))
    path = tmp_path / "picture.png"
    if bits == 8:
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    else:
        path.write_bytes(_with_alpha(pixels.astype(np.uint16)))
    colours, alpha = np.split(pixels / (2**bits - 1), [-1], axis=-1)
    expected = np.broadcast_to(alpha * colours + 1 - alpha, (SIDE, SIDE, 3))
    picture = read_picture(path)
    np.testing.assert_allclose(picture.values, expected, atol=1e-6)
    assert (picture.bits, picture.is_grey, picture.has_alpha) == (bits, mode == "LA", True)
    run(path)
    assert "its transparency laid on white" in capsys.readouterr().out


def _with_alpha(pixels):
    """A 16-bit PNG of colours or grey with alpha."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    kind = {2: 4, 4: 6}[channels]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes())),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_exif_orientation_is_applied(tmp_path, run):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    folder, _ = run(tmp_path / "turned.png", "--mode=tile")
    np.testing.assert_array_equal(levels(folder / "target.png"), np.rot90(pixels, -1))


def test_a_workdir_gives_field_rate_and_resolution(tmp_path, run):
    record = {"inner_optimizer": "momentum", "seed": 3} | RECORD
    state = TrainState(jnp.array(7), PARAMS, optax.adam(1e-3).init(PARAMS), jax.random.key(0))
    with Checkpoints(tmp_path / "run" / "checkpoints") as checkpoints:
        checkpoints.save(state, record)
    for init in ("run", "run/checkpoints", "run/checkpoints/7"):
        folder, results = run(smooth(20, 20), f"--init={tmp_path / init}")
        assert levels(folder / "meta.png").shape == (SIDE, SIDE, 3)
        assert results["config"] | RECORD == results["config"]
        assert results["config"]["inner_optimizer"] == "momentum"
        assert results["config"]["seed"] == 0


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param("npz", marks=pytest.mark.slow),
        "safetensors",
        pytest.param("pkl", marks=pytest.mark.slow),
    ],
)
def test_bare_weights_go_with_the_flags_given(tmp_path, run, suffix):
    path = tmp_path / f"bare.{suffix}"
    if suffix == "pkl":
        params = {k: {"w": v["kernel"], "b": v["bias"]} for k, v in _plain(PARAMS).items()}
        path.write_bytes(pickle.dumps(params))
    else:
        save_weights(path, PARAMS)
    given = [f"--{name}={value}" for name, value in RECORD.items()]
    _, results = run(
        smooth(SIDE, SIDE), f"--init={path}", *given, name="bare", is_shared=suffix != "pkl"
    )
    _, expected = run(smooth(SIDE, SIDE), name="recorded")
    assert curve(results) == curve(expected)


def _plain(params):
    return jax.tree.map(np.asarray, params)


@pytest.mark.parametrize("mode", ["resize", pytest.param("tile", marks=pytest.mark.slow)])
def test_fitted_weights_are_an_init(run, mode):
    name = {"resize": ".", "tile": "weights/000_000.safetensors"}[mode]
    picture = smooth(SIDE, SIDE)
    folder, results = run(picture, f"--mode={mode}")
    _, further = run(picture, f"--init={folder / name}", name="further")
    assert curve(further)[0] == pytest.approx(curve(results)[-1], abs=1e-4)
    assert further["config"]["resolution"] == SIDE
    assert further["config"]["inner_learning_rate"] == 0.02


@pytest.mark.slow
def test_steps_see_random_pixels_where_training_did(run, init):
    _, everything = run(smooth(SIDE, SIDE), "--keep=0.5")
    save_weights(init, PARAMS, {"flags": json.dumps(RECORD | {"inner_points": 20})})
    _, results = run(smooth(SIDE, SIDE), "--keep=0.5", name="random")
    for kind in ("seen", "unseen"):
        some, all_ = curve(results, setting=kind), curve(everything, setting=kind)
        assert some[0] == all_[0]
        assert np.isfinite(some).all() and some[1] != all_[1]


@pytest.mark.parametrize(
    ("unseen", "inner_points", "warned"), [([20, 17], 0, 1), ([20, 21], 0, 0), ([20, 17], 410, 0)]
)
def test_why_unseen_pixels_got_worse_is_said(unseen, inner_points, warned, caplog):
    fit = PictureFit(np.zeros((2, 2, 3)), {"seen": [20, 40], "unseen": unseen}, 1.0)
    _warn_of_unseen(fit, inner_points)
    assert len(caplog.messages) == warned and all("--inner_points" in x for x in caplog.messages)


MISTAKES = {
    "no_init": (["--init="], "--init is missing"),
    "no_input": (["--input="], "--input is missing"),
    "no_output": (["--output_dir="], "--output_dir is missing"),
    "missing_init": (["--init={tmp}/none.npz"], "none.npz.* does not exist"),
    "other_field": (["--init={tmp}/bare.npz", "--width=9", "--depth=3"], "another architecture"),
    "contradiction": (["--width=9"], "--width=9 contradicts --init.* --width=16"),
    "resolution": (["--resolution=9"], "--resolution=9 contradicts --init.* --resolution=12"),
    "missing_picture": (["--input={tmp}/none.png"], "cannot read picture .*none.png"),
    "no_picture": (["--input={tmp}/text.png"], "cannot read picture .*text.png"),
    "half_a_picture": (["--input={tmp}/half.png"], "cannot read picture .*half.png"),
    "one_pixel": (["--input={tmp}/pixel.png"], "pixel.png has a single pixel"),
    "missing_mask": (["--mask={tmp}/none.png"], "cannot read picture .*none.png"),
    "mask_size": (["--mask={tmp}/pixel.png"], "1 × 1 pixels and the picture 30 × 20"),
    "mask_of_all": (["--mask={tmp}/white.png"], "shows every pixel"),
    "mask_of_none": (["--mask={tmp}/black.png"], "shows no pixel"),
    "mask_of_colours": (["--mask={tmp}/labels.png"], "labels.png has colours, .* paint seen"),
    "clear_mask": (["--mask={tmp}/clear.png"], "clear.png is transparent in places, .* paint seen"),
    "sparse_mask": (["--mask={tmp}/dot.png"], "12 × 8 pixels .* --mode=tile"),
    "two_masks": (["--mask={tmp}/dot.png", "--keep=0.5"], "give one of them"),
    "output_beside_input": (["--output_dir={tmp}"], "holds --input=.*; name another folder"),
    "output_is_a_file": (["--output_dir={tmp}/text.png"], "cannot write to --output_dir=.*text"),
    "output_in_a_file": (["--output_dir={tmp}/text.png/x"], "cannot write to --output_dir=.*text"),
    "learned_rate": (
        ["--init={tmp}/bare.npz", *(f"--{n}={v}" for n, v in OPTIONS.items()), "--resolution=12"]
        + ["--inner_learning_rate=1e30"],
        "learned init sgd with --inner_learning_rate=1e.30 diverged at step 1",
    ),
    "standard_rate": (["--baseline_learning_rate=1e38"], "diverged .* --baseline_learning_rate"),
}


@pytest.fixture
def bad_files(tmp_path):
    save_weights(tmp_path / "bare.npz", PARAMS)
    (tmp_path / "text.png").write_text("no picture")
    whole = encode_png(np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8))
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    saved(tmp_path / "pixel.png", np.ones((1, 1, 3)))
    saved(tmp_path / "white.png", np.ones((20, 30, 1)))
    saved(tmp_path / "black.png", np.zeros((20, 30, 1)))
    dot = np.zeros((20, 30, 1))
    dot[10, 10] = 1
    saved(tmp_path / "dot.png", dot)
    labels = np.zeros((20, 30, 3))
    labels[:9], labels[9:12] = (0.9, 0.1, 0.2), (1, 0.7, 1)
    saved(tmp_path / "labels.png", labels)
    Image.fromarray(np.uint8(255 * np.tile(dot, 4))).save(tmp_path / "clear.png")
    return tmp_path


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_one_line(run, bad_files, mistake):
    arguments, message = MISTAKES[mistake]
    with pytest.raises(UserError, match=message) as caught:
        run(smooth(20, 30), *(text.format(tmp=bad_files) for text in arguments))
    assert "\n" not in str(caught.value)
    assert not (bad_files / "out" / "results.json").exists()


def test_an_opaque_mask_may_have_alpha(tmp_path):
    seen = np.arange(12).reshape(3, 4) % 3 == 0
    mask = np.dstack([seen, seen, seen, np.ones_like(seen)])
    Image.fromarray(np.uint8(255 * mask)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", (3, 4)), seen)


@pytest.mark.slow
def test_the_binary(tmp_path, init):
    saved(tmp_path / "picture.png", smooth(9, 14))
    (tmp_path / "text.png").write_text("no picture")

    def start(*arguments):
        given = [f"--init={init}", f"--output_dir={tmp_path / 'out'}", "--steps=1", *arguments]
        command = [sys.executable, "-m", "experiments.fit", *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    done = start(f"--input={tmp_path / 'picture.png'}")
    assert done.returncode == 0, done.stderr
    assert "learned init" in done.stdout
    assert (tmp_path / "out" / "meta.png").is_file()
    for wrong in (f"--input={tmp_path / 'text.png'}", "--scale=0"):
        failed = start(wrong)
        assert failed.returncode == 1
        assert failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
        assert "Traceback" not in failed.stderr + failed.stdout
    shown = start("--helpshort").stdout
    assert "--keep" in shown and "--width" in shown and "--outer_learning_rate" not in shown


def test_the_finish_takes_the_steps_after_those_that_were_learned_for(run):
    """Two steps of SGD, as the record of the init says, then one of Adam, whose rate is rising."""
    picture = smooth(SIDE, SIDE)
    folder, results = run(picture, "--finish=adam", "--finish_learning_rate=1e-3")
    samples = image_samples(read_picture(folder / "target.png").values)
    _, plain = run(picture, name="plain")
    assert curve(results)[:3] == pytest.approx(curve(plain)[:3], abs=1e-4)
    adapted, _ = adapt(make_inner(Hyper("sgd", 0.02)), PARAMS, samples, jax.random.key(0), 2)
    _, losses = adapt(make_inner(Hyper("adam", 1e-3 / 20)), adapted, samples, jax.random.key(0), 2)
    assert curve(results)[3] == pytest.approx(-10 * np.log10(losses[1]), abs=1e-2)
    assert curve(results, "standard") == pytest.approx(curve(plain, "standard"), abs=1e-4)
