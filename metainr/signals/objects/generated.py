"""Generated classes of objects, photographed from random places all round and above.

An object is a function of (class, seed, split, index), as any generated signal; its pictures are
those of our own ray caster.
"""

from collections.abc import Callable

import numpy as np

from metainr.cameras import Views, look_at
from metainr.media.cameras.pinhole import focal_length, inverse_pinhole
from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.objects.cars import car
from metainr.signals.objects.chairs import chair
from metainr.signals.objects.lamps import lamp
from metainr.signals.objects.options import ObjectOptions, checked
from metainr.signals.objects.parts import fitted
from metainr.signals.objects.pictured import pictured
from metainr.signals.objects.reading_chairs import reading_chair
from metainr.signals.solids import Solid
from metainr.types import SignalClass

CAMERA_ANGLE_X = 0.6911  # radians that a picture spans, and
CAMERA_DISTANCE = 4.0  # the cameras' distance from the origin, as in the published renders
OBJECT_RADIUS = 1.25
_HIGHEST = 0.95  # of a camera's height: from right above, no direction is up

MAKERS: dict[str, Callable[[np.random.Generator], list[Solid]]] = {
    "chairs": chair,
    "cars": car,
    "lamps": lamp,
    "reading_chairs": reading_chair,
}


def chairs(options: ObjectOptions) -> SignalClass:
    """Chairs, stools and armchairs as `Views` on white; see `generated_objects`."""
    return generated_objects("chairs", options)


def cars(options: ObjectOptions) -> SignalClass:
    """Cars, vans and pickups as `Views` on white; see `generated_objects`."""
    return generated_objects("cars", options)


def lamps(options: ObjectOptions) -> SignalClass:
    """Standing, hanging and desk lamps as `Views` on white; see `generated_objects`."""
    return generated_objects("lamps", options)


def reading_chairs(options: ObjectOptions) -> SignalClass:
    """Chairs with lamps beside them as `Views` on white; see `generated_objects`."""
    return generated_objects("reading_chairs", options)


def generated_objects(name: str, options: ObjectOptions) -> SignalClass:
    """The class `name` of `MAKERS`: `get` gives Views of one object, v = `options.num_views`.

    Objects lie within 1.25 of the origin with z up, in one canonical orientation; cameras at
    distance 4 look at the origin from places uniform on the upper half of that sphere, except for
    its very top. Backgrounds are white. The splits have 10,000, 1,000 and 1,000 objects. Raises
    UserError if the options hold no views.
    """
    checked(options)

    def read(split, index):
        pictures, poses = transparent_views(name, options, split, index)
        views, side = len(poses), options.resolution
        return Views(
            images=pictures[..., :3] + (1 - pictures[..., 3:]),
            poses=poses,
            inverse_intrinsics=_inverse_intrinsics(options),
            bounds=np.full((views, 2), (options.near, options.far), np.float32),
            windows=np.tile(np.array([0, 0, side, side], np.int32), (views, 1)),
        )

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def transparent_views(
    name: str, options: ObjectOptions, split: str, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures float32 [v, n, n, 4], RGB times alpha and alpha, and poses float32 [v, 3, 4]."""
    rng = generator(name, options.seed, split, index)
    solids = fitted(MAKERS[name](rng), OBJECT_RADIUS)
    poses = np.stack([_pose(rng) for _ in range(options.num_views)])
    return pictured(solids, poses, _inverse_intrinsics(options), options.resolution), poses


def _inverse_intrinsics(options):
    """K⁻¹ float32 [v, 3, 3], the same for every view."""
    side = options.resolution
    focal = focal_length(CAMERA_ANGLE_X, side)
    inverse = inverse_pinhole((focal, focal), (side / 2, side / 2))
    return np.repeat(inverse[None], options.num_views, 0)


def _pose(rng):
    """Uniform on a sphere's area is uniform in height."""
    height, turn = rng.uniform(0, _HIGHEST), rng.uniform(0, 2 * np.pi)
    level = np.sqrt(1 - height * height)
    place = (level * np.cos(turn), level * np.sin(turn), height)
    return look_at(CAMERA_DISTANCE * np.array(place), np.zeros(3))
