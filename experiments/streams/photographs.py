"""Photographs of scenes as streams: of an object all round, of a place along its street."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.fitting.pictures_io import encode_png, quantised
from experiments.media.sheets import arranged as side_by_side
from experiments.run.machine import make_summation
from experiments.scenes.scenes import (
    check_depth_factors,
    check_object_folder,
    check_rays,
    pooled_views,
    scenes,
)
from experiments.scenes.view_flags import REACH
from experiments.streams.kind import Arranged, Kind, Own
from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.files import write_bytes
from metainr.measurements import rendering
from metainr.media.cameras.poses import Placement, depths_of, place_looked_at
from metainr.runs.problem import Problem, Setting
from metainr.signals.access import SPLITS, generator
from metainr.signals.objects import MAKERS, one_scene
from metainr.streams import Blocks, along, around, blocks, in_blocks
from metainr.streams.division import weighted_psnr
from metainr.streams.photographs import rays_of
from metainr.types import Array, Field, SignalClass, Task

_KEPT = 256  # scenes at most that stay in memory once they are read or made
_OBJECTS, _PLACES = 256, 48  # generated ones to learn from: making one takes longer than a step
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
    count, run, own = _num_parts(parts), config.run, config.own
    check_rays(run)
    if own.overlap:
        raise UserError(
            f"--overlap={own.overlap} is of parts of a grid; photographs are each in one: leave it "
            "out"
        )
    example = made.get("train", 0)

    def in_parts(split, index):
        return _in_blocks(made.get(split, index), how, config)

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


def _num_parts(parts):
    if len(parts) != 1:
        raise UserError(
            f"--parts={','.join(map(str, parts))} is for {len(parts)} axes, and photographs come "
            "one after another; give one number, such as 4"
        )
    return parts[0]


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


def _object_options(config):
    run, own = config.run, config.own
    total = own.part_photos * _num_parts(own.parts or _PARTS)
    return signals.ObjectOptions(
        run.resolution, run.seed, own.object_folder, own.near, own.far, total
    )


def _objects(config):
    check_object_folder(config.run.signal, config.own.object_folder)
    made = signals.make(config.run.signal, _object_options(config))
    return _kept(made, _OBJECTS if config.run.signal in MAKERS else None)


def _whole_object(path, config):
    views, _ = one_scene(Path(path), _object_options(config), None, 0)
    return _in_blocks(_framed(path, views, config), _ROUND, config)


def _framed(path, views, config):
    """The views where the class has its objects: what cameras look at in the origin, and its median
    depth midway between near and far.
    """
    place = place_looked_at(views.poses)
    depth = 0.0 if place is None else float(np.median(depths_of(place, views.poses)))
    if depth <= 0:
        raise UserError(
            f"--input={path}: its cameras look at no common place, where the object would be; give "
            "photographs from all round it"
        )
    placement = Placement(place, (config.own.near + config.own.far) / 2 / depth)
    return views._replace(poses=placement.there(views.poses))


def _in_blocks(views, how, config):
    own = config.own
    return in_blocks(views, _num_parts(own.parts or _PARTS), own.unseen_photos, how.order)


def _place_options(config, **changes):
    run, own = config.run, config.own
    check_depth_factors(own.near_factor, own.far_factor)
    options = signals.LandmarkOptions(run.resolution, run.seed, None, own.scene_scale)
    factors = {"near_factor": own.near_factor, "far_factor": own.far_factor}
    return options._replace(**factors | changes)


def _places(config):
    """Generated places, each a building of its own, in the photographs of one of them each."""
    count = config.own.part_photos * _num_parts(config.own.parts or _PARTS)

    def get(split, index):
        rng = generator("places", config.run.seed, split, index)
        options = _place_options(config, seed=int(rng.integers(1, 2**31)))
        return _together(signals.make(config.run.signal, options), {"train": count})

    few = max(config.test.num_test, config.test.num_validation)
    sizes = dict(zip(SPLITS, (_PLACES, few, few)))
    return _kept(SignalClass(sizes, get), None)


def _whole_place(path, config):
    options = _place_options(config, photo_folder=path)
    name = "colmap" if (Path(path) / "sparse").is_dir() else "phototourism"
    made = signals.make(name, options)
    views = _together(made, {split: made.sizes[split] for split in reversed(SPLITS)})
    return _in_blocks(views, _STREET, config)


def _together(photos, counts) -> Views:
    """The photographs of splits of a class as those of one scene."""
    every = [photos.get(split, i) for split, count in counts.items() for i in range(count)]
    return jax.tree.map(lambda *x: np.concatenate(x), *every)


def _kept(made: SignalClass, most: int | None) -> SignalClass:
    """The class with its scenes kept in memory, and at most so many to learn from."""
    train = made.sizes["train"]
    sizes = {**made.sizes, "train": train if most is None else min(train, most)}
    return made._replace(sizes=sizes, get=functools.lru_cache(_KEPT)(made.get))


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


_PARTS = (4,)
_OBJECT = Kind(
    signals.ObjectOptions,
    _PARTS,
    _objects,
    functools.partial(_arrange, _ROUND),
    _whole_object,
    _picture,
    _write,
    _target,
    None,
    _RATES,
)
_PLACE = _OBJECT._replace(
    options=signals.LandmarkOptions,
    make=_places,
    arrange=functools.partial(_arrange, _STREET),
    whole=_whole_place,
)
SCENES = {
    **dict.fromkeys(signals.FAMILIES[signals.ObjectOptions].classes, _OBJECT),
    "facade": _PLACE,
}
"""Kinds of scenes by class; photographs of a place of a user's own are --input of `facade`."""
