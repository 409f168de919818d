"""Sounds: any that are read, and WAVs."""

import numpy as np

from experiments.media import sound_pictures
from experiments.media.sounds import write_sound
from experiments.signal_files.kind import Kind
from metainr.codec.codec import About
from metainr.media.recordings.sounds import ENDINGS, level, read_sound, resampled

NAME = "sound"
_LEVELS = 65535


def sounds(rate: int) -> Kind:
    """The kind, at a rate in Hz: values are scaled to a peak of 1, which files tell."""

    def read(path):
        sound, own_rate = read_sound(path)
        sound = resampled(sound, own_rate, rate)
        peak = level(sound, len(sound))
        coded = min(_LEVELS, max(1, round(_LEVELS * peak)))
        return (sound / peak).astype(np.float32), About(NAME, rate, coded)

    def stored(values, about):
        peak = about.level / _LEVELS
        return np.round(values * peak * 32767) / np.float32(32767 * peak)

    def write(path, values, about):
        write_sound(path, values * (about.level / _LEVELS), about.rate)

    return Kind(
        "sound",
        ENDINGS,
        ".wav",
        read,
        of_signal=lambda signal: signal,
        told=lambda values: About(NAME, rate, _LEVELS),
        stored=stored,
        write=write,
        picture=lambda values: sound_pictures.picture(np.asarray(values)),
    )
