"""Takes the photos of the generated landmark: rays, light and shade, and people in the way."""

from typing import NamedTuple

import numpy as np

from metainr.signals.landmarks.facade_building import Building
from metainr.signals.landmarks.facade_light import Look, developed, illumination, sky
from metainr.signals.landmarks.facade_materials import albedo, glazing, lattice
from metainr.signals.landmarks.facade_people import Person, clothing, stand
from metainr.signals.landmarks.options import Camera
from metainr.signals.solids import cast, first_met

_SAMPLES = 2  # per side of a pixel


class Shot(NamedTuple):
    """One photo before it is taken. `size` is (rows, columns) in pixels."""

    camera: Camera
    size: tuple[int, int]
    look: Look
    people: tuple[Person, ...]


def photograph(place: Building, shot: Shot) -> np.ndarray:
    """The photo: float32 [rows, columns, 3] in [0, 1], each pixel a mean of 2×2 rays."""
    rows, columns = shot.size
    directions = ray_directions(shot.camera, shot.size, _SAMPLES * rows, _SAMPLES * columns)
    light = _radiance(place, shot, directions)
    values = developed(shot.look, light).reshape(3, rows, _SAMPLES, columns, _SAMPLES)
    return np.moveaxis(values.mean(axis=(2, 4)), 0, -1).astype(np.float32)


def ray_directions(camera: Camera, size: tuple[int, int], rows: int, columns: int) -> np.ndarray:
    """Of rays through the centres of `rows` × `columns` equal parts of an image: float32 [3, n].

    Their coordinate along the camera's axis is 1.

    Args:
        camera: whose image it is.
        size: of the image, in pixels.
        rows, columns: into how many parts to divide it.
    """
    row = (np.arange(rows) + 0.5) * size[0] / rows - 0.5
    column = (np.arange(columns) + 0.5) * size[1] / columns - 0.5
    y, x = np.meshgrid(row, column, indexing="ij")
    pixels = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    return (camera.pose[:, :3] @ camera.inverse_intrinsics @ pixels).astype(np.float32)


def _radiance(place, shot, directions):
    """Light [3, n] from unnormalised directions [3, n]."""
    eye = shot.camera.pose[:, 3:].astype(np.float32)
    hits = cast(place.solids, np.broadcast_to(eye, directions.shape).T, directions.T)
    depth = hits.depths
    units = directions / np.sqrt((directions**2).sum(axis=0))
    light = np.empty_like(directions)
    nothing = ~np.isfinite(depth)
    light[:, nothing] = sky(shot.look, units[:, nothing])
    seen = np.flatnonzero(~nothing)
    # take, unlike an index, keeps the coordinates' rows contiguous.
    points = eye + depth[seen] * directions.take(seen, 1)
    names = np.array([solid.material for solid in place.solids])[hits.indices[seen]]
    normals = np.ascontiguousarray(hits.normals[seen].T)
    light[:, seen] = _reflected(place, shot, points, normals, names, units.take(seen, 1))
    _add_people(shot, eye, directions, depth, light)
    return light


def _reflected(place, shot, points, normals, names, units):
    """Light from points [3, m] of materials `names` [m], seen along unit vectors [3, m]."""
    colours = np.empty_like(points)
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
    starts = (points + 0.02 * normals).take(towards, 1)
    sun = sun[:, None]
    depth, _ = first_met(place.solids, starts, np.broadcast_to(sun, starts.shape))
    shadow = np.isfinite(depth)
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
