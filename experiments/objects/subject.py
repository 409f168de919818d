"""The object to fit: its views, and where the scene lies between near and far."""

from typing import NamedTuple

import jax
import numpy as np
from absl import logging

from experiments.config import Config
from experiments.objects.turn_options import TurnOptions
from experiments.scenes.view_flags import TO_OPTIMISE, ViewOptions
from metainr import signals
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.files import expanded
from metainr.media.cameras.poses import UNMOVED, Placement, depths_of, place_looked_at
from metainr.output import say
from metainr.signals.objects import one_scene

MOST_UNSEEN = 3
_FEWEST = 3  # photographs that tell random weights a shape


class Subject(NamedTuple):
    """An object in photographs.

    views: NumPy arrays, in the field's coordinates; those that the fit sees come first.
    num_seen: how many these are.
    placement: from the coordinates of the object's own cameras to the field's.
    """

    views: Views
    num_seen: int
    placement: Placement

    @property
    def seen(self) -> Views:
        """The views that the fit sees."""
        return jax.tree.map(lambda x: x[: self.num_seen], self.views)

    @property
    def unseen(self) -> Views:
        """The views that were held out."""
        return jax.tree.map(lambda x: x[self.num_seen :], self.views)

    @property
    def own_poses(self) -> np.ndarray:
        """The cameras' poses in their own coordinates."""
        return self.placement.back(self.views.poses)


def subject(options: TurnOptions, config: Config[ViewOptions]) -> Subject:
    """The object that the flags name.

    Raises UserError if there is none, too few of its pictures, or if its cameras look at a place
    that is not between near and far.
    """
    is_alone = config.run.init is None
    num_seen = options.seen_views or (None if is_alone else 1)
    views, num_seen = _views(options.object, num_seen, config)
    if is_alone and num_seen < _FEWEST:
        raise UserError(
            f"--object={options.object}: {num_seen} pictures tell random weights no shape; give at "
            f"least {_FEWEST}, or --init of a run"
        )
    placement = _placement(options, config, views)
    return Subject(views._replace(poses=placement.there(views.poses)), num_seen, placement)


def _views(name, num_seen, config):
    """(views, those to see first, how many these are)."""
    run, own = config.run, config.own
    options = signals.ObjectOptions(run.resolution, run.seed, own.object_folder, own.near, own.far)
    if not name.isdigit():
        folder = expanded(name)
        if not folder.is_dir():
            raise UserError(
                f"--object={name} is neither the number of a test object nor a folder; give e.g. "
                "--object=0"
            )
        return one_scene(folder, options, num_seen, MOST_UNSEEN)
    signal_class = signals.make(run.signal, options._replace(num_views=TO_OPTIMISE + MOST_UNSEEN))
    if int(name) >= signal_class.sizes["test"]:
        raise UserError(
            f"--object={name} is not among the {signal_class.sizes['test']} test objects of "
            f"{run.signal}, which are numbered from 0 on"
        )
    num_seen = num_seen or TO_OPTIMISE
    if num_seen > TO_OPTIMISE:
        raise UserError(
            f"--seen_views={num_seen} is more than the {TO_OPTIMISE} that are not held out of a "
            f"test object; give at most {TO_OPTIMISE}"
        )
    views = jax.tree.map(np.asarray, signal_class.get("test", int(name)))
    return jax.tree.map(lambda x: np.concatenate([x[:num_seen], x[TO_OPTIMISE:]]), views), num_seen


def _placement(options, config, views):
    """Where the scene is put. Raises UserError if its cameras look past near and far."""
    near, far = config.own.near, config.own.far
    place = place_looked_at(views.poses)
    depths = np.zeros(1) if place is None else depths_of(place, views.poses)
    depth = float(np.median(depths))
    if options.auto_scale:
        found = _scaled(options.object, place, depth, (near + far) / 2)
    else:
        found = UNMOVED
        _check_depth(options.object, depth, config)
    depths = depths * found.scale
    if depth > 0 and (num := np.sum((depths <= near) | (depths >= far))):
        logging.warning(
            "--object=%s: %d of %d cameras are nearer than --near=%g to what they look at, or "
            "farther than --far=%g: what these show is cut off",
            *(options.object, num, len(depths), near, far),
        )
    return found


def _scaled(name, place, depth, wanted):
    """The placement that puts what cameras look at to the origin, in the wanted depth."""
    if depth <= 0:
        raise UserError(
            f"--auto_scale: the cameras of --object={name} look at no common place; leave it out, "
            "and scale the scene yourself"
        )
    say(
        f"--auto_scale: the cameras look at {_told(place)} from {depth:.4g} away; moved to the "
        f"origin and scaled by {wanted / depth:.4g}. Files are in the cameras' own coordinates."
    )
    return Placement(place, wanted / depth)


def _check_depth(name, depth, config):
    near, far = config.own.near, config.own.far
    if depth > 0 and not near < depth < far:
        remedy = ", or other depths" if config.run.init is None else ""
        raise UserError(
            f"--object={name}: the cameras look at a place that is {depth:.4g} away, and only "
            f"depths from --near={near:g} to --far={far:g} are seen; give --auto_scale{remedy}"
        )


def _told(place):
    """A place in whole thousandths; 0 has no sign."""
    return f"({', '.join(f'{round(x, 3) + 0.0:g}' for x in place)})"
