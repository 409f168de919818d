"""Random four-legged animals as oriented point clouds: solids of one kind that differ in all."""

import numpy as np

from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.clouds.cloud import (
    HALF_SIDE,
    Cloud,
    CloudOptions,
    checked,
    cloud_of,
    sampled_space,
)
from metainr.signals.clouds.round_cones import RoundCones, distance, into_box, surface_points
from metainr.types import SignalClass

_DEGREE = np.pi / 180


def animals(options: CloudOptions) -> SignalClass:
    """Animals with z up that look along x, each the union of ten round cones.

    Thickness and length of body, neck, head, ears, legs and tail, and how these are held, are
    random: there are pigs, dogs, donkeys and giraffes among them. Distances are exact outside; see
    `metainr.signals.clouds.round_cones.distance` for the inside. The splits have 10,000, 1,000 and
    1,000.
    """
    checked(options)

    def read(split: str, index: int) -> Cloud:
        rng = generator("animals", options.seed, split, index)
        solid = into_box(animal(rng), HALF_SIDE)
        points, normals = surface_points(solid, options.num_points, rng)
        coords = sampled_space(points, rng)
        return cloud_of(points, normals, coords, distance(solid, coords))

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def animal(rng: np.random.Generator) -> RoundCones:
    """A random animal, its body round the origin and about 1 long."""
    chest, length = rng.uniform(0.22, 0.36), rng.uniform(0.7, 1.2)
    hips = chest * rng.uniform(0.8, 1.1)
    back = np.array([-length / 2, 0, 0])
    front = np.array([length / 2, 0, rng.uniform(-0.03, 0.1)])
    thickness = rng.uniform(0.09, 0.14)
    parts = [
        (back, front, hips, chest),
        *_head(rng, front, chest, thickness),
        *_legs(rng, back, front, hips, chest, thickness),
        _tail(rng, back, hips),
    ]
    starts, ends, first, last = zip(*parts)
    return RoundCones(np.stack(starts), np.stack(ends), np.stack([first, last], axis=1))


def _head(rng, front, chest, thickness):
    """Neck, head and ears, in the plane y = 0 but for the ears."""
    nape = front + 0.3 * chest * _towards(45 * _DEGREE)
    crown = nape + rng.uniform(0.3, 0.9) * _towards(rng.uniform(25, 80) * _DEGREE)
    skull = rng.uniform(0.15, 0.23)
    snout = crown + rng.uniform(0.2, 0.4) * _towards(rng.uniform(-45, 0) * _DEGREE)
    ear, raised = rng.uniform(0.18, 0.5), rng.uniform(-10, 80) * _DEGREE
    tip = np.array([-0.2, np.cos(raised), np.sin(raised)])
    ears = []
    for side in (1, -1):
        root = crown + 0.75 * skull * np.array([-0.2, 0.6 * side, 0.75])
        ears.append((root, root + ear * tip * [1, side, 1], 0.09, 0.065))
    neck = (nape, crown, 0.75 * chest, max(0.75 * skull, thickness))
    return [neck, (crown, snout, skull, skull * rng.uniform(0.45, 0.7)), *ears]


def _legs(rng, back, front, hips, chest, thickness):
    length, foot = rng.uniform(0.45, 0.95), thickness * rng.uniform(0.75, 1.0)
    legs = []
    for root, width, swing in (
        (back, hips, rng.uniform(-25, 10)),
        (front, chest, rng.uniform(-10, 25)),
    ):
        for side in (1, -1):
            hip = root + 0.6 * width * np.array([0, side, -0.5])
            turned = (swing + rng.uniform(-12, 12)) * _DEGREE
            down = np.array([np.sin(turned), 0.05 * side, -np.cos(turned)])
            legs.append((hip, hip + (0.3 * width + length) * down, 1.15 * thickness, foot))
    return legs


def _tail(rng, back, hips):
    root = back - 0.85 * hips * np.array([1, 0, -0.4])
    way = rng.uniform(0.15, 0.7) * _towards(rng.uniform(-60, 60) * _DEGREE) * [-1, 1, 1]
    return root, root + way, 0.09, rng.uniform(0.065, 0.085)


def _towards(elevation):
    """The direction at that angle above x."""
    return np.array([np.cos(elevation), 0, np.sin(elevation)])
