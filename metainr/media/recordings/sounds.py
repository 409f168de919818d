"""Sound files as arrays."""

import re
import struct
from math import gcd
from pathlib import Path

import numpy as np
from absl import logging

from metainr.errors import UserError
from metainr.files import expanded
from metainr.media.opening import check_regular
from metainr.media.recordings.sound_streams import mp3, ogg_note

SLOWEST, FASTEST = 1_000, 384_000  # Hz
ENDINGS = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"})
_ENDLESS = 0x7FFF0000  # bytes: who writes a WAV to a pipe says so many, or more
_SILENCE = 1e-4  # of full scale; a sound has a louder sample
_LAYOUTS = {
    **{b"RIFFWAVE": "<4sI", b"RF64WAVE": "<4sI", b"RIFXWAVE": ">4sI"},
    **{b"FORMAIFF": ">4sI", b"FORMAIFC": ">4sI"},
}
_FARTHEST = 2**48  # bytes, to which a file can be searched
_ROUGH = 4096  # samples by which the count of an MP3 may be off that is whole
_MOST = 2**28  # values that are read at a time, 1 GiB
_UNTOLD = 2**63 - 1  # samples: what soundfile says of a FLAC that was written to a pipe
_PART = re.compile(rb"\0?[ -~]{4}|\0{5}")  # how what follows samples begins, or padding


def read_sound(
    path: str | Path, start: int = 0, count: int | None = None, mono: bool = False
) -> tuple[np.ndarray, int]:
    """Reads a sound: (float32 [n, channels] as the file has it, full scale being 1; rate in Hz).

    Of an OGG that has no end, or holds several recordings, a warning tells. Raises UserError if it
    is missing, damaged, cut off, empty, silent, no sound, more than 2²⁸ values long or of a length
    that is not told rightly, if a value is not finite, the rate is below 1,000 or above 384,000 Hz,
    or soundfile is not installed.

    Args:
        path: of a WAV, FLAC, OGG, MP3 or AIFF file.
        start, count: the first sample, and how many to read; None: all that follow. A part may be
            silent or empty.
        mono: whether channels are averaged, to one.
    """
    path = expanded(path)
    try:
        import soundfile
    except ImportError as error:
        raise UserError(
            f"reading {path} needs soundfile; run: pip install 'metainr[audio]'"
        ) from error
    check_regular(path, "sound")
    whole = not start and count is None
    try:
        promised, there = _claim(path)
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            start = min(start, file.frames)
            claimed = min(file.frames - start, file.frames if count is None else count)
            _check_length(path, claimed, file.channels)
            if not file.seekable():
                raise UserError(
                    f"sound {path} is coded as {file.subtype_info}, of which no part can be read "
                    "alone; save it as PCM"
                )
            file.seek(start)
            sound = file.read(claimed, dtype="float32", always_2d=True)
    except UserError:
        raise
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise UserError(
            f"cannot read sound {path}: {error}; give an undamaged WAV, FLAC, OGG, MP3 or "
            "AIFF; others, such as m4a, ffmpeg converts"
        ) from error
    held = mp3(path)
    if len(sound) + _ROUGH < claimed and (held.is_told or not held.samples):
        promised, there = start + claimed, start + len(sound)
    if there < promised:
        raise UserError(
            f"sound {path} is cut off: it promises {promised} samples, and {there} are there; give "
            "the whole file"
        )
    if whole:
        _check_streams(path, len(sound), held.samples)
    if not SLOWEST <= rate <= FASTEST:
        raise UserError(
            f"sound {path} claims {rate} samples a second; give one between {SLOWEST} and {FASTEST}"
        )
    if not np.isfinite(sound).all():
        raise UserError(f"sound {path} has values that are not finite; write it anew")
    if whole and not len(sound):
        raise UserError(f"sound {path} is empty; give one with samples")
    if mono:
        sound = sound.mean(axis=1, keepdims=True)
    if whole and max(sound.max(), -sound.min()) < _SILENCE:
        raise UserError(f"sound {path} is silent; give one that can be heard")
    return sound, rate


def _check_streams(path, samples, held):
    """Whether a decoder came to the end of what it decodes, as far as that is known."""
    if samples + _ROUGH < held:
        raise UserError(
            f"sound {path} holds {held} samples, of which its decoder reads {samples}: its rate "
            "varies and no header says so, or it is several MP3s in one; save it as WAV"
        )
    if note := ogg_note(path):
        logging.warning("%s: %s", path, note)


def _check_length(path, samples, channels):
    values = samples * channels
    if samples == _UNTOLD:
        raise UserError(f"sound {path} does not say how long it is; write it anew")
    if values > _MOST:
        raise UserError(
            f"sound {path} has {values} values, more than the {_MOST} that can be read; cut it "
            "into parts"
        )


def _claim(path):
    """(samples that a WAV, RF64, W64 or AIFF promises, samples that are there); (0, 0): not told.

    Of a file that is cut off soundfile reads what there is.
    """
    block, large = 1, 0
    size = path.stat().st_size
    with path.open("rb") as file:
        is_big = file.read(4) == b"RIFX"
        file.seek(0)
        for name, start, promised in _chunks(file):
            if name == b"ds64":  # of RF64, whose data say that they are endless
                large = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
            if name == b"fmt ":
                order = ">" if is_big else "<"
                block = max(1, struct.unpack(f"{order}12xH", file.read(14).ljust(14, b"\0"))[0])
            if name == b"COMM":
                channels, bits = struct.unpack(">H4xH", file.read(8).ljust(8, b"\0"))
                block = max(1, channels * ((bits + 7) // 8))
            if name == b"data" and not promised:
                _check_empty(path, file, start)
            if name == b"data" and promised >= _ENDLESS:
                promised = large
            if name == b"SSND":  # two fields before its samples
                start, promised = start + 8, max(0, promised - 8)
            if name in (b"data", b"SSND"):
                known = promised < _ENDLESS or promised == large
                if name == b"data" and known and promised:
                    _check_rest(path, file, start + promised)
                return (promised // block, (size - start) // block) if known else (0, 0)
    return 0, 0


def _chunks(file):
    """(name, place, size) of each part of a WAV, RF64, W64 or AIFF; none of another file."""
    form = file.read(12)
    layout = _LAYOUTS.get(form[:4] + form[8:])
    own, even = 0, 2
    if form[:4] == b"riff":  # W64, whose parts have long names and count their own headers
        layout, own, even = "<16sQ", 24, 8
        file.seek(40)
    while layout and len(header := file.read(struct.calcsize(layout))) == struct.calcsize(layout):
        name, size = struct.unpack(layout, header)
        size, start = max(0, size - own), file.tell()
        yield name[:4], start, size
        file.seek(start + min(size + -size % even, _FARTHEST))


def _check_empty(path, file, start):
    """Whether what follows data of no length is, as the file's own length says, not of it."""
    file.seek(4)
    end = 8 + struct.unpack("<I", file.read(4))[0]
    following = path.stat().st_size - start
    if following > 0 and end <= start:
        raise UserError(
            f"sound {path} says that it has no samples, and {following} bytes follow; write its "
            "header anew"
        )


def _check_rest(path, file, end):
    """Whether what follows the samples is, as its name shows, another part of the file."""
    file.seek(end)
    following = path.stat().st_size - end
    if following > _ROUGH and not _PART.match(file.read(5)):
        raise UserError(
            f"sound {path} goes on for {following} bytes after the samples that it tells of: its "
            "header may be older than they are; write it anew"
        )


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
    padded = np.pad(sound, ((0, num_samples - len(sound)), (0, 0)))
    return (padded / level(sound, num_samples)).astype(np.float32)


def level(sound: np.ndarray, num_samples: int) -> float:
    """What `fitted_to` divides a sound by: the peak of its first samples, in [1e-4, ∞)."""
    return max(float(np.abs(sound[:num_samples]).max(initial=0)), _SILENCE)
