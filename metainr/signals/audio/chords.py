"""Two notes at once: a combination, for inits that are composed of those of single notes."""

import numpy as np

from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.audio.notes import pluck, random_note
from metainr.signals.audio.options import SoundOptions, checked
from metainr.types import SignalClass


def chords(options: SoundOptions) -> SignalClass:
    """Means of two independent notes as those of `notes`, plucked together.

    float32 [n, 1] in [−1, 1]. Raises UserError if the options make no sound.
    """
    checked(options)

    def read(split, index):
        rng = generator("chords", options.seed, split, index)
        both = [pluck(random_note(rng), options) for _ in range(2)]
        return np.mean(both, axis=0, dtype=np.float32)

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)
