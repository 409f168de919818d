"""View synthesis: learn an init for objects that are seen in a few photographs, or in one.

A field maps points of space to colour and density; inner steps fit what it shows along random rays
to the photographs' pixels (Tancik et al., CVPR 2021, section 4.3).

    python -m experiments.view_synthesis \
        --flagfile=experiments/flags/view_synthesis/quickstart.flags --workdir=runs/chairs

Give the flagfile first: of repeated flags the last one counts.
"""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import cli, processes, ray_flags, shared_flags, spine, view_flags
from experiments.experiment import Experiment
from experiments.scenes import Scenes, depth_picture, scenes, view_metrics
from experiments.sheets import arranged
from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.numerics import Summation
from metainr.runs.problem import Problem, Setting, spread_steps
from metainr.signals.access import split_by_split
from metainr.signals.objects import MAKERS
from metainr.types import Field, SignalClass, Task

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(ray_flags)
flags.adopt_module_key_flags(view_flags)
flags.adopt_module_key_flags(processes)

TO_OPTIMISE = 25  # an object's first views; those after them are held out
REACH = 1.25  # objects lie in [−1.25, 1.25]³
_BACKGROUND = "white"
_POOLED = 32  # objects whose views the mean init is fitted to
_SHOWN = 3  # held-out views in a picture
_DEFAULTS = {
    "signal": "chairs",
    "resolution": 128,
    "field": "positional",
    "depth": 6,
    "output_offset": 0.0,
    "algorithm": "reptile",
    "inner_points": 128,
    "inner_learning_rate": 0.5,
    "inner_steps": 32,
    "outer_learning_rate": 5e-4,
    "tasks_per_step": 1,
    "train_steps": 100_000,
    "test_steps": 1000,
    "num_test": 16,
    "baseline_optimizer": "sgd",
    "baseline_learning_rate": 0.5,
}
_RATES = {"sgd": (0.5, 1.5, 5.0), "adam": (5e-4, 2e-3)}


def build(config: SimpleNamespace, summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    signal_class = _signals(config)
    field = shared_flags.make_field(config, in_dim=3, out_dim=4)
    parts = make_scenes(field, config, summation)

    def make_task(views: Views, key):
        return Task(views, views)

    pooled = functools.cache(lambda num: _pooled(signal_class, num))

    def setting(num_views, held_out):
        def make_test_task(views, key):
            return make_task(_views(views, 0, num_views), key)

        def full(params, views):
            unseen = _views(views, TO_OPTIMISE, held_out)
            return view_metrics(parts.render(params, unseen).colours, unseen.images)

        def view(params, views):
            unseen = _views(views, TO_OPTIMISE, min(_SHOWN, held_out))
            rendered = parts.render(params, unseen)
            first = jax.tree.map(lambda x: x[0], rendered)
            depth = depth_picture(first, unseen.bounds[0])
            return arranged([*rendered.colours, depth], columns=2)

        def target(views):
            unseen = _views(views, TO_OPTIMISE, min(_SHOWN, held_out))
            return arranged([*unseen.images, views.images[0]], columns=2)

        def mean_image(views):
            unseen = _views(views, TO_OPTIMISE, held_out)
            mean = pooled(_POOLED).images.mean(axis=0, keepdims=True)
            found = jnp.broadcast_to(mean, unseen.images.shape)
            shown = jnp.broadcast_to(mean, (min(_SHOWN, held_out) + 1, *mean.shape[1:]))
            return view_metrics(found, unseen.images), arranged(list(shown), columns=2)

        return Setting(
            make_task=make_test_task,
            objective=parts.objective,
            steps=spread_steps(config.test_steps),
            match_step=config.test_steps,
            score=Score(full, None),
            view=view,
            target=target,
            references={"mean image": mean_image},
            caption=(
                "A fit's pictures: views that it did not see, and the depth of the first of them, "
                "near dark, nothing white. The target's last picture is a photograph that it saw."
            ),
        )

    settings = {f"views={n}": setting(n, config.held_out_views) for n in _fit_views(config)}
    if len(settings) == 1:
        settings = {"default": settings.popitem()[1]}
    watched = setting(_fit_views(config)[0], min(_SHOWN, config.held_out_views))
    return Problem(
        field=field,
        signals=signal_class,
        make_task=make_task,
        inner=parts.objective,
        query=parts.objective,
        matching=parts.matching,
        mean_support=pooled,
        settings=settings,
        validation=watched._replace(steps=(0, config.inner_steps)),
        rates=_RATES,
    )


def make_scenes(field: Field, config: SimpleNamespace, summation: Summation) -> Scenes:
    """What fits and renders objects on white."""
    return scenes(field, config, summation, _BACKGROUND, REACH)


def _signals(config) -> SignalClass:
    """Training objects with the views that training sees, others with those held out too."""

    def objects(num_views):
        options = signals.ObjectOptions(
            config.resolution, config.seed, config.object_folder, config.near, config.far, num_views
        )
        return signals.make(config.signal, options)

    tested = objects(TO_OPTIMISE + config.held_out_views)
    train = objects(config.views_per_object)
    return split_by_split({"train": train, "validation": tested, "test": tested})


def _views(views, first, num):
    return jax.tree.map(lambda x: x[first : first + num], views)


def _pooled(signal_class, num):
    """The views of the first training objects as if they were of one."""
    num = min(num, _POOLED, signal_class.sizes["train"])
    objects = [signal_class.get("train", i) for i in range(num)]
    return jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)), *objects)


def settle(config: SimpleNamespace) -> SimpleNamespace:
    """Checks the numbers of views and depths."""
    if max(_fit_views(config)) > TO_OPTIMISE or config.views_per_object > TO_OPTIMISE:
        raise UserError(
            f"--fit_views={','.join(config.fit_views)} or --views_per_object="
            f"{config.views_per_object} is more than {TO_OPTIMISE}: later views are held out"
        )
    if config.object_folder is not None and config.signal in MAKERS:
        raise UserError(
            f"--object_folder={config.object_folder} is not read by --signal={config.signal}, a "
            "generated class; give --signal=shapenet or nerf_folder after the flagfile"
        )
    if config.near >= config.far:
        raise UserError(f"--near={config.near} is not below --far={config.far}; swap them")
    if config.inner_points < 1:
        raise UserError("--inner_points=0 draws no rays; give e.g. --inner_points=64")
    return config


def _fit_views(config):
    texts = config.fit_views
    if not texts or not all(text.strip().isdigit() and int(text) for text in texts):
        raise UserError(f"--fit_views={','.join(texts)} is no list of numbers; give e.g. 1,25")
    return list(dict.fromkeys(int(text) for text in texts))


EXPERIMENT = Experiment("view_synthesis", build, view_flags.OWN, _DEFAULTS, settle)


if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))
