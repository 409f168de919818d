"""Photographs of scenes as streams: of an object all round, of a place along its street."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.fitting.pictures_io import encode_png, quantised
from experiments.media.sheets import arranged as side_by_side
from experiments.run.machine import make_summation
from experiments.scenes.scenes import check_rays, pooled_views, scenes
from experiments.scenes.view_flags import REACH
from experiments.streams.kind import Arranged, Kind, Own
from experiments.streams.scene_sources import (
    PARTS,
    divided,
    num_parts,
    objects,
    places,
    whole_object,
    whole_place,
)
from metainr import signals
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.files import write_bytes
from metainr.measurements import rendering
from metainr.runs.problem import Problem, Setting
from metainr.streams import Blocks, along, around, blocks
from metainr.streams.division import weighted_psnr
from metainr.streams.photographs import rays_of
from metainr.types import Array, Field, SignalClass, Task

_WATCHED = 4  # photographs of a scene that validation renders
_LANDMARK_REACH = 2.0  # the box of places, in the field's lengths
_RATES = {"sgd": (0.5, 1.5, 5.0), "adam": (5e-4, 2e-3)}


class _Scenes(NamedTuple):
    """What tells objects from places: the order of photographs, what lies behind, the box."""

    order: Callable[[Array], np.ndarray]
    background: str
    reach: float


_ROUND = _Scenes(around, "white", REACH)
_STREET = _Scenes(along, "none", _LANDMARK_REACH)


def _arrange(how, made, parts, config):
    count, run, own = num_parts(parts), config.run, config.own
    check_rays(run)
    if own.overlap:
        raise UserError(
            f"--overlap={own.overlap} is of parts of a grid; photographs are each in one: leave it "
            "out"
        )
    example = made.get("train", 0)

    def in_parts(split, index):
        return divided(made.get(split, index), how.order, config)

    first = in_parts("train", 0)
    division = blocks(
        *(count, first.seen.images[..., 0].size, run.inner_points, own.ray_samples),
        rendering(how.background, own.density),
    )

    def problem(field, of_parts):
        learned = _blocks_of(made, in_parts, count) if of_parts else made
        return _problem(field, learned, how, config)

    record = {
        "shape": [len(example.images)],
        "counts": [count],
        "overlap": 0,
        "part_shape": [sum(len(views.images[0]) for views in first)],
        "unit": "photographs",
        "drawn": run.inner_points,
    }
    numbers = 3 + 3 + 2 + 3  # of a ray: origin, direction, bounds and colour
    return Arranged(made._replace(get=in_parts), division, 3, 4, numbers, problem, None, record)


def _blocks_of(made, in_parts, count) -> SignalClass:
    """The class of all blocks, of what is seen and unseen alike: each the `Views` of one."""

    def get(split, index):
        scene, part = divmod(index, count)
        both = [jax.tree.map(lambda x: x[part], views) for views in in_parts(split, scene)]
        return jax.tree.map(lambda *x: np.concatenate(x), *both)

    return SignalClass({split: count * size for split, size in made.sizes.items()}, get)


def _problem(field: Field, learned: SignalClass, how: _Scenes, config: Own) -> Problem:
    """What an init is learned for: fits to photographs, of one block or of the whole scene."""
    run, own, steps = config.run, config.own, config.learner.inner_steps
    rays = (run.inner_points, own.ray_samples, own.density)
    parts = scenes(field, *rays, make_summation(config), how.background, how.reach)

    def watched(views):
        return jax.tree.map(lambda x: x[:_WATCHED], views)

    def full(params, views):
        observed = rays_of(watched(views))
        found = parts.render(params, watched(views)).colours.reshape(-1, 3)
        return {"psnr": weighted_psnr(found, observed)}

    setting = Setting(
        make_task=lambda views, key: Task(views, views),
        objective=parts.objective,
        steps=(0, steps),
        match_step=steps,
        score=Score(full, None),
        view=lambda params, views: side_by_side(
            [*parts.render(params, watched(views)).colours], columns=2
        ),
        target=lambda views: side_by_side([*watched(views).images], columns=2),
    )
    return Problem(
        field=field,
        signals=learned,
        make_task=setting.make_task,
        inner=parts.objective,
        query=parts.objective,
        matching=parts.matching,
        mean_support=functools.partial(pooled_views, learned),
        settings={"default": setting},
        validation=setting,
        rates=_RATES,
    )


def _picture(known: Array) -> Array:
    """The first unseen photograph of every part [parts, v, h, w, 3], side by side."""
    return side_by_side([*jnp.asarray(known)[:, 0]], columns=2)


def _write(path, known, config):
    picture = quantised(np.asarray(_picture(known)), 8, is_grey=False)
    return write_bytes(path.with_suffix(".png"), encode_png(picture))


def _target(scene: Blocks) -> np.ndarray:
    """The unseen photographs, white outside of their windows as what is known of them."""
    observed = rays_of(scene.unseen)
    shown = jnp.where(observed.weights[..., None] > 0, observed.targets, 1.0)
    return np.asarray(shown.reshape(scene.unseen.images.shape))


_OBJECT = Kind(
    signals.ObjectOptions,
    PARTS,
    objects,
    functools.partial(_arrange, _ROUND),
    whole_object,
    _picture,
    _write,
    _target,
    None,
    _RATES,
)
_PLACE = _OBJECT._replace(
    options=signals.LandmarkOptions,
    make=places,
    arrange=functools.partial(_arrange, _STREET),
    whole=whole_place,
)
SCENES = {
    **dict.fromkeys(signals.FAMILIES[signals.ObjectOptions].classes, _OBJECT),
    "facade": _PLACE,
}
"""Kinds of scenes by class; photographs of a place of a user's own are --input of `facade`."""
