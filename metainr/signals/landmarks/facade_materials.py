"""Colours of the generated landmark's surfaces, as functions of the place alone."""

import numpy as np

from metainr.signals.landmarks.facade_building import RECESS, TOWER_FRONT, Building


def lattice(*cells: np.ndarray) -> np.ndarray:
    """A random number in [0, 1) for every cell of whole coordinates: float32, as the cells."""
    mixed = np.zeros(np.shape(cells[0]), np.uint32)
    for cell, factor in zip(cells, (374761393, 668265263, 2147483647)):
        mixed += cell.astype(np.int32).astype(np.uint32) * np.uint32(factor)
        mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(1274126177)
    return ((mixed ^ (mixed >> np.uint32(16))) >> np.uint32(8)).astype(np.float32) / 2**24


def albedo(building: Building, part: str, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """What points [3, m] with unit normals [3, m] of one part reflect: linear [3, m]."""
    base = building.colours[_BASE.get(part, part)][:, None]
    colours = base * _PATTERNS.get(part, _plain)(points)
    if part == "wall":
        window, door = glazing(building, points)
        colours[:, window] = building.colours["glass"][:, None]
        colours[:, door] = building.colours["door"][:, None] * _panels(points[:, door])
    if part == "gable":
        colours = base * _tympanum(building, points)
        roof = normals[1] > -0.5
        colours[:, roof] = building.colours["roof"][:, None]
    return colours


def glazing(building: Building, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which points [3, m] of the wall are window panes, and which doors: bool [m] each."""
    back = np.abs(points[1] - RECESS) < 0.02
    inside = [back & opening.contains(points[0], points[2]) for opening in building.openings]
    panes = np.zeros_like(back)
    for opening, here in zip(building.openings[1:], inside[1:]):
        aside = opening.offset(points[0])
        bars = (np.abs(aside) < 0.06) | (np.abs((points[2] - opening.bottom) % 1.1 - 0.06) < 0.05)
        panes |= here & ~bars
    return panes, inside[0]


def _plain(points):
    return np.ones_like(points[0])


def _blocks(points):
    """Courses of ashlar, each block a little lighter or darker, with joints."""
    course = np.floor(points[2] / 0.7)
    along = (points[0] + points[1]) / 1.5 + 0.5 * (course % 2)
    joint = (points[2] % 0.7 < 0.05) | (along % 1 < 0.035)
    return (0.9 + 0.16 * lattice(np.floor(along), course)) * np.where(joint, 0.8, 1)


def _tower(points):
    """Ashlar, and the dark behind the openings."""
    dark = np.abs(points[1] - TOWER_FRONT - RECESS) < 0.01
    return np.where(dark, 0.25, _blocks(points))


def _flutes(points):
    """Grooves of a column: they follow the angle round its axis, which repeats along x."""
    turn = np.arctan2(points[1] + 3.2, (points[0] % 2.7) - 1.35)
    return 1 + 0.08 * np.cos(16 * turn)


def _windows_round(points):
    """A drum's windows: dark, tall and narrow."""
    turn = np.arctan2(points[1] - 8, points[0])
    height = points[2] % 3.6 / 3.6
    dark = np.cos(14 * turn) > 0.45
    return np.where(dark, 0.35, 1.0) * (0.95 + 0.05 * np.sin(9 * height))


def _tympanum(building, points):
    """The pediment's front: a frame, the shade it casts, and a field with a round shield."""
    half, foot, rise = building.gable
    below = rise - (points[2] - foot) - rise / half * np.abs(points[0])
    depth = np.minimum(below, points[2] - foot + 0.2)
    shield = points[0] ** 2 + (points[2] - foot - 0.4 * rise) ** 2 < (0.22 * rise) ** 2
    field = 0.84 + 0.08 * np.sin(5 * points[0]) * np.sin(6 * points[2])
    field = np.where(shield, 0.62, np.where(depth < 0.62, 0.5, field))
    return np.where(depth < 0.38, 1.0, field)


def _frieze(points):
    """Grooved blocks at even distances."""
    groove = (points[0] % 0.9 < 0.42) & (points[0] % 0.14 < 0.05)
    return np.where(groove, 0.68, 1.0)


def _paving(points):
    """Slabs of 2 m with joints."""
    x, y = points[0] / 2, points[1] / 2
    joint = (x % 1 < 0.035) | (y % 1 < 0.035)
    return (0.85 + 0.3 * lattice(np.floor(x), np.floor(y))) * np.where(joint, 0.7, 1)


def _foliage(points):
    cells = np.floor(points * 2.2)
    return 0.55 + 0.9 * lattice(*cells)


def _ribs(points):
    return 1 + 0.1 * np.cos(20 * np.arctan2(points[1] - 8, points[0]))


def _panels(points):
    return np.where((points[0] % 0.8 < 0.1) | (points[2] % 1.5 < 0.15), 0.6, 1.0)


_BASE = {"column": "trim", "drum": "wall", "gable": "trim", "frieze": "trim", "tower": "wall"}
_PATTERNS = {
    "wall": _blocks,
    "tower": _tower,
    "column": _flutes,
    "drum": _windows_round,
    "frieze": _frieze,
    "ground": _paving,
    "leaves": _foliage,
    "roof": _ribs,
}
