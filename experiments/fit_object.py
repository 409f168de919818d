"""Fits one object from a few photographs, by a learned init, and shows it from all sides.

    python -m experiments.fit_object --init=runs/chairs --object=0 --seen_views=1 \
        --output_dir=fits/chair

--object is the number of a test object of the run's class, or a folder with transforms.json and its
pictures. Writes comparison.png (what was seen; unseen views as they are, from the learned and from
a random init), turntable.gif (or .mp4), mesh.ply (or .glb), the weights, results.json and
report.html, a page of these.
"""

import functools
import time
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, view_synthesis
from experiments.config import FILE_OR_FOLDER, RESOLUTION, Config, make_field
from experiments.fitting.fit_setup import made_folder
from experiments.media.videos import write_video
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.inits import as_init, init_to_fit, weights_record
from experiments.run.machine import make_machine, make_summation
from experiments.run.reading import made
from experiments.scenes.scenes import depth_picture, view_metrics
from experiments.scenes.view_flags import ViewOptions
from experiments.solids.meshes import check_trimesh, density_mesh, write_mesh
from metainr import signals
from metainr.camera_paths import turntable
from metainr.cameras import Views
from metainr.checks import Choice, Maybe, Range, Text
from metainr.errors import UserError
from metainr.evaluation.compare import entry
from metainr.evaluation.occupancy import make_find_occupancy
from metainr.evaluation.sparse_render import make_render_with_occupancy
from metainr.files import expanded, why
from metainr.keys import branch
from metainr.measurements import activate, composite
from metainr.output import say
from metainr.reporting import write_json
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.object_page import write_object_report
from metainr.reporting.samples import to_levels
from metainr.runs.dead import warn_of_constant
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import Init, standard_init
from metainr.runs.record import of_fits
from metainr.runs.saved import write_saved
from metainr.types import Field


class TurnOptions(NamedTuple):
    """What is fitted and shown.

    output_dir: where results go.
    object: number of a test object, or a folder of pictures.
    seen_views: pictures that the fit sees, the first ones.
    steps: gradient steps; None: the run's test steps.
    video, frames, side: format, length and pixels of the turntable.
    mesh, mesh_resolution, threshold: format of the surface, points along each side of its box, and
        the density at which it lies.
    """

    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    object: Annotated[str, Text("the number of a test object, or a folder")] = "0"
    seen_views: Annotated[int, Range(1, 1000)] = 1
    steps: Annotated[int | None, Maybe(Range(1, 10**6))] = None
    video: Annotated[str, Choice(("gif", "mp4"))] = "gif"
    frames: Annotated[int, Range(1, 10_000)] = 48
    side: Annotated[int, RESOLUTION] = 128
    mesh: Annotated[str, Choice(("ply", "glb"))] = "ply"
    mesh_resolution: Annotated[int, Range(8, 512)] = 96
    threshold: Annotated[float, Range(1e-3, 1e6, real=True)] = 5.0


_OWN = (
    define(TurnOptions, "output_dir", "folder to write to; made if it is missing"),
    define(TurnOptions, "object", "number of a test object, or a folder of pictures"),
    define(TurnOptions, "seen_views", "pictures that the fit sees, the first ones"),
    define(TurnOptions, "steps", "gradient steps; default: the run's test steps"),
    define(TurnOptions, "video", "format of the turntable"),
    define(TurnOptions, "frames", "of the turntable"),
    define(TurnOptions, "side", "of the turntable's pictures, in pixels"),
    define(TurnOptions, "mesh", "format of the surface"),
    define(TurnOptions, "mesh_resolution", "points along each side of its box"),
    define(TurnOptions, "threshold", "density at which the surface lies"),
)
for holder in (shared_flags.INIT, shared_flags.SEED, shared_flags.CHUNK_SIZE):
    flags.declare_key_flag(holder.name)

_RECORDED = (*("object", "seen_views", "frames", "side", "mesh_resolution", "threshold", "steps"),)
_SHOWN = 3  # unseen views in the comparison
_ELEVATION = np.deg2rad(25)


class Job(NamedTuple):
    """What to fit: the configuration of the init's run, the object and what renders it.

    `record`: the flags by name, as results.json has them.
    """

    options: TurnOptions
    config: Config[ViewOptions]
    record: Mapping[str, Any]
    field: Field
    views: Views
    learned: Init


def main() -> None:
    """Fits, renders and writes as the flags say."""
    began = time.perf_counter()
    check_trimesh()
    job = _job()
    directory = made_folder(job.options.output_dir)
    params = _fits(job)
    metrics, figure = _comparison(job, params)
    psnrs = (f"{name} {values['psnr'].item():.2f} dB" for name, values in metrics.items())
    say(f"PSNR of unseen views: {', '.join(psnrs)}")
    turntable = f"turntable.{job.options.video}"
    try:
        save_figure(figure, directory / "comparison.png")
        record = weights_record(job.config, view_synthesis.EXPERIMENT)
        write_saved(directory / "weights.safetensors", params["meta"], record)
        write_video(directory / turntable, _turntable(job, params["meta"]))
        files = ["comparison.png", "weights.safetensors", turntable]
        files += _write_mesh(job, params["meta"], directory / f"mesh.{job.options.mesh}")
        measured = {name: entry(values, job.learned.hyper) for name, values in metrics.items()}
        steps = [job.record["steps"]]
        record = of_fits("fit_object", job.record, began, steps, measured)
        record["command"] = cli.command()
        write_json(directory / "results.json", record)
        files.append("results.json")
        page = write_object_report(directory, record, turntable, files)
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={directory}: {why(error)}") from error
    say(f"written to {directory}: {', '.join(files)}")
    say(f"report: {page}")


def _job():
    also = ("signal", "object_folder", "seed", "test_steps", "test_schedule")
    options = made(TurnOptions, {flag.name: flag.value for flag in _OWN})
    source = init_to_fit(view_synthesis.EXPERIMENT, options.output_dir, also)
    config = source.config
    options = options._replace(steps=options.steps or config.run.test_steps)
    field = make_field(config.field, in_dim=3, out_dim=4)
    own = {name: getattr(options, name) for name in _RECORDED}
    record = {**config.record, **own}
    del record["workdir"]  # of experiments; nothing is written there
    learned = as_init(source, field, config.run.init)
    return Job(options, config, record, field, _views(options, config), learned)


def _views(options, config):
    """The object's views: those to see come first."""
    run, own, seen = config.run, config.own, options.seen_views
    count = seen + _SHOWN
    if options.object.isdigit():
        count = view_synthesis.TO_OPTIMISE + _SHOWN
        name, folder, index = run.signal, own.object_folder, int(options.object)
    elif expanded(options.object).is_dir():
        name, folder, index = "nerf_folder", options.object, 0
    else:
        raise UserError(
            f"--object={options.object} is neither the number of a test object nor a folder; give "
            "e.g. --object=0"
        )
    wanted = signals.ObjectOptions(run.resolution, run.seed, folder, own.near, own.far, count)
    signal_class = signals.make(name, wanted)
    if index >= signal_class.sizes["test"]:
        raise UserError(
            f"--object={index} is not among the {signal_class.sizes['test']} test objects of "
            f"{name}, which are numbered from 0 on"
        )
    views = signal_class.get("test", index)
    if seen > len(views.images) - _SHOWN:
        raise UserError(
            f"--seen_views={seen} leaves fewer than {_SHOWN} of the {len(views.images)} pictures "
            f"unseen; give at most {len(views.images) - _SHOWN}"
        )
    return jax.tree.map(np.asarray, views)


def _parts(job):
    return view_synthesis.make_scenes(job.field, job.config, make_summation(job.config))


def _fits(job):
    """Weights by init."""
    root, steps = jax.random.key(job.config.run.seed), job.options.steps
    inits = {"standard": standard_init(job.field, job.learned.hyper, root), "meta": job.learned}
    machine, schedule = make_machine(job.config), job.config.test.schedule
    objective = _parts(job).objective
    contenders = make_contenders(inits, job.field, objective, machine, schedule, steps)
    seen = jax.tree.map(lambda x: x[: job.options.seen_views], job.views)
    fits = fit(contenders, [seen], branch(root, "test"), steps)
    return {name: params for name, [params] in fits.items()}


def _comparison(job, params):
    """Metrics [1, 1] on the last views by init; these and the first one seen as a figure."""
    shown = jax.tree.map(lambda x: np.concatenate([x[:1], x[-_SHOWN:]]), job.views)
    render = jax.jit(_parts(job).render)
    rendered = {name: render(p, shown) for name, p in params.items()}
    colours = {name: [np.asarray(r.colours)] for name, r in rendered.items()}
    warn_of_constant(colours, dict.fromkeys(rendered, job.learned.hyper))
    metrics = {
        name: {
            metric: np.array([[value]])
            for metric, value in view_metrics(found.colours[1:], shown.images[1:]).items()
        }
        for name, found in rendered.items()
    }
    rows = {
        "truth": shown.images,
        **{name: r.colours for name, r in rendered.items()},
        "meta's depth": jax.vmap(depth_picture)(rendered["meta"], shown.bounds),
    }
    grid = [(name, [to_levels(x) for x in pictures]) for name, pictures in rows.items()]
    columns = ["seen", *(f"unseen {i + 1}" for i in range(_SHOWN))]
    return metrics, pictures_figure(columns, grid)


def _turntable(job, params):
    """Frames uint8 [t, side, side, 3] from a camera that goes once round the object."""
    options, own, views = job.options, job.config.own, job.views
    distance = float(np.linalg.norm(views.poses[:, :, 3], axis=1).mean())
    shape = views.images.shape[1:3]
    # Pixels are squares about whole numbers, or their corners: the difference is below a pixel.
    scale = max(shape) / options.side
    inverse = views.inverse_intrinsics[0] @ np.diag([scale, scale, 1]).astype(np.float32)

    def density(features):
        return activate(features, own.density)[..., 3]

    reach = np.full(3, view_synthesis.REACH, np.float32)
    occupancy = make_find_occupancy(job.field.apply, density)(params, -reach, reach)
    render = make_render_with_occupancy(
        job.field.apply,
        functools.partial(composite, background="white", density=own.density),
        density,
        own.ray_samples,
    )
    size = (options.side, options.side)
    frames = [
        render(params, occupancy, pose, inverse, views.bounds[0], *size).colours
        for pose in turntable(distance, _ELEVATION, options.frames)
    ]
    return to_levels(np.stack(frames))


def _write_mesh(job, params, path):
    """Writes the surface and returns its name, or says why there is none."""
    options, own = job.options, job.config.own
    reach = np.full(3, view_synthesis.REACH)
    field = jax.jit(lambda x: activate(job.field.apply(params, x), own.density))
    try:
        mesh = density_mesh(field, -reach, reach, options.mesh_resolution, options.threshold)
    except UserError as error:
        say(f"no mesh: {error}")
        return []
    return [write_mesh(path, mesh).name]


if __name__ == "__main__":
    cli.run(main)
