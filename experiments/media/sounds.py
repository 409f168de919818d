"""Sounds as files that every player plays."""

import io
import wave
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.files import write_bytes

_LARGEST = 32767


def write_sound(path: str | Path, samples: np.ndarray, sample_rate: int) -> Path:
    """Writes samples [n, channels] as a 16-bit .wav; what lies outside [−1, 1] is cut off.

    Values that are not finite become silence. Raises UserError for other endings, and for no
    samples.
    """
    path = Path(path)
    if path.suffix.lower() != ".wav":
        raise UserError(f"cannot write a sound to {str(path)!r}: end its name in .wav")
    if not samples.size:
        raise UserError(f"cannot write {str(path)!r}: there are no samples; give at least one")
    finite = np.nan_to_num(samples, nan=0, posinf=0, neginf=0)
    levels = np.round(_LARGEST * np.clip(finite, -1, 1)).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(levels.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(levels.tobytes())
    return write_bytes(path, stream.getvalue())
