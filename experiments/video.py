"""Clips as fields: fitted one by one, or from an init that is learned for a class of clips.

A field maps (time, y, x) in [−1, 1]³ to colours; inner steps see random voxels of the clip
(Sitzmann et al., NeurIPS 2020, section 4).

    metainr video --flagfile=quickstart --workdir=runs/video

A clip of one's own, alone:

    metainr video --clip=cat.mp4 --resolution=64 --algorithm=none --inner_points=4096 \\
      --test_steps=2000 --workdir=runs/cat

Fits are written to WORKDIR/fits as .mp4 (.gif without imageio-ffmpeg). Give the flagfile first: of
repeated flags the last one counts.
"""

from collections.abc import Collection
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags, logging

from experiments import cli, spine
from experiments.config import Config, RunOptions, Values, make_field
from experiments.experiment import Experiment
from experiments.images.images import tell_of_ssim
from experiments.media import grids, video_flags
from experiments.media.sheets import sheet
from experiments.media.video_flags import VideoOptions
from experiments.media.videos import kind_of_file, levels, write_video
from experiments.run import estimating, processes, shared_flags
from experiments.run.reading import made, run_of
from metainr import signals
from metainr.checks import Share
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import picture_metrics, psnr, psnr_of_mse
from metainr.numerics import Summation
from metainr.objectives import image_task, random_rows
from metainr.runs.partial import Grid, learned_from_points
from metainr.runs.problem import Problem, Setting
from metainr.runs.regression import make_problem, objectives
from metainr.signals.partial import scattered
from metainr.types import Array, Params

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(video_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_DEFAULTS = {
    "signal": "moving",
    "resolution": 32,
    "first_omega": 30.0,
    "omega": 30.0,
    "inner_points": 1024,
    "inner_steps": 5,
    "outer_learning_rate": 1e-4,
}
_RATES = {"sgd": (1e-3, 3e-3, 1e-2, 1e-1), "adam": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)}
_FRAMES, _MOST_FRAMES = 16, 64
_UNITS = "frames"
_SPEED = 8.0  # frames per second of what has no rate of its own


def build(config: Config[VideoOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    run, own = config.run, config.own
    if run.init is not None:
        _check_frames(run, own)
    signal_class = signals.make(run.signal, _options(run, own))
    shape = (own.clip_frames, run.resolution, run.resolution)
    pixels = (2 * np.arange(run.resolution) + 1) / run.resolution - 1
    coords = grids.grid([np.linspace(-1, 1, own.clip_frames), pixels, pixels])
    field = make_field(config.field, in_dim=3, out_dim=3)
    inner, query = objectives(coords, run.inner_points, random_rows)
    speed = signals.clip_info(own.clip).rate if own.clip else _SPEED

    def watch(params: Params) -> Array:
        return grids.values_at(field, params, coords, summation.chunk_size).reshape(*shape, 3)

    def full(params: Params, clip: Array) -> dict[str, Array]:
        found = watch(params)
        frames = jax.vmap(picture_metrics)(found, clip)
        return jax.tree.map(jnp.mean, frames) | {"psnr": psnr(found, clip)}

    def export(params: Params, clip: np.ndarray, path: Path) -> None:
        for file, frames in ((path, watch(params)), (grids.original(path), clip)):
            write_video(f"{file}.{kind_of_file()}", levels(np.asarray(frames)), speed)

    tell_of_ssim(run.resolution)
    steps, match_step = grids.measured_steps(config)
    setting = Setting(
        make_task=image_task,
        objective=inner,
        steps=steps,
        match_step=match_step,
        score=Score(full, None if run.inner_points else lambda e: {"psnr": psnr_of_mse(e)}),
        view=lambda params, clip: sheet(watch(params)),
        target=lambda clip: sheet(jnp.asarray(clip)),
        caption="Four frames of each clip, row by row, the first and the last among them.",
        export=export,
    )
    problem = make_problem(
        field, signal_class, query, setting, config.learner.inner_steps, 3, -1.0, _RATES
    )
    if run.train_seen is None:
        return problem
    places = scattered(own.clip_frames, run.train_seen, _UNITS)
    grid = Grid(coords, shape, axes=1)
    return learned_from_points(problem, signal_class, places, grid, run.inner_points, run.seed)


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder of clips is a class of signals, and so is one clip, which has a number of frames."""
    folder, clip = values["video_folder"], values["clip"]
    if folder is not None and clip is not None:
        raise UserError("--video_folder and --clip each name the clips; give one of them")
    frames, chosen = _FRAMES, {}
    if folder is not None:
        chosen = {"signal": "clips"}
    if clip is not None:
        grids.check_alone(values, "clip", "clip", "video_folder")
        frames = min(signals.clip_info(clip).frames, _MOST_FRAMES)
        if frames < 2:
            raise UserError(f"clip {clip} has {frames} frame; give one of 2 or more")
        chosen = {"signal": "clip", "num_test": 1}
    if values["clip_frames"] is None:
        chosen["clip_frames"] = frames
    settled = {**values, **chosen}
    if values["init"] is None:
        _check_frames(run_of(settled, given), made(VideoOptions, settled))
    return settled


def _check_frames(run: RunOptions, own: VideoOptions) -> None:
    """Says so if fewer frames of a clip are fitted than it has, and nobody asked for that.

    Raises UserError if it has too few for the init, which is for one number of them.
    """
    if own.clip is None:
        return
    frames = signals.clip_info(own.clip).frames
    if frames < own.clip_frames and run.init is not None:
        raise UserError(
            f"clip {own.clip} has {frames} frames, fewer than the {own.clip_frames} that "
            f"--init={run.init} was learned with; give a longer one"
        )
    if frames > own.clip_frames and "clip_frames" not in run.given:
        logging.warning(
            "%s has %d frames: its first %d are fitted%s",
            *(own.clip, frames, own.clip_frames),
            "; give --clip_frames for more" if run.init is None else ", as the init was learned",
        )


def _options(run: RunOptions, own: VideoOptions) -> signals.ClipOptions:
    return signals.ClipOptions(
        run.resolution, own.clip_frames, run.seed, own.video_folder, own.clip
    )


EXPERIMENT = Experiment(
    "video", build, VideoOptions, video_flags.OWN, _DEFAULTS, settle, Share(_UNITS)
)

if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))
