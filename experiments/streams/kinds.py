"""Kinds of signals on a grid: where they come from, how files of them are read, shown, written."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.config import Config
from experiments.fitting.pictures_io import encode_png, quantised
from experiments.media.sheets import sheet
from experiments.media.sound_pictures import picture as sound_picture
from experiments.media.sounds import write_sound
from experiments.media.videos import kind_of_file, levels, write_video
from experiments.streams.stream_options import StreamOptions
from metainr import signals
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.media import clip_info, is_clip, read_image, read_sound, resampled
from metainr.media.images.pictures import SUFFIXES
from metainr.media.recordings.sounds import ENDINGS
from metainr.registry import look_up
from metainr.types import Array, SignalClass

Own = Config[StreamOptions]
_SPEED = 8.0  # frames per second of clips that are written


class Read(NamedTuple):
    """A part as a file has it.

    values: [*part_shape, c] in [0, 1].
    size: what all parts of a stream have in common, in words.
    """

    values: np.ndarray
    size: str


class Kind(NamedTuple):
    """A kind of signals [*shape, c] with values in [0, 1].

    options: the type of the options of its classes.
    parts: along each axis, where nobody said.
    make: configuration -> the class.
    whole: (path, configuration) -> the signal of a file, as its class has them.
    is_part: whether a path is of that kind, by its name.
    part: (path, shape of a part, configuration) -> the part that a file holds.
    picture: signal -> [h, w, 3] in [0, 1].
    write: (path without a suffix, signal, configuration) -> the file that it was written to.
    """

    options: type
    parts: tuple[int, ...]
    make: Callable[[Own], SignalClass]
    whole: Callable[[str, Own], np.ndarray]
    is_part: Callable[[Path], bool]
    part: Callable[[Path, tuple[int, ...], Own], Read]
    picture: Callable[[Array], Array]
    write: Callable[[Path, np.ndarray, Own], Path]


def kind_of(signal: str) -> Kind:
    """The kind that a class, or a mixture of classes, is of. Raises UserError for other names."""
    name = signal.partition(",")[0].partition(":")[0]
    known = {name: kind for kind in KINDS for name in signals.FAMILIES[kind.options].classes}
    return look_up("class of pictures, sounds or clips", name, known)


def _images(config):
    run, own = config.run, config.own
    options = signals.ImageOptions(run.resolution, run.seed, own.image_folder, own.data_dir)
    return signals.make(run.signal, options)


def _whole_image(path, config):
    return signals.to_square(read_image(path), config.run.resolution)


def _part_image(path, shape, config):
    if shape[0] != shape[1]:
        raise UserError(
            f"parts of {shape[0]} × {shape[1]} pixels are no squares, as pictures are cut to; give "
            "--parts as many rows as columns"
        )
    image = read_image(path)
    size = f"{image.shape[0]} × {image.shape[1]} pixels"
    if image.shape[0] != image.shape[1]:
        raise UserError(f"part {path} has {size}, and would be cut to a square; give squares")
    return Read(signals.to_square(image, shape[0]), size)


def _write_image(path, values, config):
    return write_bytes(path.with_suffix(".png"), encode_png(quantised(values, 8, is_grey=False)))


def _sound_options(config, **more):
    own = config.own
    return signals.SoundOptions(
        own.sample_rate, own.duration, config.run.seed, own.audio_folder, mono=own.mono, **more
    )


def _sounds(config):
    made = signals.make(config.run.signal, _sound_options(config))
    return made._replace(get=lambda split, index: _unit(made.get(split, index)))


def _whole_sound(path, config):
    options = _sound_options(config, recording=path)
    return _unit(signals.make("recording", options).get("test", 0))


def _part_sound(path, shape, config):
    sound, rate = read_sound(path, mono=config.own.mono)
    size = f"{len(sound)} samples of {sound.shape[1]} channels at {rate} Hz"
    sound = resampled(sound, rate, config.own.sample_rate)
    if abs(len(sound) - shape[0]) > 1:  # resampling rounds
        raise UserError(
            f"part {path} has {len(sound)} samples at {config.own.sample_rate} Hz, and this stream "
            f"{shape[0]} a part; give --duration={len(sound) / config.own.sample_rate:g} times the "
            "number of parts, or parts of that length"
        )
    sound = np.pad(sound, ((0, 1), (0, 0)), mode="edge")[: shape[0]]
    return Read(_unit(np.clip(sound, -1, 1)), size)


def _write_sound(path, values, config):
    return write_sound(path.with_suffix(".wav"), 2 * values - 1, config.own.sample_rate)


def _unit(sound):
    """Samples from [−1, 1] to [0, 1]."""
    return (sound + 1) / 2


def _clip_options(config, **more):
    run, own = config.run, config.own
    return signals.ClipOptions(run.resolution, own.clip_frames, run.seed, own.video_folder, **more)


def _whole_clip(path, config):
    return signals.make("clip", _clip_options(config, clip=path)).get("test", 0)


def _part_clip(path, shape, config):
    frames = clip_info(path).frames
    if frames != shape[0]:
        raise UserError(
            f"part {path} has {frames} frames, and this stream {shape[0]} a part; give "
            f"--clip_frames={frames} times the number of parts, or parts of that length"
        )
    options = _clip_options(config, clip=str(path))._replace(frames=shape[0], resolution=shape[1])
    return Read(signals.make("clip", options).get("test", 0), f"{frames} frames")


def _write_clip(path, values, config):
    return write_video(path.with_suffix(f".{kind_of_file()}"), levels(values), _SPEED)


KINDS = (
    Kind(
        signals.ImageOptions,
        (2, 2),
        _images,
        _whole_image,
        lambda path: path.suffix.lower() in SUFFIXES and not path.is_dir(),
        _part_image,
        lambda signal: signal,
        _write_image,
    ),
    Kind(
        signals.SoundOptions,
        (4,),
        _sounds,
        _whole_sound,
        lambda path: path.suffix.lower() in ENDINGS and not path.is_dir(),
        _part_sound,
        lambda signal: sound_picture(2 * signal - 1),
        _write_sound,
    ),
    Kind(
        signals.ClipOptions,
        (4, 1, 1),
        lambda config: signals.make(config.run.signal, _clip_options(config)),
        _whole_clip,
        is_clip,
        _part_clip,
        sheet,
        _write_clip,
    ),
)
