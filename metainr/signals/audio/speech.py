"""Speech-like sounds: vowels by the source-filter model, their pitch gliding, with pauses."""

import numpy as np

from metainr.signals.access import GENERATED_SIZES, SPLITS, generator, random_access
from metainr.signals.audio.options import SoundOptions, checked
from metainr.types import SignalClass

# Formants F1, F2, F3 in Hz: the means of men in Peterson & Barney, "Control methods used in a study
# of the vowels", JASA 24, 1952.
VOWELS = {
    "i": (270, 2290, 3010),
    "ɛ": (530, 1840, 2480),
    "æ": (660, 1720, 2410),
    "ɑ": (730, 1090, 2440),
    "ɔ": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_BANDWIDTHS = np.array([60.0, 90.0, 150.0])  # Hz
_SYLLABLE = 0.2  # seconds, of vowel and pause
_SOUNDING = (0.6, 0.9)  # of a syllable
_EDGE = 0.03  # seconds of rise and fall
_PITCH = (100.0, 140.0)  # Hz, at the start
_FALL = (0.1, 0.3)  # of the pitch, by the end
_HIGHEST = 0.45  # of the sample rate


def speech(options: SoundOptions) -> SignalClass:
    """Voiced syllables of one voice: random vowels, a falling pitch, a pause after each vowel.

    float32 [n, 1], scaled to a peak of 1. There is no noise in them, neither breath nor consonants.
    Raises UserError if the options make no sound.
    """
    checked(options)

    def read(split, index):
        return _utter(generator("speech", options.seed, split, index), options)

    return random_access(options, dict(zip(SPLITS, GENERATED_SIZES)), read)


def voiced(
    pitch: np.ndarray, formants: np.ndarray, envelope: np.ndarray, sample_rate: int
) -> np.ndarray:
    """Harmonics of a pitch through three resonances: float64 [n], unscaled.

    Σ_k envelope · |H(k f)| / k · sin(k φ + arg H(k f)),
    H(f) = Π_i 1 / (1 − (f/F_i)² + j f B_i/F_i²)

    over all harmonics k f below 0.45 of the sample rate; 1/k is the slope of a glottal pulse as
    heard at the lips (−12 dB an octave, and 6 for the radiation), φ the phase of the pitch.

    Args:
        pitch: f in Hz, [n].
        formants: F_i in Hz, [n, 3].
        envelope: amplitude, [n].
        sample_rate: in Hz.

    Source: Fant, "Acoustic Theory of Speech Production", 1960.
    """
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    sound = np.zeros(len(pitch))
    for harmonic in range(1, 1 + int(_HIGHEST * sample_rate / pitch.min())):
        ratio = harmonic * pitch[:, None] / formants
        response = 1 / np.prod(1 - ratio**2 + 1j * ratio * _BANDWIDTHS / formants, axis=1)
        heard = harmonic * pitch < _HIGHEST * sample_rate
        sound += heard / harmonic * np.imag(response * np.exp(1j * harmonic * phase))
    return envelope * sound


def _utter(rng, options):
    n, rate = options.resolution, options.sample_rate
    count = max(1, round(options.duration / _SYLLABLE))
    share = np.arange(n) / n  # of the duration
    pitch = rng.uniform(*_PITCH) * (1 - rng.uniform(*_FALL) * share)
    table = np.array(list(VOWELS.values()), float)
    targets = table[rng.integers(len(table), size=count + 1)]
    place = share * count
    # The tongue is on its way to the next vowel all the time.
    formants = np.stack(
        [np.interp(place, np.arange(count + 1), column) for column in targets.T], axis=1
    )
    sounding = rng.uniform(*_SOUNDING, size=count)[np.minimum(place.astype(int), count - 1)]
    within = (place - np.floor(place)) * options.duration / count  # seconds since the syllable's
    until = sounding * options.duration / count - within
    envelope = np.clip(np.minimum(within, until) / _EDGE, 0, 1)
    sound = voiced(pitch, formants, np.sin(np.pi / 2 * envelope) ** 2, rate)
    return (sound / np.abs(sound).max())[:, None].astype(np.float32)
