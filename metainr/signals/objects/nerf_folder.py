"""Any folder of scenes in the style of NeRF's synthetic ones, or of one such scene.

A scene is a folder with transforms.json, or with transforms_train.json and transforms_test.json (or
transforms_val.json).
"""

from pathlib import Path

import numpy as np

from metainr.cameras import Views
from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.cameras.transforms import Frames, chosen, joined, read_frames
from metainr.media.folders import visible
from metainr.signals.access import SPLITS, of_files
from metainr.signals.copies import without_copies
from metainr.signals.objects.options import ObjectOptions, checked
from metainr.signals.objects.view_files import read_views, usable
from metainr.signals.own_files import split_paths
from metainr.types import SignalClass

_WHOLE, _TRAIN = "transforms.json", "transforms_train.json"
_HELD_OUT_SHARE = 8  # of the pictures of one scene, one in so many
_HELD_OUT = ("transforms_test.json", "transforms_val.json")


def nerf_folder(options: ObjectOptions) -> SignalClass:
    """The scenes in `options.object_folder` as `Views` on white.

    If the folder is a scene itself, it is the one signal of each split. Otherwise the scenes are
    the folders right below it, split 80/10/10 % by a shuffle that depends on the seed and the
    names, of whatever number of views; copies and broken ones are left out with one warning each
    that counts them, and a split without any good one is refused. See `scene_frames` for which
    views are taken.
    Raises UserError, also from `get` if that meets a damaged picture.
    """
    checked(options)
    if not options.object_folder:
        raise UserError("signal class 'nerf_folder' needs a folder; give ", Option("object_folder"))
    root = expanded(options.object_folder)
    if not root.is_dir():
        raise UserError(
            f"object folder {root} does not exist; give ", Option("object_folder"), " another one"
        )

    def frames_of(name):
        return scene_frames(root / name, options.num_views)

    find = _one_scene if _is_scene(root) else _scenes
    splits = find(root, frames_of, options)

    def read(split, index):
        return read_views(frames_of(splits[split][index]), options)

    # The folder that is a scene itself is ".", which has no name before it is absolute.
    names = {split: [(root / name).absolute().name for name in splits[split]] for split in SPLITS}
    return of_files(options, names, read)


def scene_frames(folder: Path, num_views: int) -> Frames:
    """Frames spread evenly over a scene's, those to learn from first, then those held out.

    Of files for training and for test, each gives half. Of a single file the two halves take turns:
    pictures that follow one another were often taken side by side. Raises UserError if there are
    too few.
    """
    half = (num_views + 1) // 2
    if (folder / _WHOLE).is_file():
        frames = _spread(folder / _WHOLE, num_views)
        return chosen(frames, [*range(0, num_views, 2), *range(1, num_views, 2)])
    first = _spread(folder / _TRAIN, half)
    if num_views == half:
        return first
    held_out = [folder / name for name in _HELD_OUT if (folder / name).is_file()]
    if not held_out:
        raise UserError(
            f"{folder} has {_TRAIN} without {_HELD_OUT[0]}; add that, or ask for 1 view"
        )
    return joined(first, _spread(held_out[0], num_views - half))


def one_scene(
    folder: Path, options: ObjectOptions, num_seen: int | None, most_unseen: int
) -> tuple[Views, int]:
    """(Views of one scene, those to learn from first, and how many these are).

    Unseen ones come from the file for test. Of a single file they are spread evenly, the others
    are to learn from. Raises UserError if there are too few, or they cannot be used; depths are
    not compared with `options.near` and `options.far`.

    Args:
        folder: of the scene.
        options: of which `num_views` does not count.
        num_seen: views to learn from, spread evenly; None: all.
        most_unseen: views held out, fewer if few are left; of a single file, with `num_seen` None,
            at most an eighth.
    """
    if not _is_scene(folder):
        raise UserError(
            f"{folder} has no {_WHOLE}, which tells the cameras of its pictures; write it"
        )
    whole = folder / (_WHOLE if (folder / _WHOLE).is_file() else _TRAIN)
    others = [folder / name for name in _HELD_OUT if (folder / name).is_file()]
    frames = read_frames(whole)
    total = len(frames.paths)
    if num_seen is not None and num_seen > total:
        raise UserError(
            f"{whole} has {total} pictures; give ", Option("seen_views", total), " or fewer"
        )
    if whole.name == _TRAIN and others:
        unseen = read_frames(others[0])
        unseen = chosen(unseen, _evenly(range(len(unseen.paths)), most_unseen))
        seen = chosen(frames, _evenly(range(total), num_seen))
    else:
        left = total // _HELD_OUT_SHARE if num_seen is None else total - num_seen
        apart = _evenly(range(total), min(most_unseen, left))
        rest = [i for i in range(total) if i not in apart]
        seen, unseen = chosen(frames, _evenly(rest, num_seen)), chosen(frames, apart)
    both = joined(seen, unseen) if unseen.paths else seen
    any_depth = options._replace(near=0.0, far=float("inf"))
    good, reason = usable(folder, ["."], lambda _: both, any_depth)
    if not good:
        raise UserError(reason)
    return read_views(both, options), len(seen.paths)


def _evenly(items, num):
    """So many of a sequence, in the middle of as many equal parts of it; None: all."""
    num = len(items) if num is None else min(num, len(items))
    return [items[int((i + 0.5) * len(items) / num)] for i in range(num)]


def _one_scene(root, frames_of, options):
    good, reason = usable(root, ["."], frames_of, options)
    if not good:
        raise UserError(reason)
    return {split: good for split in SPLITS}


def _scenes(root, frames_of, options):
    scenes = without_copies(root, [path for path in visible(root) if _is_scene(path)])
    names = [path.name for path in scenes]
    if len(names) < len(SPLITS):
        raise UserError(
            f"object folder {root} has {len(names)} scenes; give a folder that is a scene, or that "
            "holds at least 3 with transforms.json"
        )
    good, reason = usable(root, names, frames_of, options)
    # Divided before they are sorted out: with more views to a scene fewer are good, and those for
    # training with few views must not turn up in the test with many.
    splits = split_paths(names, options.seed)
    usable_ones = set(good)
    kept = {split: [name for name in splits[split] if name in usable_ones] for split in SPLITS}
    if empty := [split for split in SPLITS if not kept[split]]:
        raise UserError(
            f"object folder {root} has {len(good)} usable scenes of {len(names)}, none of them for "
            f"{empty[0]} ({reason}); mend the others, or move them away"
        )
    return kept


def _spread(path, count):
    frames = read_frames(path)
    have = len(frames.paths)
    if have < count:
        raise UserError(
            f"{path} has {have} frames, which is too few for {count} of the views; "
            "ask for fewer views or add pictures"
        )
    return chosen(frames, np.linspace(0, have - 1, count).round().astype(int).tolist())


def _is_scene(path):
    return (path / _WHOLE).is_file() or (path / _TRAIN).is_file()
