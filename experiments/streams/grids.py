"""Kinds of signals on a grid: where they come from, how files of them are read, shown, written."""

import math

import numpy as np

from experiments.fitting.pictures_io import encode_png, quantised
from experiments.media.sheets import sheet
from experiments.media.sound_pictures import picture as sound_picture
from experiments.media.sounds import write_sound
from experiments.media.videos import kind_of_file, levels, write_video
from experiments.streams.kind import Arranged, Files, Kind, Own, Read
from metainr import signals
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.media import clip_info, is_clip, read_image, read_sound, resampled
from metainr.media.images.pictures import SUFFIXES
from metainr.media.recordings.sounds import ENDINGS
from metainr.runs.regression import of_grid
from metainr.streams import boxes, make_layout, parts_of
from metainr.types import SignalClass

_SPEED = 8.0  # frames per second of clips that are written
_RATES = {"sgd": (1e-2, 3e-2, 1e-1), "adam": (1e-4, 3e-4, 1e-3, 3e-3)}


def _arrange(signals: SignalClass, parts: tuple[int, ...], config: Own) -> Arranged:
    """Boxes of the grid. Raises UserError for parts that do not cover the signals."""
    *shape, channels = signals.get("test" if signals.sizes["test"] else "train", 0).shape
    layout = make_layout(shape, parts, config.own.overlap)

    def problem(field, of_parts):
        steps = config.learner.inner_steps
        learned = parts_of(signals, layout) if of_parts else signals
        grid = layout.part_shape if of_parts else layout.shape
        points = min(config.run.inner_points, math.prod(grid))
        return of_grid(field, learned, grid, (0, steps), steps, steps, points)

    numbers = len(shape) + channels
    record = layout._asdict() | {"part_shape": layout.part_shape}
    return Arranged(signals, boxes(layout), len(shape), channels, numbers, problem, layout, record)


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


def _kind(options, parts, make, whole, files, picture, write):
    return Kind(
        options, parts, make, _arrange, whole, picture, write, lambda signal: signal, files, _RATES
    )


GRIDS = (
    _kind(
        signals.ImageOptions,
        (2, 2),
        _images,
        _whole_image,
        Files(
            lambda path: path.suffix.lower() in SUFFIXES and not path.is_dir(),
            _part_image,
        ),
        lambda signal: signal,
        _write_image,
    ),
    _kind(
        signals.SoundOptions,
        (4,),
        _sounds,
        _whole_sound,
        Files(lambda path: path.suffix.lower() in ENDINGS and not path.is_dir(), _part_sound),
        lambda signal: sound_picture(2 * signal - 1),
        _write_sound,
    ),
    _kind(
        signals.ClipOptions,
        (4, 1, 1),
        lambda config: signals.make(config.run.signal, _clip_options(config)),
        _whole_clip,
        Files(is_clip, _part_clip),
        sheet,
        _write_clip,
    ),
)
