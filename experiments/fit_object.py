"""Fits one object from a few photographs, by a learned init, and shows it from all sides.

    python -m experiments.fit_object --init=runs/chairs --object=0 --seen_views=1 \
        --output_dir=fits/chair

--object is the number of a test object of the run's class, or a folder with transforms.json and its
pictures. Writes comparison.png (what was seen; unseen views as they are, from the learned and from
a random init), turntable.gif (or .mp4), mesh.ply (or .glb), the weights and results.json.
"""

import functools
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, shared_flags, view_synthesis
from experiments.fit_setup import output_dir
from experiments.inits import as_init, init_to_fit, weights_metadata
from experiments.meshes import check_trimesh, density_mesh, write_mesh
from experiments.scenes import depth_picture, view_metrics
from experiments.videos import write_video
from metainr import signals
from metainr.camera_paths import turntable
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.evaluation.occupancy import make_find_occupancy
from metainr.evaluation.sparse_render import make_render_with_occupancy
from metainr.keys import branch
from metainr.measurements import activate, composite
from metainr.reporting import write_json
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.samples import to_levels
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import Init, standard_init
from metainr.training.workdir import environment
from metainr.types import Field
from metainr.weights import save_weights

OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "folder to write to; made if it is missing")
OBJECT = flags.DEFINE_string("object", "0", "number of a test object, or a folder of pictures")
SEEN_VIEWS = flags.DEFINE_integer("seen_views", 1, "pictures that the fit sees, the first ones", 1)
STEPS = flags.DEFINE_integer("steps", None, "gradient steps; default: the run's test steps", 1)
VIDEO = flags.DEFINE_enum("video", "gif", ["gif", "mp4"], "format of the turntable")
FRAMES = flags.DEFINE_integer("frames", 48, "of the turntable", 1)
SIDE = flags.DEFINE_integer("side", 128, "of the turntable's pictures, in pixels", 2)
MESH = flags.DEFINE_enum("mesh", "ply", ["ply", "glb"], "format of the surface")
MESH_RESOLUTION = flags.DEFINE_integer(
    "mesh_resolution", 96, "points along each side of its box", 8
)
THRESHOLD = flags.DEFINE_float("threshold", 5.0, "density at which the surface lies", 1e-3)
for holder in (shared_flags.INIT, shared_flags.SEED, shared_flags.CHUNK_SIZE):
    flags.declare_key_flag(holder.name)

_SHOWN = 3  # unseen views in the comparison
_ELEVATION = np.deg2rad(25)


class Job(NamedTuple):
    """What to fit: the flags with those of the init's run, the object and what renders it."""

    config: SimpleNamespace
    field: Field
    views: Views
    learned: Init


def main() -> None:
    """Fits, renders and writes as the flags say."""
    began = time.perf_counter()
    check_trimesh()
    job = _job()
    directory = output_dir(SimpleNamespace(output_dir=OUTPUT_DIR.value))
    params = _fits(job)
    metrics, figure = _comparison(job, params)
    print("PSNR of unseen views:", ", ".join(f"{n} {m['psnr']:.2f} dB" for n, m in metrics.items()))
    try:
        save_figure(figure, directory / "comparison.png")
        metadata = weights_metadata(job.config, view_synthesis.EXPERIMENT)
        save_weights(directory / "weights.safetensors", params["meta"], metadata)
        write_video(directory / f"turntable.{VIDEO.value}", _turntable(job, params["meta"]))
        files = ["comparison.png", "weights.safetensors", f"turntable.{VIDEO.value}"]
        files += _write_mesh(job, params["meta"], directory / f"mesh.{MESH.value}")
        record = {
            "experiment": "fit_object",
            "metrics": metrics,
            "seconds": {"total": time.perf_counter() - began},
            "config": vars(job.config),
            "environment": environment(),
        }
        write_json(directory / "results.json", record)
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={directory}: {error.strerror}") from error
    print(f"written to {directory}: {', '.join(files)}, results.json")


def _job():
    also = ("signal", "object_folder", "seed", "test_steps", "test_schedule")
    source = init_to_fit(view_synthesis.EXPERIMENT, OUTPUT_DIR.value, also)
    config = source.config
    own = (OBJECT, SEEN_VIEWS, FRAMES, SIDE, MESH_RESOLUTION, THRESHOLD)
    config = SimpleNamespace(
        **vars(config) | {flag.name: flag.value for flag in own},
        steps=STEPS.value or config.test_steps,
    )
    del config.workdir  # of experiments; nothing is written there
    field = shared_flags.make_field(config, in_dim=3, out_dim=4)
    return Job(config, field, _views(config), as_init(source, field, config.init))


def _views(config):
    """The object's views: those to see come first."""
    count = config.seen_views + _SHOWN
    if config.object.isdigit():
        count = view_synthesis.TO_OPTIMISE + _SHOWN
        name, folder, index = config.signal, config.object_folder, int(config.object)
    elif Path(config.object).is_dir():
        name, folder, index = "nerf_folder", config.object, 0
    else:
        raise UserError(
            f"--object={config.object} is neither the number of a test object nor a folder"
        )
    options = signals.ObjectOptions(
        config.resolution, config.seed, folder, config.near, config.far, count
    )
    signal_class = signals.make(name, options)
    if index >= signal_class.sizes["test"]:
        raise UserError(
            f"--object={index} is not among the {signal_class.sizes['test']} test objects of "
            f"{name}, which are numbered from 0 on"
        )
    views = signal_class.get("test", index)
    if config.seen_views > len(views.images) - _SHOWN:
        raise UserError(
            f"--seen_views={config.seen_views} leaves fewer than {_SHOWN} of the "
            f"{len(views.images)} pictures unseen; give at most {len(views.images) - _SHOWN}"
        )
    return jax.tree.map(np.asarray, views)


def _parts(job):
    return view_synthesis.make_scenes(
        job.field, job.config, shared_flags.make_summation(job.config)
    )


def _fits(job):
    """Weights by init."""
    config, root = job.config, jax.random.key(job.config.seed)
    inits = {"standard": standard_init(job.field, job.learned.hyper, root), "meta": job.learned}
    machine, objective = shared_flags.make_machine(config), _parts(job).objective
    contenders = make_contenders(
        inits, job.field, objective, machine, config.test_schedule, config.steps
    )
    seen = jax.tree.map(lambda x: x[: config.seen_views], job.views)
    fits = fit(contenders, [seen], branch(root, "test"), config.steps)
    return {name: params for name, [params] in fits.items()}


def _comparison(job, params):
    """Metrics by init on the last views, and the figure of these beside the first one seen."""
    shown = jax.tree.map(lambda x: np.concatenate([x[:1], x[-_SHOWN:]]), job.views)
    render = jax.jit(_parts(job).render)
    rendered = {name: render(p, shown) for name, p in params.items()}
    metrics = {
        name: {m: float(v) for m, v in view_metrics(r.colours[1:], shown.images[1:]).items()}
        for name, r in rendered.items()
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
    config, views = job.config, job.views
    distance = float(np.linalg.norm(views.poses[:, :, 3], axis=1).mean())
    shape = views.images.shape[1:3]
    # Pixels are squares about whole numbers, or their corners: the difference is below a pixel.
    scale = max(shape) / config.side
    inverse = views.inverse_intrinsics[0] @ np.diag([scale, scale, 1]).astype(np.float32)

    def density(features):
        return activate(features, config.density)[..., 3]

    reach = np.full(3, view_synthesis.REACH, np.float32)
    occupancy = make_find_occupancy(job.field.apply, density)(params, -reach, reach)
    render = make_render_with_occupancy(
        job.field.apply,
        functools.partial(composite, background="white", density=config.density),
        density,
        config.ray_samples,
    )
    frames = [
        render(params, occupancy, pose, inverse, views.bounds[0], config.side, config.side).colours
        for pose in turntable(distance, _ELEVATION, config.frames)
    ]
    return to_levels(np.stack(frames))


def _write_mesh(job, params, path):
    """Writes the surface and returns its name, or says why there is none."""
    config = job.config
    reach = np.full(3, view_synthesis.REACH)
    field = jax.jit(lambda x: activate(job.field.apply(params, x), config.density))
    try:
        mesh = density_mesh(field, -reach, reach, config.mesh_resolution, config.threshold)
    except UserError as error:
        print(f"no mesh: {error}")
        return []
    return [write_mesh(path, mesh).name]


if __name__ == "__main__":
    cli.run(main)
