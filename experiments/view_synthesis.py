"""View synthesis: learn an init for objects that are seen in a few photographs, or in one.

A field maps points of space to colour and density; inner steps fit what it shows along random rays
to the photographs' pixels (Tancik et al., CVPR 2021, section 4.3).

    metainr view_synthesis --flagfile=quickstart --workdir=runs/chairs

Give the flagfile first: of repeated flags the last one counts.
"""

import functools
from collections.abc import Collection

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import cli, spine
from experiments.config import Config, Values, make_field
from experiments.experiment import Experiment
from experiments.images.images import tell_of_ssim
from experiments.media.sheets import arranged
from experiments.objects.object_files import write_surface_and_page
from experiments.objects.showing import Fitted
from experiments.objects.subject import Subject
from experiments.run import estimating, processes, shared_flags
from experiments.run.counts import Count
from experiments.run.reading import made, run_of
from experiments.scenes import ray_flags, view_flags
from experiments.scenes.scenes import (
    Scenes,
    check_object_folder,
    check_rays,
    depth_picture,
    pooled_views,
    scenes,
    view_metrics,
)
from experiments.scenes.view_flags import REACH, TO_OPTIMISE, ViewOptions
from experiments.scenes.view_halves import first_half_of, halves_of
from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.media.cameras.poses import UNMOVED
from metainr.numerics import Summation
from metainr.runs.partial import learned_in_part
from metainr.runs.problem import Problem, Setting, spread_steps
from metainr.signals.access import split_by_split
from metainr.types import Field, SignalClass, Task

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(ray_flags)
flags.adopt_module_key_flags(view_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_BACKGROUND = "white"
_POOLED = 32  # objects whose views the mean init is fitted to
_SHOWN = 3  # held-out views in a picture
_RAYS = 2048  # that measure validation fits to a part of the views
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


def build(config: Config[ViewOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    signal_class = _signals(config)
    field = make_field(config.field, in_dim=3, out_dim=4)
    parts = make_scenes(field, config, summation)

    def make_task(views: Views, key):
        return Task(views, views)

    pooled = functools.cache(lambda num: pooled_views(signal_class, num))

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

        def export(params, views, path):
            parts = _views(views, 0, num_views), _views(views, TO_OPTIMISE, min(_SHOWN, held_out))
            both = jax.tree.map(lambda *x: np.concatenate(x), *parts)
            subject = Subject(both, num_views, UNMOVED)
            title = f"View synthesis: {config.run.signal}"
            write_surface_and_page(path, Fitted(field, params, config, subject), title)

        def mean_image(views):
            unseen = _views(views, TO_OPTIMISE, held_out)
            mean = pooled(_POOLED).images.mean(axis=0, keepdims=True)
            found = jnp.broadcast_to(mean, unseen.images.shape)
            shown = jnp.broadcast_to(mean, (min(_SHOWN, held_out) + 1, *mean.shape[1:]))
            return view_metrics(found, unseen.images), arranged(list(shown), columns=2)

        return Setting(
            make_task=make_test_task,
            objective=parts.objective,
            steps=spread_steps(config.run.test_steps),
            match_step=config.run.test_steps,
            score=Score(full, None),
            view=view,
            target=target,
            references={"mean image": mean_image},
            export=export,
            caption=(
                "A fit's pictures: views that it did not see, and the depth of the first of them, "
                "near dark, nothing white. The target's last picture is a photograph that it saw."
            ),
        )

    tell_of_ssim(config.run.resolution)
    fit_views = list(dict.fromkeys(config.own.fit_views))
    settings = {f"views={n}": setting(n, config.own.held_out_views) for n in fit_views}
    if len(settings) == 1:
        settings = {"default": settings.popitem()[1]}
    watched = setting(fit_views[0], min(_SHOWN, config.own.held_out_views))
    problem = Problem(
        field=field,
        signals=signal_class,
        make_task=make_task,
        inner=parts.objective,
        query=parts.objective,
        matching=parts.matching,
        mean_support=pooled,
        settings=settings,
        validation=watched._replace(steps=(0, config.learner.inner_steps)),
        rates=_RATES,
    )
    if config.run.train_seen is None:
        return problem
    num_seen = min(_SHOWN, int(config.run.train_seen))

    def shown(params, views):
        return arranged([*parts.render(params, _views(views, 0, num_seen)).colours], columns=2)

    more_rays = make_scenes(
        field, config._replace(run=config.run._replace(inner_points=_RAYS)), summation
    )
    return learned_in_part(
        problem,
        signal_class,
        parts.objective,
        parts.objective,
        pooled,
        lambda views: arranged([*_views(views, 0, num_seen).images], columns=2),
        shown,
        *(halves_of, first_half_of),
        measured=more_rays.objective,
    )


def make_scenes(field: Field, config: Config[ViewOptions], summation: Summation) -> Scenes:
    """What fits and renders objects on white."""
    rays = (config.run.inner_points, config.own.ray_samples, config.own.density)
    return scenes(field, *rays, summation, _BACKGROUND, REACH)


def _signals(config: Config[ViewOptions]) -> SignalClass:
    """Training objects with the views that training sees, others with those held out too.

    Where no object is ever seen in more views than that, those of validation are not, either.
    """
    run, own = config.run, config.own

    def objects(num_views):
        options = signals.ObjectOptions(
            run.resolution, run.seed, own.object_folder, own.near, own.far, num_views
        )
        return signals.make(run.signal, options)

    tested = objects(TO_OPTIMISE + own.held_out_views)
    train = objects(own.views_per_object)
    watched = tested if run.train_seen is None else train
    return split_by_split({"train": train, "validation": watched, "test": tested})


def _views(views, first, num):
    return jax.tree.map(lambda x: x[first : first + num], views)


def settle(values: Values, given: Collection[str]) -> Values:
    """Checks the numbers of views and depths; those seen of an object are what training sees."""
    run = run_of(values)
    if run.train_seen is not None:
        if "views_per_object" in given and values["views_per_object"] != run.train_seen:
            raise UserError(
                f"--train_seen={run.train_seen:g} and --views_per_object="
                f"{values['views_per_object']} are two numbers of views that training sees; give "
                "one of them"
            )
        values = {**values, "views_per_object": int(run.train_seen)}
    own = made(ViewOptions, values)
    if max(own.fit_views) > TO_OPTIMISE or own.views_per_object > TO_OPTIMISE:
        raise UserError(
            f"--fit_views={','.join(values['fit_views'])} or --views_per_object="
            f"{own.views_per_object} is more than {TO_OPTIMISE}: later views are held out; give "
            "fewer"
        )
    check_object_folder(run.signal, own.object_folder)
    if own.near >= own.far:
        raise UserError(f"--near={own.near} is not below --far={own.far}; swap them")
    check_rays(run)
    return values


EXPERIMENT = Experiment(
    "view_synthesis",
    build,
    ViewOptions,
    view_flags.OWN,
    _DEFAULTS,
    settle,
    Count("views of each object", 1, TO_OPTIMISE),
)


if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))
