"""OGG and MP3 files, walked part by part: they may hold more, or less, than a decoder tells of."""

from pathlib import Path
from typing import NamedTuple

_HEAD = 27  # bytes of an OGG page before the sizes of its segments
_FIRST, _LAST = 2, 4  # flags of pages
_NO_END = "it has no end and may be cut off: what there is of it is read"
_SEVERAL = "it holds several recordings one after another, of which the first is read"
_KILOBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)  # a second, of an MP3's frames of version 1, and of later ones
_RATES = (44100, 48000, 32000)
_HALVINGS = {3: 0, 2: 1, 0: 2}  # of rates, by the bits that tell the version
_LENGTHS = (b"Xing", b"Info", b"VBRI")  # what the first frame holds that tells of the others


class Mp3(NamedTuple):
    """The samples that an MP3's frames hold, 0 if it is none; whether it tells how many it has."""

    samples: int
    is_told: bool


def ogg_note(path: Path) -> str:
    """What is doubtful of the length of an OGG file, "" if nothing is or it is none."""
    size, flags, has_begun = path.stat().st_size, _LAST, False
    with path.open("rb") as file:
        while len(head := file.read(_HEAD)) == _HEAD and head.startswith(b"OggS"):
            flags = head[5]
            if has_begun and flags & _FIRST:
                return _SEVERAL
            has_begun = not flags & _FIRST
            if file.seek(sum(file.read(head[-1])), 1) > size:
                return _NO_END
    return "" if flags & _LAST else _NO_END


def mp3(path: Path) -> Mp3:
    """Counts the samples of an MP3 by its frames, up to the first bytes that are none."""
    samples, place, is_told = 0, 0, False
    with path.open("rb") as file:
        while head := file.read(10):
            held, length = _frame(int.from_bytes(head[:4], "big"))
            if held and not samples:
                first = file.read(length)
                is_told = any(word in first for word in _LENGTHS)
            if head.startswith(b"ID3"):
                length = 10 + sum(byte << 7 * i for i, byte in enumerate(head[:5:-1]))
            if not length:
                break
            samples, place = samples + held, place + length
            file.seek(place)
    return Mp3(samples, is_told)


def _frame(header):
    """(samples, bytes) of a frame of layer III, by its first 32 bits; (0, 0) of anything else."""
    halvings, kind = _HALVINGS.get(header >> 19 & 3), header >> 12 & 15
    if header >> 21 != 0x7FF or header >> 17 & 3 != 1 or halvings is None:
        return 0, 0
    if kind in (0, 15) or header >> 10 & 3 == 3:
        return 0, 0
    is_later = halvings > 0
    rate = _RATES[header >> 10 & 3] >> halvings
    samples = 576 if is_later else 1152
    return samples, samples * 125 * _KILOBITS[is_later][kind] // rate + (header >> 9 & 1)
