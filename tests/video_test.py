"""Clips as fields: runs, what they write, and mistakes in one line."""

import json

import imageio.v2 as imageio
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from skimage.metrics import structural_similarity
from tiny_runs import run_here

from experiments import cli, video
from experiments.media.grids import grid
from experiments.media.videos import write_video
from experiments.run import shared_flags
from metainr.numerics import Summation
from metainr.signals import ClipOptions, make

TINY = ("--clip_frames=4", "--num_validation=1", "--checkpoint_every=2", "--inner_points=32")


def _run(workdir, *arguments):
    return run_here(workdir, *TINY, *arguments, experiment=video)


def test_a_grid_follows_the_order_of_the_values():
    axes = [np.linspace(-1, 1, 2), np.linspace(-1, 1, 3), np.linspace(-1, 1, 4)]
    coords = grid(axes)
    assert coords.shape == (24, 3) and coords.dtype == np.float32
    np.testing.assert_allclose(coords.reshape(2, 3, 4, 3)[1, 2, 0], [1, 1, -1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("trained") / "run"
    assert _run(workdir) == 0
    return workdir


def test_a_run_reports(trained):
    results = json.loads((trained / "results.json").read_text())
    inits = results["settings"]["default"]["inits"]
    assert {"standard", "mean", "matched", "shuffled", "meta"} == inits.keys()
    assert inits["meta"]["metrics"].keys() == {"psnr", "ssim"}
    assert (trained / "report.html").stat().st_size > 1000


def test_fits_are_videos(trained):
    videos = sorted((trained / "fits").rglob("*.mp4"))
    assert videos
    original = next(path for path in videos if path.stem.endswith("original"))
    frames = np.stack([frame for frame in imageio.get_reader(original)])
    assert frames.shape == (4, 128, 128, 3)
    options = ClipOptions(16, 4)
    clips = [make("moving", options).get("test", i) for i in range(2)]
    small = frames.reshape(4, 16, 8, 16, 8, 3).mean(axis=(2, 4)) / 255
    assert min(np.abs(small - clip).mean() for clip in clips) < 0.02


def test_scores_are_scikit_images():
    with flagsaver.flagsaver():
        cli.parse(["video", "--clip_frames=3", "--resolution=16", "--width=16", "--depth=3"])
        flags.FLAGS.mark_as_parsed()
        config = shared_flags.configuration(video.EXPERIMENT)
    problem = video.build(config, Summation(100, None))
    clip = problem.signals.get("test", 0)
    params = problem.field.init(jax.random.key(0))
    found = problem.settings["default"].score.full(params, jnp.asarray(clip))
    axes = [np.linspace(-1, 1, 3), *2 * [(2 * np.arange(16) + 1) / 16 - 1]]
    fit = np.asarray(problem.field.apply(params, grid(axes))).reshape(clip.shape)
    assert found["psnr"] == pytest.approx(-10 * np.log10(np.mean((fit - clip) ** 2)), abs=1e-3)
    options = {"channel_axis": 2, "data_range": 1, "gaussian_weights": True, "sigma": 1.5}
    options |= {"use_sample_covariance": False}
    expected = np.mean([structural_similarity(f, c, **options) for f, c in zip(fit, clip)])
    assert found["ssim"] == pytest.approx(expected, abs=1e-4)


def test_a_clip_alone(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3)).astype(np.uint8)
    path = write_video(tmp_path / "noise.gif", frames, 10)
    flags = (f"--clip={path}", "--algorithm=none", "--inner_points=0")
    assert run_here(tmp_path / "run", *flags, experiment=video) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["config"]["clip_frames"] == 6
    entry = results["settings"]["default"]
    assert entry["inits"].keys() == {"standard"}
    assert len(entry["inits"]["standard"]["metrics"]["psnr"]["per_signal"]) == 1
    assert len(list((tmp_path / "run" / "fits").rglob("*.mp4"))) == 2


def _noise(path, count):
    frames = np.random.default_rng(0).integers(0, 255, (count, 16, 16, 3)).astype(np.uint8)
    return write_video(path, frames, 10)


@pytest.mark.slow
def test_a_clip_is_cut_to_the_frames_of_the_init(trained, tmp_path, caplog, capfd):
    long, short = _noise(tmp_path / "long.gif", 6), _noise(tmp_path / "short.gif", 3)
    init = f"--init={trained}"
    assert run_here(tmp_path / "run", f"--clip={long}", init, experiment=video) == 0
    told = [record.getMessage() for record in caplog.records if "frames" in record.getMessage()]
    assert told == [f"{long} has 6 frames: its first 4 are fitted, as the init was learned"]
    assert run_here(tmp_path / "none", f"--clip={short}", init, experiment=video) == 1
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert "short.gif has 3 frames, fewer than the 4 that --init=" in line
    assert line.endswith("give a longer one") and not (tmp_path / "none").exists()
    single = f"--clip={_noise(tmp_path / 'single.gif', 1)}"
    assert run_here(tmp_path / "none", single, init, experiment=video) == 1
    assert "single.gif has 1 frame; give one of 2 or more" in capfd.readouterr().err


def test_a_long_clip_alone_is_said_to_be_cut_once(tmp_path, caplog):
    path = _noise(tmp_path / "long.gif", 70)
    with flagsaver.flagsaver():
        cli.parse(["video", f"--clip={path}", "--resolution=16", "--algorithm=none"])
        flags.FLAGS.mark_as_parsed()
        config = shared_flags.configuration(video.EXPERIMENT)
    assert video.build(config, Summation(100, None)).signals.get("test", 0).shape[0] == 64
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} has 70 frames: its first 64 are fitted; give --clip_frames for more"
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--signal=movin", "'movin': did you mean moving"),
        ("--video_folder=/nowhere", "--video_folder=/nowhere does not exist"),
        ("--clip=/nowhere.mp4 --algorithm=none", "/nowhere.mp4 does not exist"),
        ("--clip={} --video_folder=/nowhere", "give one of them"),
        ("--clip={}", "a.gif is one clip, of which no init can be learned: give --algorithm=none"),
        ("--clip={} --algorithm=none --tune", "more clips than that of --clip"),
        ("--clip={} --algorithm=none --resolution=1000000", "give a whole number from 2 to 8192"),
        ("--clip={} --algorithm=none --clip_frames=9", "has 5 frames, fewer than 9"),
        ("--signal=clips", "give --video_folder"),
    ],
)
def test_mistakes(tmp_path, capfd, arguments, expected):
    frames = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.full((1, 8, 8, 3), 9, np.uint8)
    path = write_video(tmp_path / "a.gif", frames)
    capfd.readouterr()
    assert _run(tmp_path / "run", *arguments.format(path).split()) == 1
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and expected in lines[0], lines
    assert not (tmp_path / "run").exists()
