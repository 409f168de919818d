"""Sound files as arrays."""

from math import gcd
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.signals.sound_options import FASTEST, SLOWEST

ENDINGS = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"})
_SILENCE = 1e-4  # of full scale; a sound has a louder sample


def read_sound(
    path: str | Path, start: int = 0, count: int | None = None
) -> tuple[np.ndarray, int]:
    """Reads a sound: (float32 [n, channels] as the file has it, full scale being 1; rate in Hz).

    Raises UserError if it is missing, damaged, empty, silent or no sound, if a value is not finite,
    the rate is below 1,000 or above 384,000 Hz, or soundfile is not installed.

    Args:
        path: of a WAV, FLAC, OGG, MP3 or AIFF file.
        start, count: the first sample, and how many to read; None: all that follow. A part may be
            silent or empty.
    """
    path = Path(path).expanduser()
    try:
        import soundfile
    except ImportError as error:
        raise UserError(
            f"reading {path} needs soundfile; run: pip install 'metainr[audio]'"
        ) from error
    if not path.is_file():
        raise UserError(f"sound {path} does not exist; give a WAV, FLAC, OGG, MP3 or AIFF file")
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(min(start, file.frames))
            sound = file.read(-1 if count is None else count, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise UserError(
            f"cannot read sound {path}: {error}; give an undamaged WAV, FLAC, OGG, MP3 or AIFF"
        ) from error
    if not SLOWEST <= rate <= FASTEST:
        raise UserError(
            f"sound {path} claims {rate} samples a second; give one between {SLOWEST} and {FASTEST}"
        )
    if not np.isfinite(sound).all():
        raise UserError(f"sound {path} has values that are not finite; write it anew")
    whole = not start and count is None
    if whole and not len(sound):
        raise UserError(f"sound {path} is empty; give one with samples")
    if whole and np.abs(sound).max() < _SILENCE:
        raise UserError(f"sound {path} is silent; give one that can be heard")
    return sound, rate


def resampled(sound: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """A sound [n, channels] at another rate: float32 [⌈n · new / old⌉, channels], no aliases."""
    from scipy.signal import resample_poly

    common = gcd(rate, new_rate)
    if rate == new_rate:
        return sound
    return resample_poly(sound, new_rate // common, rate // common).astype(np.float32)


def fitted_to(sound: np.ndarray, num_samples: int) -> np.ndarray:
    """A sound [n, channels], cut at the end or padded with silence, scaled to a peak of 1."""
    sound = sound[:num_samples]
    sound = np.pad(sound, ((0, num_samples - len(sound)), (0, 0)))
    return (sound / max(np.abs(sound).max(), _SILENCE)).astype(np.float32)
