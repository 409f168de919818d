"""Parts of signals as a class of signals: what the init of a module is learned for."""

import numpy as np

from metainr.streams.layout import Layout, cut
from metainr.types import SignalClass


def parts_of(signals: SignalClass, layout: Layout) -> SignalClass:
    """The class of all parts [*part_shape, c] of a class's signals: part k of signal i is its
    signal i · parts + k.
    """
    count = layout.num_parts

    def get(split: str, index: int) -> np.ndarray:
        signal, part = divmod(index, count)
        values = np.asarray(cut(signals.get(split, signal), layout)[part])
        return values.reshape(*layout.part_shape, -1)

    return SignalClass({split: count * size for split, size in signals.sizes.items()}, get)
