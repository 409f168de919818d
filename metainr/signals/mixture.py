"""Several classes of signals as one, in stated shares."""

import re
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from metainr.errors import UserError
from metainr.signals.access import SPLITS, checked_access
from metainr.types import SignalClass

_PART = re.compile(r"(?P<name>[^:]+)(:(?P<share>[1-9]\d{0,2}))?")


def mixed(classes: Mapping[str, SignalClass], shares: Sequence[int] = ()) -> SignalClass:
    """The classes' signals in turn: of each as many in a row as its share, then the next class's.

    Of "train" the smaller classes are repeated until the largest has been seen once, so that the
    shares hold; the other splits end with the class that is first at its end. A batch of shuffled
    signals has the shares on average.

    Args:
        classes: by name, at least two; their signals have one shape.
        shares: whole numbers from 1 on, one per class; none: equal ones.

    Raises:
        UserError: there are fewer than two classes or another number of shares, or signals differ
            in shape.

    >>> options = metainr.signals.ImageOptions(resolution=32)
    >>> classes = {name: metainr.signals.make(name, options) for name in ("sdf", "text")}
    >>> both = metainr.signals.mixed(classes, shares=(2, 1))  # two curves, then a text
    >>> both.get("train", 0).shape
    (32, 32, 3)
    """
    names, parts = [*classes], [*classes.values()]
    shares = [1] * len(parts) if not shares else [*shares]
    if len(parts) < 2 or len(shares) != len(parts) or min(shares) < 1:
        raise UserError(
            f"classes: {', '.join(names)} in shares {shares}; give two classes or more, and for "
            "each a share of 1 or more"
        )
    _check_shapes(names, parts)
    cycle = sum(shares)
    # Of every place in a cycle the class, its number among that one's, and their count.
    slots = [(which, i, share) for which, share in enumerate(shares) for i in range(share)]

    def place(split, index):
        which, i, share = slots[index % cycle]
        return which, (index // cycle * share + i) % parts[which].sizes[split]

    sizes = {}
    for split in SPLITS:
        cycles = [part.sizes[split] / share for part, share in zip(parts, shares)]
        repeats = split == "train" and min(cycles) > 0
        sizes[split] = cycle * int(np.ceil(max(cycles)) if repeats else min(cycles))

    def read(split, index):
        which, i = place(split, index)
        return parts[which].get(split, i)

    def level(split, index):
        which, i = place(split, index)
        return parts[which].level(split, i)

    def number(split, index):
        which, i = place(split, index)
        return i * len(parts) + which

    return checked_access(sizes, read)._replace(level=level, cycle=cycle, number=number)


def mixture(text: str, make: Callable[[str], SignalClass]) -> SignalClass:
    """The classes of a text such as "sdf:2,photos", shares behind colons, 1 where none is given.

    `make`: the class of a name. Raises UserError, as `mixed` does, or for a text that is none.
    """
    matches = [_PART.fullmatch(part.strip()) for part in text.split(",")]
    found = [(match["name"].strip(), int(match["share"] or 1)) for match in matches if match]
    names = [name for name, _ in found]
    if len(found) < len(matches) or len(set(names)) < len(names):
        raise UserError(
            f"classes of signals {text!r}: give different names, each with a share from 1 to 999 "
            "if it is not 1, such as sdf:2,photos"
        )
    return mixed({name: make(name) for name in names}, [share for _, share in found])


def class_names(text: str) -> list[str]:
    """The classes that a text such as "sdf:2,photos" names; one alone, too."""
    return [part.partition(":")[0].strip() for part in text.split(",")]


def in_cycles(signals: SignalClass) -> SignalClass:
    """The training signals of a mixture in stacks [cycle, ...] of those that have their places."""

    def read(split, index):
        first = index * signals.cycle
        entries = [signals.get(split, i) for i in range(first, first + signals.cycle)]
        return jax.tree.map(lambda *x: np.stack(x), *entries)

    sizes = {split: size // signals.cycle for split, size in signals.sizes.items()}
    return checked_access(sizes, read)


def _check_shapes(names, parts):
    shapes = [_shape(part) for part in parts]
    for name, shape in zip(names, shapes):
        if shape != shapes[0]:
            raise UserError(
                f"the classes {names[0]} and {name} cannot be mixed: signals of shape "
                f"{_listed(shapes[0])} and {_listed(shape)}; give classes of one shape"
            )


def _shape(part):
    """Structure and shapes of a class's signals, by the first that there is."""
    split = next((split for split in SPLITS if part.sizes[split]), None)
    if split is None:
        return "none", []
    leaves, structure = jax.tree.flatten(part.get(split, 0))
    return str(structure), [np.shape(leaf) for leaf in leaves]


def _listed(shape):
    return " and ".join(str([*axes]) for axes in shape[1]) or "nothing"
