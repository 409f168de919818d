"""Under which sky the generated landmark is photographed, and what the camera makes of it."""

from typing import NamedTuple

import numpy as np

from metainr.signals.landmarks.facade_materials import lattice

_WEATHERS = ("clear", "overcast", "sunset", "night")
_SHARES = (0.42, 0.26, 0.2, 0.12)


class Look(NamedTuple):
    """The appearance of one photo: light first, then camera. Colours are linear [3].

    sun: unit vector [3] towards it, at night towards the moon;
    sunlight: of surfaces that face it; zenith, horizon: of the sky there;
    clouds: how much of the sky they cover, in [0, 1]; cloud_shift: [2], which ones they are;
    lamps: light of the building's own lamps and windows, 0 by day;
    gains: exposure and white balance; saturation: 1 leaves colours as they are.
    """

    sun: np.ndarray
    sunlight: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    clouds: float
    cloud_shift: np.ndarray
    lamps: float
    gains: np.ndarray
    saturation: float


def random_look(rng: np.random.Generator) -> Look:
    """A clear or an overcast day, a sunset or a night, taken with some camera."""
    weather = _WEATHERS[rng.choice(len(_WEATHERS), p=_SHARES)]
    low, high = {"sunset": (4, 14), "night": (25, 60)}.get(weather, (22, 65))
    elevation = np.deg2rad(rng.uniform(low, high))
    azimuth = np.deg2rad(rng.uniform(-85, 85))  # 0: behind somebody who faces the front
    if weather == "clear" and rng.random() < 0.12:
        azimuth += np.pi  # against the light
    sun = [np.sin(azimuth), -np.cos(azimuth), np.tan(elevation)]
    warmth, haze = rng.random(), rng.random()
    light = _LIGHTS[weather](warmth, haze)
    exposure = 2 ** rng.normal(-0.1, 0.3)
    balance = np.exp(rng.normal(0, [0.09, 0.03, 0.09]))
    return Look(
        sun=np.array(sun) / np.linalg.norm(sun),
        cloud_shift=rng.uniform(0, 1000, 2),
        gains=exposure * balance,
        saturation=rng.uniform(0.75, 1.25),
        **light,
    )


def _clear(warmth, haze):
    return {
        "sunlight": 1.9 * np.array([1.0, 0.93 - 0.08 * warmth, 0.82 - 0.2 * warmth]),
        "zenith": _mixed([0.1, 0.24, 0.62], [0.3, 0.45, 0.7], haze),
        "horizon": _mixed([0.5, 0.68, 0.9], [0.85, 0.88, 0.9], haze),
        "clouds": 0.55 * warmth,
        "lamps": 0.0,
    }


def _overcast(warmth, haze):
    grey = 0.75 + 0.35 * haze
    return {
        "sunlight": 0.25 * warmth * np.ones(3),
        "zenith": grey * np.array([0.68, 0.72, 0.78]),
        "horizon": grey * np.array([0.95, 0.97, 1.0]),
        "clouds": 0.75 + 0.25 * haze,
        "lamps": 0.0,
    }


def _sunset(warmth, haze):
    return {
        "sunlight": 1.9 * np.array([1.0, 0.62 - 0.2 * warmth, 0.34 - 0.2 * warmth]),
        "zenith": _mixed([0.14, 0.2, 0.42], [0.34, 0.26, 0.4], haze),
        "horizon": _mixed([1.0, 0.66, 0.4], [1.0, 0.48, 0.3], warmth),
        "clouds": 0.65 * haze,
        "lamps": 0.15 * warmth,
    }


def _night(warmth, haze):
    return {
        "sunlight": 0.05 * np.array([0.7, 0.8, 1.0]),
        "zenith": _mixed([0.012, 0.018, 0.05], [0.03, 0.06, 0.19], haze),
        "horizon": _mixed([0.05, 0.05, 0.09], [0.12, 0.15, 0.3], haze),
        "clouds": 0.3 * warmth,
        "lamps": 0.7 + 0.5 * warmth,
    }


_LIGHTS = {"clear": _clear, "overcast": _overcast, "sunset": _sunset, "night": _night}


def sky(look: Look, directions: np.ndarray) -> np.ndarray:
    """The sky's colours [3, n] in unit directions [3, n]; below the horizon it goes on as there."""
    height = np.maximum(directions[2], 0)
    blend = height**0.55
    colours = look.horizon[:, None] * (1 - blend) + look.zenith[:, None] * blend
    towards = np.maximum(look.sun.astype(np.float32) @ directions, 0)
    colours += look.sunlight[:, None] * (0.12 * towards**8 + 0.5 * towards**200)
    if look.clouds:
        plane = directions[:2] / (height + 0.12) * 2.2 + look.cloud_shift[:, None]
        density = _fractal(plane.astype(np.float32)) - (0.78 - 0.55 * look.clouds)
        cover = np.clip(4.5 * density, 0, 1) * np.clip(6 * height, 0, 1)
        lit = look.sunlight * (0.2 + 0.25 * max(look.sun[2], 0.2)) + 0.75 * look.horizon
        shaded = lit[:, None] * (1.05 - 0.5 * np.clip(2.2 * density, 0, 1))
        colours += cover * (shaded - colours)
    return colours


def illumination(
    look: Look, points: np.ndarray, normals: np.ndarray, sunlit: np.ndarray
) -> np.ndarray:
    """Light [3, n] that falls on points [3, n]: sun where `sunlit` [n], sky, ground and lamps."""
    facing = np.maximum(look.sun.astype(np.float32) @ normals, 0) * sunlit
    light = look.sunlight[:, None] * facing
    from_sky = 0.55 * look.zenith + 0.45 * look.horizon
    upward = 0.5 + 0.5 * normals[2]
    bounced = 0.18 * (from_sky + look.sunlight * max(look.sun[2], 0))
    ambient = from_sky[:, None] * upward + bounced[:, None] * (1 - upward)
    light += ambient * _openness(points)
    if look.lamps:
        # Flood lights stand on the ground before the front and shine up at it.
        front = np.exp(-np.maximum(points[2], 0) / 9) * np.clip(1.1 - 0.02 * points[1], 0, 1)
        near = np.exp(-(np.maximum(-7 - points[1], 0) ** 2) / 60)
        glow = front * near * (0.35 + 0.65 * np.maximum(-normals[1], 0))
        light += look.lamps * np.array([[1.0], [0.66], [0.34]]) * glow
    return light


def developed(look: Look, light: np.ndarray) -> np.ndarray:
    """The picture's values [3, n] in [0, 1]: gains, a film's shoulder, saturation and gamma."""
    exposed = 1 - np.exp(-1.15 * light * look.gains[:, None])
    grey = exposed.mean(axis=0)
    return np.clip(grey + look.saturation * (exposed - grey), 0, 1) ** (1 / 2.2)


def _openness(points):
    """How much of the sky a point sees: less behind the columns and close to the ground."""
    behind = np.clip((points[1] + 4.4) / 4, 0, 1) * (points[1] < 0.7)
    sheltered = behind * np.clip((11.5 - points[2]) / 3, 0, 1) * (np.abs(points[0]) < 11)
    return (1 - 0.5 * sheltered) * (0.8 + 0.2 * np.clip(points[2] / 2, 0, 1))


def _fractal(plane):
    """Smooth noise of four octaves at [2, n], in [0, 1]."""
    total, weight = np.zeros(plane.shape[1], np.float32), 0.5
    for _ in range(4):
        cell = np.floor(plane)
        u, v = (part * part * (3 - 2 * part) for part in plane - cell)
        (x, y), one = cell, np.float32(1)
        low = lattice(x, y) * (1 - u) + lattice(x + one, y) * u
        high = lattice(x, y + one) * (1 - u) + lattice(x + one, y + one) * u
        total += weight * (low * (1 - v) + high * v)
        plane, weight = 2.03 * plane, weight / 2
    return total / 0.9375


def _mixed(first, second, share):
    return np.array(first) * (1 - share) + np.array(second) * share
