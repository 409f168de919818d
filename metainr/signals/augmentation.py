"""Changes of training signals that a class allows: what comes out could be a signal of it, too.

Images are [h, w, c] in [0, 1], clips [t, h, w, c], sounds [t, c] in [−1, 1]. Nothing but training
ever sees a changed signal.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from metainr.errors import Option, UserError
from metainr.signals.mixture import class_names
from metainr.types import Array, Signal

Change = Callable[[Signal, np.random.Generator], Signal]

KINDS = ("flips", "shifts", "scales", "colours")
_REACH = 8  # shifts are by an eighth of the side at most
_ZOOM = 0.8  # scales show this part of the side at least
_GAMMA = 0.4  # of colours, the largest logarithm of an exponent


def _mirrored(image: Array, rng: np.random.Generator) -> Array:
    """Left and right are exchanged, or not."""
    return image[..., ::-1, :] if rng.random() < 0.5 else image


def _moved(image: Array, rng: np.random.Generator) -> Array:
    """Moved by up to an eighth of the sides; what comes in repeats the border."""
    for axis in (-3, -2):
        side = image.shape[axis]
        by = rng.integers(-(side // _REACH), side // _REACH + 1)
        image = np.take(image, np.clip(np.arange(side) + by, 0, side - 1), axis)
    return image


def _enlarged(image: Array, rng: np.random.Generator) -> Array:
    """A part of 80 to 100 % of the sides fills the picture, interpolated linearly."""
    share, start = rng.uniform(_ZOOM, 1), rng.random(2)
    for axis, begin in zip((-3, -2), start):
        side = image.shape[axis]
        place = (begin * (1 - share) + share * np.linspace(0, 1, side)) * (side - 1)
        low = np.minimum(place.astype(int), side - 2)
        above = np.expand_dims(place - low, tuple(range(1, -axis))).astype(np.float32)
        image = (1 - above) * np.take(image, low, axis) + above * np.take(image, low + 1, axis)
    return image


def _tinted(image: Array, rng: np.random.Generator) -> Array:
    """Each channel to a power between e^−0.4 and e^0.4."""
    powers = np.exp(rng.uniform(-_GAMMA, _GAMMA, image.shape[-1]))
    return np.power(np.maximum(image, 0), powers).astype(np.float32)


def _inverted(sound: Array, rng: np.random.Generator) -> Array:
    """The sign is changed, or not, which nobody hears."""
    return -sound if rng.random() < 0.5 else sound


def _delayed(sound: Array, rng: np.random.Generator) -> Array:
    """Moved by up to an eighth of the length; what comes in is silent."""
    reach = len(sound) // _REACH
    framed = np.pad(sound, ((reach, reach), (0, 0)))
    return framed[(start := rng.integers(2 * reach + 1)) : start + len(sound)]


_PICTURES = {"flips": _mirrored, "shifts": _moved, "scales": _enlarged, "colours": _tinted}
_SOUNDS = {"flips": _inverted, "shifts": _delayed}
_ALLOWED: Mapping[str, Mapping[str, Change]] = {
    **dict.fromkeys(("photos", "noise", "folder", "celeba", "imagenette", "clips"), _PICTURES),
    # Other changes leave no distances.
    **dict.fromkeys(("sdf", "sdf_mixed", "phantoms"), {"flips": _mirrored}),
    "slices": {"flips": _mirrored, "shifts": _moved, "scales": _enlarged},
    "text": {"shifts": _moved, "colours": _tinted},
    "moving": {"flips": _mirrored, "colours": _tinted},
    "notes": {"flips": _inverted},
    **dict.fromkeys(("speech", "recordings"), _SOUNDS),
}


def augmentation(name: str, kinds: Sequence[str]) -> Change:
    """All changes of these kinds, one after the other, of signals of a class or a mixture.

    Raises UserError for a kind that a class does not allow.

    >>> from metainr.signals.augmentation import augmentation
    >>> change = augmentation("sdf", ["flips"])
    >>> change(np.zeros((4, 4, 3)), np.random.default_rng(0)).shape
    (4, 4, 3)
    """
    for part in class_names(name):
        allowed = _ALLOWED.get(part, {})
        for kind in kinds:
            if kind not in allowed:
                remedy = f"give some of {', '.join(allowed)}" if allowed else "leave it out"
                raise UserError(
                    Option("augment", kind),
                    f" is nothing that the class {part} allows: what comes out would be no signal "
                    f"of it; {remedy}",
                )
    return _one_by_one([_ALLOWED[class_names(name)[0]][kind] for kind in kinds])


def of_pictures(kinds: Sequence[str]) -> Change:
    """All changes of these kinds, one after the other, of a user's own images."""
    return _one_by_one([_PICTURES[kind] for kind in kinds])


def _one_by_one(changes):
    def change(signal, rng):
        for one in changes:
            signal = one(signal, rng)
        return signal

    return change
