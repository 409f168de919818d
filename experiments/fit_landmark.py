"""Fits photos of a landmark by a learned init, to show the place in one photo's light from another
photo's camera, and how one becomes the other.

    python -m experiments.fit_landmark --init=runs/landmark --photos=0,1,2,3 \
        --output_dir=fits/landmark

--photos are numbers of test photos. Writes transfer.png (row: whose light; column: whose camera),
change.gif (or .mp4: from the first photo's light and camera to the second's) and results.json.
"""

import time
from types import SimpleNamespace
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, phototourism, shared_flags
from experiments.fit_setup import output_dir
from experiments.inits import as_init, init_to_fit
from experiments.scenes import Scenes
from experiments.videos import write_video
from metainr import signals
from metainr.camera_paths import interpolate_poses
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.keys import branch
from metainr.reporting import write_json
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.samples import to_levels
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import Init
from metainr.training.workdir import environment
from metainr.types import Field

OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "folder to write to; made if it is missing")
PHOTOS = flags.DEFINE_list("photos", ["0", "1", "2", "3"], "numbers of the test photos to fit")
STEPS = flags.DEFINE_integer("steps", None, "gradient steps; default: the run's test steps", 1)
VIDEO = flags.DEFINE_enum("video", "gif", ["gif", "mp4"], "format of the video")
FRAMES = flags.DEFINE_integer("frames", 36, "of the video", 2)
for holder in (shared_flags.INIT, shared_flags.SEED, shared_flags.CHUNK_SIZE):
    flags.declare_key_flag(holder.name)


class Job(NamedTuple):
    """What to fit: the flags with those of the init's run, the photos and what renders them."""

    config: SimpleNamespace
    photos: dict[int, Views]
    field: Field
    parts: Scenes
    learned: Init


def main() -> None:
    """Fits, renders and writes as the flags say."""
    began = time.perf_counter()
    job = _job()
    directory = output_dir(SimpleNamespace(output_dir=OUTPUT_DIR.value))
    fits = _fits(job)
    try:
        save_figure(_transfer(job, fits), directory / "transfer.png")
        write_video(directory / f"change.{VIDEO.value}", _change(job, fits), frames_per_second=12)
        record = {
            "experiment": "fit_landmark",
            "seconds": {"total": time.perf_counter() - began},
            "config": vars(job.config) | {"photos": list(job.photos)},
            "environment": environment(),
        }
        write_json(directory / "results.json", record)
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={directory}: {error.strerror}") from error
    print(f"written to {directory}: transfer.png, change.{VIDEO.value}, results.json")


def _job():
    also = ("signal", "photo_folder", "seed", "test_steps", "test_schedule")
    source = init_to_fit(phototourism.EXPERIMENT, OUTPUT_DIR.value, also)
    config = source.config
    del config.workdir  # of experiments; nothing is written there
    field = shared_flags.make_field(config, in_dim=3, out_dim=4)
    parts = phototourism.make_scenes(field, config, shared_flags.make_summation(config))
    signal_class = signals.make(config.signal, phototourism.options(config))
    size = signal_class.sizes["test"]
    numbers = [int(text) if text.isdigit() else -1 for text in PHOTOS.value]
    if len(set(numbers)) < 2 or not all(0 <= number < size for number in numbers):
        raise UserError(
            f"--photos={','.join(PHOTOS.value)} must be two or more of the {size} test photos, "
            f"each once, numbered from 0 to {size - 1}"
        )
    photos = {number: signal_class.get("test", number) for number in dict.fromkeys(numbers)}
    return Job(config, photos, field, parts, as_init(source, field, config.init))


def _fits(job):
    """Weights fitted to each whole photo."""
    config = job.config
    steps = STEPS.value or config.test_steps
    machine, objective = shared_flags.make_machine(config), job.parts.objective
    inits = {"meta": job.learned}
    contenders = make_contenders(inits, job.field, objective, machine, config.test_schedule, steps)
    key = branch(jax.random.key(config.seed), "test")
    fits = fit(contenders, list(job.photos.values()), key, steps)
    return dict(zip(job.photos, fits["meta"]))


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
    for t in np.linspace(0, 1, FRAMES.value, dtype=np.float32):
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
