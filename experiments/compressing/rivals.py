"""Codecs that others made, at every quality: files in memory, and what they decode to."""

import io
import shutil
import subprocess
import wave
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.signal import correlate

_QUALITIES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
_NO_PADDING = ("-metadata_header_padding", "0")  # else a FLAC has 8 kB for tags
_KILOBITS = {"MP3": (8, 16, 24, 32, 48, 64), "Opus": (6, 8, 12, 16, 24, 32, 48, 64)}


class Coded(NamedTuple):
    """A signal by one codec: the bytes of its file, and what that decodes to."""

    size: int
    values: np.ndarray


Rival = Callable[[np.ndarray], Coded]
"""values [*shape, c] -> a file of them, at one setting."""


def picture_rivals() -> Mapping[str, Sequence[tuple[str, Rival]]]:
    """By name, (setting, codec) from the smallest files to the largest, of pictures in [0, 1].

    Those with three equal channels are grey to codecs that know grey. A JPEG's tables are the same
    in all files of a quality; "tables apart" leaves them out, as a base is left out of our files.
    """
    found = {
        "JPEG": lambda quality: _pillow("JPEG", quality=quality, optimize=True),
        "JPEG, tables apart": _jpeg_without_tables,
        "WebP": lambda quality: _pillow("WEBP", quality=quality, method=6),
        "WebP at half size": lambda quality: _halved(_pillow("WEBP", quality=quality, method=6)),
        "AVIF": lambda quality: _pillow("AVIF", quality=quality),
    }
    return {name: [(f"quality {q}", make(q)) for q in _QUALITIES] for name, make in found.items()}


def sound_rivals(rate: int) -> Mapping[str, Sequence[tuple[str, Rival]]]:
    """As `picture_rivals`, of sounds in [−1, 1] at a rate in Hz; those that ffmpeg has here."""
    program = _ffmpeg()
    if program is None:
        return {}
    options = {
        "MP3": ("mp3", ("-c:a", "libmp3lame")),
        "Opus": ("ogg", ("-c:a", "libopus")),
    }
    found = {
        name: [(f"{bits} kbit/s", _sound(program, rate, *how, bits)) for bits in _KILOBITS[name]]
        for name, how in options.items()
    }
    return {
        **found,
        "FLAC": [("lossless", _sound(program, rate, "flac", ("-c:a", "flac", *_NO_PADDING)))],
    }


def _image(values):
    levels = np.round(255 * values).astype(np.uint8)
    is_grey = (levels == levels[..., :1]).all()
    return Image.fromarray(levels[..., 0] if is_grey else levels)


def _pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.float32) / 255


def _file(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _pillow(kind, **options):
    def code(values):
        data = _file(_image(values), kind, **options)
        return Coded(len(data), _pixels(data))

    return code


def _jpeg_without_tables(quality):
    def code(values):
        image = _image(values)
        whole, apart = (_file(image, "JPEG", quality=quality, streamtype=kind) for kind in (0, 2))
        return Coded(len(apart), _pixels(whole))

    return code


def _halved(code):
    def coded(values):
        height, width = values.shape[:2]
        levels = np.round(255 * values).astype(np.uint8)
        small = Image.fromarray(levels).resize(
            (-(-width // 2), -(-height // 2)), Image.Resampling.LANCZOS
        )
        found = code(np.asarray(small, np.float32) / 255)
        back = Image.fromarray(np.round(255 * found.values).astype(np.uint8))
        large = back.resize((width, height), Image.Resampling.BICUBIC)
        return Coded(found.size, np.asarray(large, np.float32) / 255)

    return coded


def _sound(program, rate, container, options, kilobits=None):
    wanted = () if kilobits is None else ("-b:a", f"{kilobits}k")

    def code(values):
        channels = values.shape[1]
        quiet = (program, "-v", "error")
        coded = ("-i", "-", *options, *wanted, "-f", container, "-")
        data = _piped((*quiet, *coded), _wav(values, rate))
        # A short file does not tell by itself what it is.
        raw = ("-f", container, "-i", "-", "-f", "f32le", "-ar", str(rate), "-ac", str(channels))
        samples = np.frombuffer(_piped((*quiet, *raw, "-"), data), "<f4").reshape(-1, channels)
        return Coded(len(data), _aligned(samples, values))

    return code


def _aligned(samples, values):
    """The part of decoded samples that is most like the sound: coders delay it, and MP3s do not say
    by how much.
    """
    padded = np.pad(samples, ((len(values),) * 2, (0, 0)))
    places = len(padded) - len(values) + 1
    power = np.cumsum(np.pad(np.square(padded, dtype=np.float64).sum(1), (1, 0)))
    alike = correlate(padded, values, mode="valid", method="fft").reshape(places)
    first = int(np.argmin(power[len(values) :] - power[:places] - 2 * alike))
    return padded[first : first + len(values)]


def _piped(command, data):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def _wav(values, rate):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(values.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(32767 * np.clip(values, -1, 1)).astype("<i2").tobytes())
    return stream.getvalue()


def _ffmpeg():
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return shutil.which("ffmpeg")
