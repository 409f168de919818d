"""Passers-by: flat upright figures that always turn to who looks at them."""

from typing import NamedTuple

import numpy as np

_SKINS = np.array([[0.55, 0.36, 0.26], [0.4, 0.24, 0.16], [0.2, 0.11, 0.07], [0.62, 0.44, 0.34]])


class Person(NamedTuple):
    """Where one stands and what one wears; colours are linear [3].

    place: [2], x and y on the ground; height in metres;
    stride: distance of the feet from the axis, in heights.
    """

    place: np.ndarray
    height: float
    stride: float
    skin: np.ndarray
    hair: np.ndarray
    shirt: np.ndarray
    trousers: np.ndarray


def random_people(rng: np.random.Generator, eye: np.ndarray, target: np.ndarray) -> list[Person]:
    """None to a dozen on the ground between the eye [3] and the target [3], or beside it."""
    along = (target - eye)[:2]
    distance = np.linalg.norm(along)
    along = along / distance
    across = np.array([along[1], -along[0]])
    people = []
    for _ in range(min(rng.poisson(4.5), 12)):
        ahead = rng.uniform(0.28, 0.78) * distance
        place = eye[:2] + ahead * along + rng.uniform(-0.55, 0.55) * ahead * across
        person = Person(
            place,
            height=rng.uniform(1.5, 1.9),
            stride=rng.uniform(0.03, 0.1),
            skin=_SKINS[rng.integers(len(_SKINS))],
            hair=np.array([0.25, 0.16, 0.08]) * rng.uniform(0.1, 1.6),
            shirt=_vivid(rng, 0.75),
            trousers=_vivid(rng, 0.25),
        )
        # The steps are no ground: nobody stands in them.
        if place[1] < -7.5:
            people.append(person)
    return people


def stand(
    person: Person, origins: np.ndarray, directions: np.ndarray, facing: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where rays meet the upright plane through a person, square to `facing` [2], and what there.

    Returns t [n], infinite beside the figure, and the place in it, in heights: aside [n], up [n].
    """
    start = person.place[:, None] - origins[:2]
    facing = facing / np.linalg.norm(facing)
    towards = facing @ directions[:2]
    depth = (facing @ start) / np.where(np.abs(towards) < 1e-6, 1e-6, towards)
    gap = depth * directions[:2] - start
    aside = (facing[1] * gap[0] - facing[0] * gap[1]) / person.height
    up = (origins[2] + depth * directions[2]) / person.height
    return np.where(_outline(person, aside, up) & (depth > 0), depth, np.inf), aside, up


def clothing(person: Person, aside: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Colours [3, m] of the places in the figure, rounded by a little shade at its sides."""
    hands = (up < 0.5) & (np.abs(aside) > 0.135)
    zones = [up > 0.935, (up > 0.84) | hands, up > 0.48, up > 0.03]
    colours = (person.hair, person.skin, person.shirt, person.trousers)
    layers = [np.broadcast_to(colour[:, None], (3, len(up))) for colour in colours]
    return np.select(zones, layers, 0.05) * (1 - 12 * aside**2)


def _outline(person, aside, up):
    """Head, neck, torso with arms, and two legs."""
    aside, side = np.abs(aside), aside
    head = (side / 0.062) ** 2 + ((up - 0.925) / 0.075) ** 2 < 1
    neck = (aside < 0.03) & (up > 0.8) & (up < 0.9)
    shoulder = 0.15 - 0.5 * np.maximum(up - 0.78, 0)
    torso = (aside < shoulder) & (up > 0.48) & (up <= 0.84)
    torso &= (aside < 0.1) | (aside > 0.115) | (up > 0.74)
    hands = (aside > 0.115) & (aside < 0.15) & (up > 0.43) & (up <= 0.48)
    foot = person.stride * (1 - up / 0.5) + 0.045
    legs = (np.abs(aside - foot) < 0.045) & (up >= 0) & (up <= 0.5)
    return head | neck | torso | hands | legs


def _vivid(rng, brightest):
    """A random colour, at times grey."""
    colour = rng.uniform(0.02, 1, 3) ** 1.6
    grey = colour.mean()
    return brightest * (grey + rng.uniform(0, 1) * (colour - grey))
