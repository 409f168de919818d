"""A generated landmark, photographed by many people: each photo is a signal of its own.

A portico with columns and a pediment between two wings stands on a square. It is photographed from
random places with random lenses, under a clear or an overcast sky, at sunset or by night, with
passers-by in the way. Parallax and occlusion are true; what light does is simplified.
"""

import functools
from typing import NamedTuple

import numpy as np

from metainr.cameras import look_at
from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.facade_building import Building, building
from metainr.signals.facade_light import Look, developed, illumination, random_look, sky
from metainr.signals.facade_materials import albedo, glazing, lattice
from metainr.signals.facade_people import Person, clothing, random_people, stand
from metainr.signals.facade_solids import blocked, cast
from metainr.signals.landmark_options import Camera, LandmarkOptions, as_views
from metainr.types import SignalClass

_SHAPES = ((3 / 4, 1.0), (2 / 3, 1.0), (3 / 4, 9 / 16))  # rows, columns; the last stands upright
_SHAPE_SHARES = (0.6, 0.2, 0.2)
_SAMPLES = 2  # per side of a pixel
_PROBES = 24  # rows of the rays that measure the depths
_PERCENTILES = (1, 99)


class Shot(NamedTuple):
    """One photo before it is taken. `size` is (rows, columns) in pixels."""

    camera: Camera
    size: tuple[int, int]
    look: Look
    people: tuple[Person, ...]


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


def photograph(place: Building, shot: Shot) -> np.ndarray:
    """The photo: float32 [rows, columns, 3] in [0, 1], each pixel a mean of 2×2 rays."""
    rows, columns = shot.size
    directions = _directions(shot.camera, shot.size, _SAMPLES * rows, _SAMPLES * columns)
    light = _radiance(place, shot, directions)
    values = developed(shot.look, light).reshape(3, rows, _SAMPLES, columns, _SAMPLES)
    return np.moveaxis(values.mean(axis=(2, 4)), 0, -1).astype(np.float32)


def _pixels(shape, resolution):
    return tuple(max(2, round(side * resolution)) for side in shape)


def _directions(camera, size, rows, columns):
    """Of the centres of `rows` × `columns` equal parts of the image: float32 [3, n]."""
    row = (np.arange(rows) + 0.5) * size[0] / rows - 0.5
    column = (np.arange(columns) + 0.5) * size[1] / columns - 0.5
    y, x = np.meshgrid(row, column, indexing="ij")
    pixels = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    directions = (camera.pose[:, :3] @ camera.inverse_intrinsics @ pixels).astype(np.float32)
    return np.where(np.abs(directions) < 1e-6, np.float32(1e-6), directions)


def _bounds(place, pose, inverse, size):
    """The least and the greatest depth of what is seen, sky and people left out."""
    camera = Camera(pose, inverse, np.zeros(2))
    directions = _directions(camera, size, _PROBES, _PROBES)
    depth = _depths(place, pose[:, 3:].astype(np.float32), directions)[0]
    return np.percentile(depth[np.isfinite(depth)], _PERCENTILES)


def _depths(place, eye, directions):
    """Depth of the first surface on each ray and its solid's number, the ground's being last."""
    depth, which = cast(place.solids, eye, directions)
    ground = np.where(directions[2] < 0, -eye[2] / directions[2], np.inf)
    on_ground = ground < depth
    return np.where(on_ground, ground, depth), np.where(on_ground, len(place.solids), which)


def _radiance(place, shot, directions):
    """Light [3, n] from unnormalised directions [3, n]."""
    eye = shot.camera.pose[:, 3:].astype(np.float32)
    depth, which = _depths(place, eye, directions)
    units = directions / np.sqrt((directions**2).sum(axis=0))
    light = np.empty_like(directions)
    nothing = ~np.isfinite(depth)
    light[:, nothing] = sky(shot.look, units[:, nothing])
    seen = np.flatnonzero(~nothing)
    points = eye + depth[seen] * directions[:, seen]
    light[:, seen] = _reflected(place, shot, points, which[seen], units[:, seen])
    _add_people(shot, eye, directions, depth, light)
    return light


def _reflected(place, shot, points, which, units):
    """Light from points [3, m] on the solids `which` [m], seen along unit vectors [3, m]."""
    normals, colours = np.zeros_like(points), np.empty_like(points)
    names = np.array([solid.part for solid in place.solids] + ["ground"])[which]
    normals[2] = 1
    for index in np.unique(which[which < len(place.solids)]):
        here = which == index
        normals[:, here] = place.solids[index].normal(points[:, here])
    for part in np.unique(names):
        here = names == part
        colours[:, here] = albedo(place, str(part), points[:, here], normals[:, here])
    light = colours * illumination(
        shot.look, points, normals, _sunlit(place, shot, points, normals)
    )
    on_wall = np.flatnonzero(names == "wall")
    panes = on_wall[glazing(place, points[:, on_wall])[0]]
    mirrored = units[:, panes] * np.array([[1], [-1], [1]], np.float32)
    light[:, panes] += 0.25 * sky(shot.look, mirrored)
    lit = lattice(np.floor(points[0, panes] / 1.8), np.floor(points[2, panes] / 6)) < 0.7
    glow = np.array([[1.0], [0.72], [0.36]], np.float32)
    light[:, panes] += 1.2 * shot.look.lamps * lit * glow
    return light


def _sunlit(place, shot, points, normals):
    """Whether the sun reaches the points: neither building nor people stand in its way."""
    sun = shot.look.sun.astype(np.float32)
    towards = np.flatnonzero(sun @ normals > 0)
    starts = (points + 0.02 * normals)[:, towards]
    sun = np.where(np.abs(sun) < 1e-6, np.float32(1e-6), sun)[:, None]
    shadow = blocked(place.solids, starts, sun)
    for person in shot.people:
        shadow |= np.isfinite(stand(person, starts, sun, sun[:2, 0])[0])
    result = np.zeros(points.shape[1], np.float32)
    result[towards] = ~shadow
    return result


def _add_people(shot, eye, directions, depth, light):
    """Paints those over `light` who stand before what is at `depth`; the nearest comes last."""
    distance = [np.linalg.norm(person.place - eye[:2, 0]) for person in shot.people]
    for index in np.argsort(distance)[::-1]:
        person = shot.people[index]
        facing = person.place - eye[:2, 0]
        reached, aside, up = stand(person, eye, directions, facing)
        here = np.flatnonzero(reached < depth)
        points = eye + reached[here] * directions[:, here]
        back = np.repeat(np.array([*-facing, 0])[:, None], len(here), 1) / distance[index]
        worn = clothing(person, aside[here], up[here])
        sunlit = np.full(len(here), 0.9)
        light[:, here] = worn * illumination(shot.look, points, back, sunlit)
