"""Fits photos of a landmark by a learned init, to show the place in one photo's light from another
photo's camera, and how one becomes the other.

    metainr fit_landmark --init=runs/landmark --photos=0,1,2,3 --output_dir=fits/landmark

--photos are numbers of test photos. Writes transfer.png (row: whose light; column: whose camera),
change.gif (or .mp4: from the first photo's light and camera to the second's) and results.json.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, phototourism
from experiments.config import FILE_OR_FOLDER, Config, make_field
from experiments.fitting.fit_setup import made_folder
from experiments.media.videos import write_video
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.inits import as_init, init_to_fit
from experiments.run.machine import make_machine, make_summation
from experiments.run.reading import made
from experiments.scenes.landmark_flags import PlaceOptions
from experiments.scenes.scenes import Scenes
from metainr import signals
from metainr.camera_paths import interpolate_poses
from metainr.cameras import Views
from metainr.checks import Choice, Each, Maybe, Range
from metainr.errors import UserError
from metainr.files import why
from metainr.keys import branch
from metainr.output import say
from metainr.reporting import write_json
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.samples import to_levels
from metainr.runs.dead import warn_of_constant
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import Init
from metainr.runs.record import of_fits
from metainr.types import Field


class TourOptions(NamedTuple):
    """What is fitted and shown.

    output_dir: where results go.
    photos: numbers of the test photos.
    steps: gradient steps; None: the run's test steps.
    video, frames: format and length of the video.
    """

    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    photos: Annotated[tuple[int, ...], Each(Range(0, 10**6), "0,1")] = (0, 1, 2, 3)
    steps: Annotated[int | None, Maybe(Range(1, 10**6))] = None
    video: Annotated[str, Choice(("gif", "mp4"))] = "gif"
    frames: Annotated[int, Range(2, 10_000)] = 36


_OWN = (
    define(TourOptions, "output_dir", "folder to write to; made if it is missing"),
    define(TourOptions, "photos", "numbers of the test photos to fit"),
    define(TourOptions, "steps", "gradient steps; default: the run's test steps"),
    define(TourOptions, "video", "format of the video"),
    define(TourOptions, "frames", "of the video"),
)
for holder in (shared_flags.INIT, shared_flags.SEED, shared_flags.CHUNK_SIZE):
    flags.declare_key_flag(holder.name)


class Job(NamedTuple):
    """What to fit: the configuration of the init's run, the photos and what renders them.

    `record`: the flags by name, as results.json has them.
    """

    options: TourOptions
    config: Config[PlaceOptions]
    record: Mapping[str, Any]
    photos: dict[int, Views]
    field: Field
    parts: Scenes
    learned: Init


def main() -> None:
    """Fits, renders and writes as the flags say."""
    began = time.perf_counter()
    job = _job()
    directory = made_folder(job.options.output_dir)
    fits = _fits(job)
    try:
        save_figure(_transfer(job, fits), directory / "transfer.png")
        path = directory / f"change.{job.options.video}"
        write_video(path, _change(job, fits), frames_per_second=12)
        results = of_fits("fit_landmark", job.record, began) | {"dead": _dead(job, fits)}
        write_json(directory / "results.json", results)
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={directory}: {why(error)}") from error
    say(f"written to {directory}: transfer.png, change.{job.options.video}, results.json")


def _job():
    also = ("signal", "photo_folder", "seed", "test_steps", "test_schedule")
    options = made(TourOptions, {flag.name: flag.value for flag in _OWN})
    source = init_to_fit(phototourism.EXPERIMENT, options.output_dir, also)
    config = source.config
    field = make_field(config.field, in_dim=3, out_dim=4)
    parts = phototourism.make_scenes(field, config, make_summation(config))
    signal_class = signals.make(config.run.signal, phototourism.options(config))
    size, numbers = signal_class.sizes["test"], options.photos
    if size < 2:
        raise UserError(
            f"--photo_folder={config.own.photo_folder} has {size} test photo, and two are shown in "
            "each other's light; add photos"
        )
    if len(set(numbers)) < 2 or max(numbers) >= size:
        raise UserError(
            f"--photos={','.join(map(str, numbers))} must be two or more of the {size} test "
            f"photos, each once, numbered from 0 to {size - 1}"
        )
    photos = {number: signal_class.get("test", number) for number in dict.fromkeys(numbers)}
    record = {**config.record, "photos": list(photos)}
    del record["workdir"]  # of experiments; nothing is written there
    learned = as_init(source, field, config.run.init)
    return Job(options, config, record, photos, field, parts, learned)


def _fits(job):
    """Weights fitted to each whole photo."""
    run, schedule = job.config.run, job.config.test.schedule
    steps = job.options.steps or run.test_steps
    machine, objective = make_machine(job.config), job.parts.objective
    inits = {"meta": job.learned}
    contenders = make_contenders(inits, job.field, objective, machine, schedule, steps)
    key = branch(jax.random.key(run.seed), "test")
    fits = fit(contenders, list(job.photos.values()), key, steps)
    return dict(zip(job.photos, fits["meta"]))


def _dead(job, fits):
    """Warns of photos whose fits show one colour from their own camera; returns their names."""
    render = jax.jit(job.parts.render)
    own = {
        f"photo {number}": [np.asarray(render(params, job.photos[number]).colours)]
        for number, params in fits.items()
    }
    return warn_of_constant(own, dict.fromkeys(own, job.learned.hyper))


def _transfer(job, fits):
    """Rows: the photo, then what its fit shows from every photo's camera."""
    render = jax.jit(job.parts.render)
    rows = []
    for number, params in fits.items():
        photo = job.photos[number]
        own = phototourism.on_white(photo.images[0], phototourism.inside(photo)[0])
        seen = [own, *(_shown(render, params, other) for other in job.photos.values())]
        rows.append((f"photo {number}", [to_levels(picture) for picture in seen]))
    return pictures_figure(["photo", *(f"camera {number}" for number in fits)], rows)


def _change(job, fits):
    """Frames from the first fit and camera to the second: weights and poses between the two."""
    render = jax.jit(job.parts.render)
    (first, start), (last, end) = list(fits.items())[:2]
    a, b = job.photos[first], job.photos[last]
    frames = []
    for t in np.linspace(0, 1, job.options.frames, dtype=np.float32):
        params = jax.tree.map(lambda x, y, t=t: (1 - t) * x + t * y, start, end)
        pose = interpolate_poses(a.poses[0], b.poses[0], float(t))[None]
        inverse, bounds = (
            (1 - t) * x + t * y
            for x, y in zip(
                (a.inverse_intrinsics, a.bounds), (b.inverse_intrinsics, b.bounds), strict=True
            )
        )
        camera = a._replace(poses=pose, inverse_intrinsics=inverse, bounds=bounds)
        frames.append(_shown(render, params, camera))
    row, column, height, width = np.asarray(a.windows)[0]
    return to_levels(np.stack(frames)[:, row : row + height, column : column + width])


def _shown(render, params, photo):
    """What a fit shows from a photo's camera, white where the photo is only padded."""
    return phototourism.on_white(render(params, photo).colours[0], phototourism.inside(photo)[0])


if __name__ == "__main__":
    cli.run(main)
