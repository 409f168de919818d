"""A user's own recordings as a class of signals: those of a folder, or one alone."""

from typing import NamedTuple

import numpy as np

from metainr.errors import Option, UserError
from metainr.media.recordings.sounds import ENDINGS, fitted_to, level, read_sound, resampled
from metainr.signals.access import generator, labelled_by_folder, of_files, of_one
from metainr.signals.audio.options import FEWEST, SoundOptions, checked
from metainr.signals.own_files import split_paths, survey
from metainr.types import SignalClass

_SHORTEST = 0.1  # of the duration
_PLACES = 8  # that are looked at for one that is not a pause
_PAUSE = 0.1  # of the file's level
_MARGIN = 64  # samples before and after a part, which its resampling looks at


class _Found(NamedTuple):
    samples: int
    rate: int
    channels: int
    level: float  # root mean square


def recordings(options: SoundOptions) -> SignalClass:
    """Parts of the sound files in `options.audio_folder` and the folders below it, one per file.

    float32 [n, channels] in [−1, 1]: resampled, cut to the duration at a place that is random but
    always the same (none that is a pause, if it can be helped), followed by silence where the file
    is shorter, and scaled to a peak of 1. Splits are 80/10/10 % of a shuffle that depends on the
    seed and the relative paths. Files that are damaged, empty, silent or shorter than a tenth of
    the duration are left out, with one warning.

    Raises UserError if fewer than 3 are left, or if they differ in their number of channels.
    """
    checked(options)
    root, found = survey(
        options.audio_folder,
        "sounds",
        "audio_folder",
        lambda path: path.suffix.lower() in ENDINGS and not path.is_dir(),
        "put WAV, FLAC, OGG, MP3 or AIFF files there",
        lambda path: _look(path, options),
    )
    _check_channels(found, options.audio_folder)
    splits = split_paths(list(found), options.seed)

    def part(split, index):
        name = splits[split][index]
        rng = generator("recordings", options.seed, split, index)
        return _part(root / name, found[name], rng, options)

    def read(split, index):
        return fitted_to(part(split, index), options.resolution)

    return labelled_by_folder(of_files(options, splits, read))._replace(
        level=lambda split, index: level(part(split, index), options.resolution)
    )


def recording(options: SoundOptions) -> SignalClass:
    """The beginning of one file, `options.recording`, as the only test signal.

    float32 [n, channels], resampled, cut or padded to the duration, scaled to a peak of 1. Raises
    UserError if the file cannot be used.
    """
    if not options.recording:
        raise UserError("signal class 'recording' needs a file; give ", Option("recording"))
    sound, rate = read_sound(options.recording, mono=options.mono)
    _check_length(options, sound, rate)
    checked(options)
    sound = resampled(sound, rate, options.sample_rate)
    own_level = level(sound, options.resolution)
    sound = fitted_to(sound, options.resolution)
    if not np.abs(sound).max():
        raise UserError(
            f"the first {options.duration:g} s of {options.recording} are silent; give a longer ",
            Option("duration"),
            ", or cut the file",
        )
    made = of_one(options, [options.recording], lambda split, index: sound.copy())
    return made._replace(level=lambda split, index: own_level)


def _check_length(options, sound, rate):
    if round(len(sound) / rate * options.sample_rate) < FEWEST:
        raise UserError(
            f"sound {options.recording} has {len(sound)} samples at {rate} Hz, which are fewer "
            f"than {FEWEST} at {options.sample_rate} Hz; give a longer one"
        )


def _look(path, options):
    sound, rate = read_sound(path, mono=options.mono)
    seconds = len(sound) / rate
    if seconds < _SHORTEST * options.duration:
        raise UserError(
            f"sound {path} lasts {seconds:.3g} s, less than a tenth of {options.duration:g} s"
        )
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return _Found(len(sound), rate, sound.shape[1], level)


def _check_channels(found, folder):
    by_channels = {one.channels: name for name, one in found.items()}
    if len(by_channels) > 1:
        (few, first), (many, second) = sorted(by_channels.items())[:2]
        raise UserError(
            Option("audio_folder", folder),
            f" mixes channels: {first} has {few}, {second} has {many}; "
            "a class needs one number; give ",
            Option("mono"),
            " to read the mean of each file's channels",
        )


def _part(path, found, rng, options):
    length = round(options.duration * found.rate)
    spare = max(0, found.samples - length)
    heard = []
    for start in rng.integers(0, spare + 1, size=_PLACES if spare else 1):
        before = min(int(start), _MARGIN)
        count = length + before + _MARGIN
        sound, _ = read_sound(path, int(start) - before, count, options.mono)
        level = float(np.sqrt(np.mean(np.square(sound[before : before + length]))))
        heard.append((level, sound, before))
        if level >= _PAUSE * found.level:
            break
    _, sound, before = max(heard, key=lambda part: part[0])
    sound = resampled(sound, found.rate, options.sample_rate)
    return sound[round(before * options.sample_rate / found.rate) :]
