"""Fits one object from a few photographs, and shows it from all sides.

    metainr fit_object --init=runs/chairs --object=0 --seen_views=1 --output_dir=fits/chair
    metainr fit_object --flagfile=view_synthesis/alone --object=photos/chair \\
      --output_dir=fits/chair

--object is the number of a test object of the run's class, or a folder with transforms.json and its
pictures. Without a learned init, which the second command does, it takes three pictures or more.
Writes comparison.png (what was seen; unseen views as they are, and as each fit has them), a film
along --camera_path and its frames with their depths and cameras (views/), mesh.ply (or .glb),
viewer.html, the weights, results.json, and report.html, a page of these. All is in the coordinates
of the object's own cameras.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, view_synthesis
from experiments.config import Config, make_field
from experiments.fitting.fit_setup import made_folder
from experiments.objects import live
from experiments.objects.object_files import write_object
from experiments.objects.showing import Cameras, Fitted, path_cameras
from experiments.objects.subject import Subject, subject
from experiments.objects.turn_options import RECORDED, TurnOptions
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.inits import as_init, read_init, weights_record
from experiments.run.machine import make_machine, make_summation
from experiments.run.reading import made
from experiments.scenes.scenes import depth_picture, view_metrics
from experiments.scenes.view_flags import ViewOptions
from experiments.solids.meshes import check_trimesh
from metainr.errors import UserError
from metainr.evaluation.compare import entry
from metainr.evaluation.pieces import fit_in_pieces
from metainr.files import why
from metainr.keys import branch
from metainr.output import say
from metainr.progress import SHORT, progress
from metainr.reporting import write_json
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.object_page import write_object_report
from metainr.reporting.samples import to_levels
from metainr.runs.dead import warn_of_constant
from metainr.runs.fits import make_contenders
from metainr.runs.inits import Init, standard_init
from metainr.runs.record import of_fits
from metainr.runs.saved import FITTED, write_saved
from metainr.types import Field

_OWN = (
    define(TurnOptions, "output_dir", "folder to write to; made if it is missing"),
    define(TurnOptions, "object", "number of a test object, or a folder of pictures"),
    define(
        TurnOptions,
        "seen_views",
        "pictures that the fit sees; default: 1 from a learned init, else all but an eighth",
    ),
    define(TurnOptions, "auto_scale", "move and scale the scene to --near and --far"),
    define(TurnOptions, "steps", "gradient steps; default: the run's test steps"),
    define(
        TurnOptions,
        "camera_path",
        "of the film: orbit, spiral, or a file of poses in the form of transforms.json",
    ),
    define(TurnOptions, "video", "format of the film"),
    define(TurnOptions, "frames", "of the film"),
    define(TurnOptions, "side", "of the film's pictures, in pixels"),
    define(TurnOptions, "mesh", "format of the surface"),
    define(TurnOptions, "mesh_resolution", "points along each side of its box"),
    define(TurnOptions, "threshold", "density at which the surface lies"),
    define(TurnOptions, "viewer", "watch the fit in a browser, by viser"),
    define(TurnOptions, "viewer_port", "where: http://localhost:PORT"),
)
for holder in (shared_flags.INIT, shared_flags.SEED, shared_flags.CHUNK_SIZE):
    flags.declare_key_flag(holder.name)

_PIECE = 50  # steps between two looks at a fit


class Job(NamedTuple):
    """What to fit: the configuration of the init's run, the object and what renders it.

    record: the flags by name, as results.json has them.
    inits: to fit from, by name; the last one's fit is shown.
    path: the cameras of the film.
    """

    options: TurnOptions
    config: Config[ViewOptions]
    record: Mapping[str, Any]
    field: Field
    subject: Subject
    inits: Mapping[str, Init]
    path: Cameras


def main() -> None:
    """Fits, renders and writes as the flags say."""
    began = time.perf_counter()
    job = _job()
    directory = made_folder(job.options.output_dir)
    params = _fits(job)
    metrics = _metrics(job, params)
    measured = {name: entry(values, job.inits[name].hyper) for name, values in metrics.items()}
    results = of_fits("fit_object", job.record, began, [job.record["steps"]], measured)
    verdict = _verdict(job, metrics)
    say(verdict)
    shown = params[[*job.inits][-1]]
    record = weights_record(job.config, view_synthesis.EXPERIMENT)
    try:
        save_figure(_comparison(job, params), directory / "comparison.png")
        write_saved(directory / FITTED, shown, record)
        names = write_object(
            directory, job.options, _fitted(job, shown), job.path, verdict, results
        )
        results["command"] = cli.command()
        write_json(directory / "results.json", results)
        files = ("comparison.png", *names, FITTED, "results.json")
        page = write_object_report(directory, results, names[0], files)
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={directory}: {why(error)}") from error
    say(f"written to {directory}: {', '.join(files)}")
    say(f"report: {page}")


def _job():
    options = made(TurnOptions, {flag.name: flag.value for flag in _OWN})
    if options.mesh == "glb":
        check_trimesh()
    if options.viewer:
        live.check_viewer(options.viewer_port)
    config, learned = _config_and_init(options)
    field = make_field(config.field, in_dim=3, out_dim=4)
    root = jax.random.key(config.run.seed)
    if learned is None:
        inits = {"standard": standard_init(field, config.test.baseline, root)}
    else:
        init = as_init(learned, field, config.run.init)
        inits = {"standard": standard_init(field, init.hyper, root), "meta": init}
    options = options._replace(steps=options.steps or config.run.test_steps)
    found = subject(options, config)
    options = options._replace(seen_views=found.num_seen)
    own = {name: getattr(options, name) for name in RECORDED}
    record = {**config.record, **own}
    del record["workdir"]  # of experiments; nothing is written there
    return Job(options, config, record, field, found, inits, path_cameras(options, found))


def _config_and_init(options):
    """The configuration, and what --init names; None without one."""
    experiment = view_synthesis.EXPERIMENT
    config = shared_flags.configuration(experiment)
    if not options.output_dir:
        raise UserError("--output_dir, the folder to write to, is missing; give one")
    if config.run.init:
        also = ("signal", "object_folder", "seed", "test_steps", "test_schedule")
        source = read_init(config, experiment, also)
        return source.config, source
    if not config.run.only_tests:
        raise UserError(
            "--init, a workdir of experiments.view_synthesis, is missing; give it, or "
            "--flagfile=view_synthesis/alone to fit from random weights"
        )
    return config, None


def _fits(job):
    """Weights by init."""
    root, steps = jax.random.key(job.config.run.seed), job.options.steps
    machine, schedule = make_machine(job.config), job.config.test.schedule
    objective = _parts(job).objective
    contenders = make_contenders(job.inits, job.field, objective, machine, schedule, steps)
    show = live.shower(job.options, job.subject)
    fits = {}
    with progress(len(contenders) * steps, "step", "fit", delay=SHORT) as bar:
        for name, contender in contenders.items():
            pieces = fit_in_pieces(contender, job.subject.seen, branch(root, "test"), steps, _PIECE)
            taken = 0
            for step, params in pieces:
                bar.update(step - taken)
                fits[name], taken = params, step
                show(f"{name} init, step {step} of {steps}", _fitted(job, params))
    return fits


def _parts(job):
    return view_synthesis.make_scenes(job.field, job.config, make_summation(job.config))


def _fitted(job, params):
    return Fitted(job.field, params, job.config, job.subject)


def _metrics(job, params):
    """Metrics [1, 1] on the unseen views by init; none without such views."""
    unseen = job.subject.unseen
    if not len(unseen.images):
        return {}
    render = jax.jit(_parts(job).render)
    return {
        name: {
            metric: np.array([[value]])
            for metric, value in view_metrics(render(p, unseen).colours, unseen.images).items()
        }
        for name, p in params.items()
    }


def _verdict(job, metrics):
    num_seen, num_unseen = job.subject.num_seen, len(job.subject.unseen.images)
    fitted = f"Fitted to {num_seen} photograph{'s' if num_seen > 1 else ''}"
    if not metrics:
        return fitted
    psnrs = (
        f"{name if len(metrics) > 1 else ''} {values['psnr'].item():.2f} dB".strip()
        for name, values in metrics.items()
    )
    return f"{fitted}: {', '.join(psnrs)} in {num_unseen} unseen"


def _comparison(job, params):
    """A figure of the first view seen and the unseen ones, as they are and from each init."""
    num = job.subject.num_seen
    shown = jax.tree.map(lambda x: np.concatenate([x[:1], x[num:]]), job.subject.views)
    render = jax.jit(_parts(job).render)
    rendered = {name: render(p, shown) for name, p in params.items()}
    colours = {name: [np.asarray(found.colours)] for name, found in rendered.items()}
    warn_of_constant(colours, {name: init.hyper for name, init in job.inits.items()})
    name, last = [*rendered.items()][-1]
    rows = {
        "truth": shown.images,
        **{name: found.colours for name, found in rendered.items()},
        f"{name}'s depth": jax.vmap(depth_picture)(last, shown.bounds),
    }
    grid = [(name, [to_levels(x) for x in pictures]) for name, pictures in rows.items()]
    columns = ["seen", *(f"unseen {i}" for i in range(1, len(shown.images)))]
    return pictures_figure(columns, grid)


if __name__ == "__main__":
    cli.run(main)
