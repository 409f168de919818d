"""Random access to signals: checked indices, and randomness that depends on nothing else.

A generated signal is a function of (class, seed, split, index): each has a random generator of its
own, so that signals can be asked for in any order, by any thread and on any machine.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from metainr.errors import UserError
from metainr.files import expanded
from metainr.types import SignalClass

SPLITS = ("train", "validation", "test")
GENERATED_SIZES = (10_000, 1_000, 1_000)


class Options(Protocol):
    """What the options of all classes have: see `ImageOptions`."""

    @property
    def resolution(self) -> int:
        """Side, or longer side, of the pictures in pixels, at least 2."""
        ...

    @property
    def seed(self) -> int:
        """Of what is random, 0 or more."""
        ...


def check_resolution(options: Options) -> None:
    """Raises UserError if signals of that resolution are none."""
    if options.resolution < 2:
        raise UserError(f"resolution {options.resolution} is too small; it must be at least 2")


def check_seed(options: Options) -> None:
    """Raises UserError if no random numbers come of that seed."""
    if options.seed < 0:
        raise UserError(f"seed {options.seed} is negative; it must be 0 or more")


def random_access(
    options: Options,
    sizes: Mapping[str, int],
    read: Callable[[str, int], Any],
) -> SignalClass:
    """Makes a SignalClass of `read`, which is only called with a valid split and index.

    The class's `get` raises IndexError for an index outside [0, size) and ValueError for an
    unknown split. Raises UserError if the options make no image.
    """
    check_resolution(options)
    check_seed(options)
    return checked_access(sizes, read)


def checked_access(sizes: Mapping[str, int], read: Callable[[str, int], Any]) -> SignalClass:
    """As `random_access`, of signals that no options describe."""

    def get(split: str, index: int) -> Any:
        if split not in sizes:
            raise ValueError(f"unknown split {split!r}; choose one of {', '.join(sizes)}")
        if not 0 <= index < sizes[split]:
            raise IndexError(f"index {index} is outside {split!r}, which has {sizes[split]}")
        return read(split, int(index))

    return SignalClass(sizes=dict(sizes), get=get)


def of_files(
    options: Options,
    names: Mapping[str, Sequence[str]],
    read: Callable[[str, int], Any],
) -> SignalClass:
    """As `random_access`, of signals that come from the files of these names, by split."""
    sizes = {split: len(part) for split, part in names.items()}
    return random_access(options, sizes, read)._replace(names=names)


def labelled_by_folder(signals: SignalClass) -> SignalClass:
    """A class of files whose labels are the folders that they lie in, by their path below that of
    all; those that lie there have none.
    """

    def label(split: str, index: int) -> str | None:
        parent = PurePosixPath(signals.names[split][index]).parent
        return parent.as_posix().removeprefix(".") or None

    return signals._replace(label=label)


def of_one(
    options: Options, paths: Sequence[str | Path], read: Callable[[str, int], Any]
) -> SignalClass:
    """As `of_files`, of one test signal, made of all these files or folders, and no others."""
    # "." is a folder, too, and has no name before it is absolute.
    name = joined_names(expanded(path).absolute().name for path in paths)
    return of_files(options, {"train": (), "validation": (), "test": (name,)}, read)


def split_by_split(classes: Mapping[str, SignalClass]) -> SignalClass:
    """Each split of another one of these classes, which know the same signals in other detail."""
    return SignalClass(
        {split: part.sizes[split] for split, part in classes.items()},
        lambda split, index: classes[split].get(split, index),
        {split: part.names[split] for split, part in classes.items() if part.names},
    )


def from_example(signals: SignalClass, first: int) -> SignalClass:
    """The class whose training signals begin with number `first`, those before it coming last."""

    def place(split, index):
        return (first + index) % signals.sizes[split] if split == "train" else index

    return signals._replace(
        get=lambda split, index: signals.get(split, place(split, index)),
        number=lambda split, index: signals.number(split, place(split, index)),
    )


def joined_names(names: Iterable[str]) -> str:
    """The name of a signal that is made of several files."""
    return " + ".join(names)


def generated(
    name: str,
    options: Options,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    sizes: Sequence[int] = GENERATED_SIZES,
) -> SignalClass:
    """The class of all `draw(rng, resolution) -> float32 [resolution, resolution, c]`.

    sizes: of training, validation and test.
    """

    def read(split: str, index: int) -> np.ndarray:
        return draw(generator(name, options.seed, split, index), options.resolution)

    return random_access(options, dict(zip(SPLITS, sizes)), read)


def generator(name: str, seed: int, split: str, index: int) -> np.random.Generator:
    """The random numbers of one signal, independent of those of any other."""
    # crc32, because Python's own hash of a string differs between processes.
    tag = zlib.crc32(name.encode())
    return np.random.default_rng([tag, seed, SPLITS.index(split), index])
