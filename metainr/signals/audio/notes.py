"""Notes of one plucked instrument: a class of sounds that have much in common."""

from typing import NamedTuple

import numpy as np

from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.audio.options import SoundOptions, checked
from metainr.types import SignalClass

LOWEST = 110.0  # Hz, of the octave of pitches
_ONSET = 0.02  # of the duration: silence before the pluck
_ATTACK = 0.004  # seconds
_DAMPING = 0.25  # of the decay: what each further partial has more
_VIBRATO = 5.5  # Hz
_HIGHEST = 0.45  # of the sample rate: no partial comes near to folding back


class Note(NamedTuple):
    """What one note of the instrument differs in from others.

    pitch: in Hz.
    brightness: partial k starts at amplitude k^−brightness.
    decay: of the first partial, in 1/s.
    vibrato: largest deviation of the pitch, as a share of it.
    loudness: peak, in (0, 1].
    """

    pitch: float
    brightness: float = 1.3
    decay: float = 6.0
    vibrato: float = 0.0
    loudness: float = 1.0


def notes(options: SoundOptions) -> SignalClass:
    """Single notes of a plucked string, their pitch uniform (in cents) in the octave above 110 Hz.

    float32 [n, 1] in [−1, 1]. All are plucked after 2 % of the duration, and all partials start
    there at phase 0: that is what the sounds share. Pitch, brightness, decay, vibrato and loudness
    differ. Raises UserError if the options make no sound.
    """
    checked(options)

    def read(split, index):
        rng = generator("notes", options.seed, split, index)
        return pluck(random_note(rng), options)

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def random_note(rng: np.random.Generator) -> Note:
    """A note of the class: what `notes` draws."""
    return Note(
        pitch=LOWEST * 2 ** rng.uniform(0, 1),
        brightness=rng.uniform(1.0, 1.6),
        decay=rng.uniform(4, 8),
        vibrato=rng.uniform(0, 0.004),
        loudness=rng.uniform(0.5, 1),
    )


def pluck(note: Note, options: SoundOptions) -> np.ndarray:
    """The sound of one note, float32 [n, 1], silent before the pluck:

    Σ_k k^−brightness · (1 − e^(−τ/attack)) · e^(−decay (1 + 0.25 (k − 1)) τ) · sin(2π k pitch s(τ))

    scaled to its loudness, where τ is the time since the pluck in seconds, s(τ) is τ bent by the
    vibrato, and k runs over the partials below 0.45 of the sample rate.
    """
    seconds = np.arange(options.resolution) / options.sample_rate - _ONSET * options.duration
    since = np.maximum(seconds, 0)
    bend = note.vibrato * (1 - np.cos(2 * np.pi * _VIBRATO * since)) / (2 * np.pi * _VIBRATO)
    partials = 1 + np.arange(max(1, int(_HIGHEST * options.sample_rate / note.pitch)))[:, None]
    decays = note.decay * (1 + _DAMPING * (partials - 1))
    waves = np.sin(2 * np.pi * partials * note.pitch * (since + bend)) * np.exp(-decays * since)
    sound = (partials**-note.brightness * waves).sum(0) * (1 - np.exp(-since / _ATTACK))
    return (note.loudness * sound / np.abs(sound).max())[:, None].astype(np.float32)
