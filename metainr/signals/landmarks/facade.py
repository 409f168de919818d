"""A generated landmark, photographed by many people: each photo is a signal of its own.

A portico with columns and a pediment between two wings stands on a square. It is photographed from
random places with random lenses, under a clear or an overcast sky, at sunset or by night, with
passers-by in the way. Parallax and occlusion are true; what light does is simplified.
"""

import functools

import numpy as np

from metainr.cameras import look_at
from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.landmarks.facade_building import Building, building
from metainr.signals.landmarks.facade_light import random_look
from metainr.signals.landmarks.facade_people import random_people
from metainr.signals.landmarks.facade_photo import Shot, photograph, ray_directions
from metainr.signals.landmarks.options import Camera, LandmarkOptions, as_views
from metainr.signals.solids import first_met
from metainr.types import SignalClass

_SHAPES = ((3 / 4, 1.0), (2 / 3, 1.0), (3 / 4, 9 / 16))  # rows, columns; the last stands upright
_SHAPE_SHARES = (0.6, 0.2, 0.2)
_PROBES = 24  # rows of the rays that measure the depths
_PERCENTILES = (1, 99)


def facade(options: LandmarkOptions) -> SignalClass:
    """Photos of one generated landmark as Views with v = 1; the seed says which building it is.

    Photos are 4:3, 3:2 or, standing upright, 3:4, in arrays of 3/4 · resolution rows and
    `resolution` columns. Depths are along the camera's axis; the bounds span what the photo sees of
    building, ground and trees, the sky having no depth. The splits have 10,000, 1,000 and 1,000
    photos. Raises UserError for a resolution below 2 or a negative seed.
    """
    padded = _pixels(_SHAPES[0], options.resolution)

    def read(split, index):
        place = landmark(options.seed)
        shot = plan(place, options.seed, split, index, options.resolution)
        return as_views(photograph(place, shot), shot.camera, padded, options)

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


@functools.lru_cache(maxsize=8)
def landmark(seed: int) -> Building:
    """The building that all photos of that seed show."""
    return building(generator("facade building", seed, "train", 0))


def plan(place: Building, seed: int, split: str, index: int, resolution: int) -> Shot:
    """Draws camera, light and people of one photo; the resolution changes none of them."""
    rng = generator("facade", seed, split, index)
    eye = np.array([rng.uniform(-20, 20), -rng.uniform(19, 40), rng.uniform(1.5, 2.2)])
    if rng.random() < 0.15:
        eye[2] = rng.uniform(3, 8)  # from a window or a wall across the square
    target = np.array([rng.uniform(-7, 7), 0.0, rng.uniform(4.5, 7.5)])
    shape = _SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_SHARES)]
    focal = rng.uniform(0.75, 1.25)  # in longer sides
    roll = np.deg2rad(rng.normal(0, 1.2))
    look, people = random_look(rng), tuple(random_people(rng, eye, target))
    up = (np.sin(roll), 0.0, np.cos(roll))
    pose = look_at(eye, target, up).astype(np.float64) * [1, -1, -1, 1]  # looks along +z, y is down
    rows, columns = size = _pixels(shape, resolution)
    pixel = 1 / (focal * max(rows, columns))
    inverse = np.array(
        [[pixel, 0, (1 - columns) / 2 * pixel], [0, pixel, (1 - rows) / 2 * pixel], [0, 0, 1]]
    )
    bounds = _bounds(place, pose, inverse, size)
    return Shot(Camera(pose, inverse, bounds), size, look, people)


def _pixels(shape, resolution):
    rows, columns = (max(2, round(side * resolution)) for side in shape)
    return rows, columns


def _bounds(place, pose, inverse, size):
    """The least and the greatest depth of what is seen, sky and people left out."""
    camera = Camera(pose, inverse, np.zeros(2))
    directions = ray_directions(camera, size, _PROBES, _PROBES)
    eye = np.broadcast_to(pose[:, 3:].astype(np.float32), directions.shape)
    depth, _ = first_met(place.solids, eye, directions)
    return np.percentile(depth[np.isfinite(depth)], _PERCENTILES)
