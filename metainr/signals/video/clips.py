"""A user's own clips as a class of signals: those of a folder, or one alone."""

from absl import logging

from metainr.errors import Option, UserError
from metainr.media.recordings.clips import clip_info, is_clip, read_clip
from metainr.signals.access import generator, labelled_by_folder, of_files, of_one
from metainr.signals.own_files import split_paths, survey
from metainr.signals.video.options import ClipOptions, checked
from metainr.types import SignalClass

_SHOWN = 5


def clips(options: ClipOptions) -> SignalClass:
    """Parts of the videos, GIFs and folders of frames in `options.video_folder`, one of each.

    float32 [frames, n, n, 3] in [0, 1]: as many frames in a row, from a place that is random but
    always the same, cut to centred squares. Splits are 80/10/10 % of a shuffle that depends on the
    seed and the relative paths. Damaged and shorter ones are left out, with one warning; another
    one names those whose frames are not equally spaced in time. Raises UserError if fewer than 3
    are left.
    """
    checked(options)
    root, found = survey(
        options.video_folder,
        "clips",
        "video_folder",
        is_clip,
        "put videos, GIFs or folders of frames there",
        lambda path: _look(path, options),
    )
    _warn_of_times({name: info.varies for name, info in found.items() if info.varies})
    splits = split_paths(list(found), options.seed)

    def read(split, index):
        name = splits[split][index]
        rng = generator("clips", options.seed, split, index)
        start = int(rng.integers(found[name].frames - options.frames + 1))
        return read_clip(root / name, start, options.frames, options.resolution)

    return labelled_by_folder(of_files(options, splits, read))


def clip(options: ClipOptions) -> SignalClass:
    """The first frames of one file or folder of frames, `options.clip`, as the only test signal.

    float32 [frames, n, n, 3] in [0, 1], cut to centred squares; a warning says if its frames are
    not equally spaced in time. Raises UserError if it cannot be read or has fewer frames.
    """
    if not options.clip:
        raise UserError("signal class 'clip' needs a video; give ", Option("clip"))
    info = clip_info(options.clip)
    if info.frames < 2:
        raise UserError(f"clip {options.clip} has 1 frame; give one of at least 2")
    checked(options)
    _check_length(options.clip, info, options)
    if info.varies:
        _warn_of_times({options.clip: info.varies})
    frames = read_clip(options.clip, 0, options.frames, options.resolution)
    return of_one(options, [options.clip], lambda split, index: frames.copy())


def _look(path, options):
    info = clip_info(path)
    _check_length(path, info, options)
    return info


def _check_length(path, info, options):
    if info.frames < options.frames:
        raise UserError(
            f"clip {path} has {info.frames} frames, fewer than {options.frames}; give a longer "
            "one, or a smaller ",
            Option("clip_frames"),
        )


def _warn_of_times(varying):
    if varying:
        shown = ", ".join(list(varying)[:_SHOWN]) + (", …" if len(varying) > _SHOWN else "")
        first = next(iter(varying.values()))
        logging.warning("the frame rate varies in %s (the first: %s)", shown, first)
