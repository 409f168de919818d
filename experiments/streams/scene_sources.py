"""Where streams of photographs come from: classes of scenes, and scenes of a user's own."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from experiments.scenes.scenes import check_depth_factors, check_object_folder
from experiments.streams.kind import Own
from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.media.cameras.poses import Placement, depths_of, place_looked_at
from metainr.signals.access import SPLITS, generator
from metainr.signals.objects import MAKERS, one_scene
from metainr.streams import Blocks, along, around, in_blocks
from metainr.types import Array, SignalClass

PARTS = (4,)
_KEPT = 256  # scenes at most that stay in memory once they are read or made
_OBJECTS, _PLACES = 256, 48  # generated ones to learn from: making one takes longer than a step


def num_parts(parts: Sequence[int]) -> int:
    """Of a stream of photographs, which has one axis. Raises UserError if more are given."""
    if len(parts) != 1:
        raise UserError(
            f"--parts={','.join(map(str, parts))} is for {len(parts)} axes, and photographs come "
            "one after another; give one number, such as 4"
        )
    return parts[0]


def divided(views: Views, order: Callable[[Array], np.ndarray], config: Own) -> Blocks:
    """The photographs in the blocks that the flags say. Raises UserError if there are too few."""
    own = config.own
    return in_blocks(views, num_parts(own.parts or PARTS), own.unseen_photos, order)


def _object_options(config):
    run, own = config.run, config.own
    total = own.part_photos * num_parts(own.parts or PARTS)
    return signals.ObjectOptions(
        run.resolution, run.seed, own.object_folder, own.near, own.far, total
    )


def objects(config: Own) -> SignalClass:
    """A class of objects, each the `Views` of one."""
    check_object_folder(config.run.signal, config.own.object_folder)
    made = signals.make(config.run.signal, _object_options(config))
    return _kept(made, _OBJECTS if config.run.signal in MAKERS else None)


def whole_object(path: str, config: Own) -> Blocks:
    """An object of a user's own, a folder with transforms.json."""
    views, _ = one_scene(Path(path), _object_options(config), None, 0)
    return divided(_framed(path, views, config), around, config)


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


def _place_options(config, **changes):
    run, own = config.run, config.own
    check_depth_factors(own.near_factor, own.far_factor)
    options = signals.LandmarkOptions(run.resolution, run.seed, None, own.scene_scale)
    factors = {"near_factor": own.near_factor, "far_factor": own.far_factor}
    return options._replace(**factors | changes)


def places(config: Own) -> SignalClass:
    """Generated places, each a building of its own, in the photographs of one of them each."""
    count = config.own.part_photos * num_parts(config.own.parts or PARTS)

    def get(split, index):
        rng = generator("places", config.run.seed, split, index)
        options = _place_options(config, seed=int(rng.integers(1, 2**31)))
        return _together(signals.make(config.run.signal, options), {"train": count})

    few = max(config.test.num_test, config.test.num_validation)
    sizes = dict(zip(SPLITS, (_PLACES, few, few)))
    return _kept(SignalClass(sizes, get), None)


def whole_place(path: str, config: Own) -> Blocks:
    """A place of a user's own, a folder of COLMAP or in the published format."""
    options = _place_options(config, photo_folder=path)
    name = "colmap" if (Path(path) / "sparse").is_dir() else "phototourism"
    made = signals.make(name, options)
    views = _together(made, {split: made.sizes[split] for split in reversed(SPLITS)})
    return divided(views, along, config)


def _together(photos, counts) -> Views:
    """The photographs of splits of a class as those of one scene."""
    every = [photos.get(split, i) for split, count in counts.items() for i in range(count)]
    return jax.tree.map(lambda *x: np.concatenate(x), *every)


def _kept(made: SignalClass, most: int | None) -> SignalClass:
    """The class with its scenes kept in memory, and at most so many to learn from."""
    train = made.sizes["train"]
    sizes = {**made.sizes, "train": train if most is None else min(train, most)}
    return made._replace(sizes=sizes, get=functools.lru_cache(_KEPT)(made.get))
