"""The backs of chairs: panels, slats, bars and frames with a pad."""

from typing import NamedTuple

import numpy as np

from metainr.signals.objects.parts import Colour, beam, box, ring, rod, sphere
from metainr.signals.solids import Solid


def random_back(
    rng: np.random.Generator, seat: tuple[float, float, float], frame: Colour, cover: Colour
) -> list[Solid]:
    """The parts of a back of some style on a seat of that width, depth and height in metres."""
    width, depth, height = seat
    lean, rise = rng.uniform(0.02, 0.3), rng.uniform(0.35, 0.6)
    place = _Place(0.46 * width, 0.44 * depth, height, lean, rise)
    return _STYLES[rng.integers(len(_STYLES))](rng, place, frame, cover)


class _Place(NamedTuple):
    """Where a back stands: half its width, the y and z of its lower edge, its lean and height."""

    half: float
    rear: float
    bottom: float
    lean: float
    rise: float

    def at(self, across, up):
        """The point `across` in −1 … 1 of the half width and `up` in 0 … 1 of the height."""
        z = up * self.rise
        return (across * self.half, self.rear + self.lean * z, self.bottom + z)

    def panel(self, low, high, span, thick, colour):
        """A plate between two heights in 0 … 1, `span` in 0 … 1 of the width."""
        sides = (2 * span * self.half, thick, (high - low) * self.rise)
        return box(self.at(0, (low + high) / 2), sides, colour, self.lean)


def _panel_back(rng, back, frame, cover):
    low = rng.choice([0.0, rng.uniform(0.2, 0.5)])
    parts = [back.panel(low, 1, 1.05, rng.uniform(0.03, 0.07), cover)]
    if low > 0:
        parts += [beam(back.at(x, 0), back.at(x, 1), (0.04, 0.03), frame) for x in (-0.8, 0.8)]
    return parts


def _slat_back(rng, back, frame, _):
    count = int(rng.integers(3, 7))
    radius = rng.uniform(0.01, 0.018)
    parts = [rod(back.at(x, 0), back.at(x, 0.95), radius, frame) for x in np.linspace(-1, 1, count)]
    return [*parts, back.panel(0.88, 1.05, 1.05, 0.035, frame)]


def _bar_back(rng, back, frame, cover):
    count = int(rng.integers(2, 5))
    parts = [beam(back.at(x, 0), back.at(x, 1), (0.04, 0.04), frame) for x in (-1, 1)]
    bars = np.linspace(0.3, 0.93, count)
    half = rng.uniform(0.15, 0.4) * 0.63 / count
    return parts + [back.panel(middle - half, middle + half, 1, 0.02, cover) for middle in bars]


def _framed_back(rng, back, frame, cover):
    """A pad in the middle of posts and a rail, or an oval pad in a ring."""
    if rng.random() < 0.5:
        parts = [beam(back.at(x, 0), back.at(x, 1), (0.04, 0.04), frame) for x in (-1, 1)]
        parts.append(back.panel(0.93, 1.02, 1, 0.04, frame))
        return [*parts, back.panel(0.15, 0.85, rng.uniform(0.4, 0.85), 0.035, cover)]
    radius = back.rise * 0.42
    parts = [ring(back.at(0, 0.58), (0, -1, back.lean), radius, 0.025, frame)]
    parts.append(sphere(back.at(0, 0.58), (radius, 0.035, radius), cover))
    return parts + [rod(back.at(x, 0), back.at(x, 0.35), 0.02, frame) for x in (-0.35, 0.35)]


_STYLES = (_panel_back, _panel_back, _slat_back, _bar_back, _framed_back)
