"""Classes of signals that nobody has seen whole: what is seen of each is drawn once, for good."""

from collections.abc import Callable, Collection

import numpy as np

from metainr.errors import Option, UserError
from metainr.signals.access import generator
from metainr.types import Signal, SignalClass

See = Callable[[Signal, np.random.Generator], Signal]
"""`(signal, random numbers) -> what is seen of it`, of the same shapes for every signal."""

Places = Callable[[np.random.Generator], np.ndarray]
"""`random numbers -> the units [k] that are seen`, in random order, k being the same for all."""


def partly_seen(
    signals: SignalClass, see: See, seed: int, splits: Collection[str] = ("train", "validation")
) -> SignalClass:
    """The class of what is seen of each signal of these splits; the others stay whole.

    It depends on (seed, split, number of the signal) alone: a signal that comes again, in a later
    epoch or in the next round of a mixture, shows nothing new.
    """

    def get(split: str, index: int) -> Signal:
        signal = signals.get(split, index)
        if split not in splits:
            return signal
        return see(signal, generator("seen", seed, split, signals.number(split, index)))

    return signals._replace(get=get)


def scattered(num: int, share: float, unit: str) -> Places:
    """A share of `num` units, each as likely. Raises UserError if they are too few to be halved."""
    count = _num_seen(num, share, unit)
    return lambda rng: rng.permutation(num)[:count].astype(np.int32)


def between_gaps(num: int, share: float, unit: str, num_gaps: int) -> Places:
    """A share of `num` units in a row, which lie between gaps of random places and lengths.

    Raises UserError if they are too few to be halved.
    """
    count = _num_seen(num, share, unit)
    pieces = max(1, min(num_gaps, count, num - count))

    def places(rng):
        lengths = [_parted(whole, pieces, rng) for whole in (count, num - count)]
        is_seen = np.repeat(np.tile([True, False], pieces), np.stack(lengths, axis=1).reshape(-1))
        return rng.permutation(np.flatnonzero(np.roll(is_seen, rng.integers(num)))).astype(np.int32)

    return places


def _parted(whole, pieces, rng):
    """Lengths of 1 or more, in all `whole`, every choice being as likely."""
    cuts = np.sort(rng.choice(np.arange(1, whole), pieces - 1, replace=False))
    return np.diff([0, *cuts, whole])


def _num_seen(num, share, unit):
    count = round(share * num)
    if not 2 <= count < num:
        raise UserError(
            Option("train_seen", share),
            f" of {num} {unit} are {count}, and a training needs two halves of what is seen, and "
            f"less than all; give from {2 / num:.2g} to {(num - 1) / num:.4g}",
        )
    return count
