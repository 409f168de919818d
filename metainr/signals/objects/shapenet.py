"""Renders of ShapeNet's chairs, cars and lamps in the folders that the paper's authors published.

ROOT/chair_splits.json              {"train": [ID, …], "val": […], "test": […]}
ROOT/03001627/ID/transforms.json    cameras, and the names of RGBA pictures beside it
"""

from collections import Counter
from pathlib import Path

from metainr.errors import Option, UserError
from metainr.files import expanded, inside
from metainr.json_files import read_json
from metainr.media.cameras.transforms import Frames, chosen, read_frames
from metainr.signals.access import SPLITS, of_files
from metainr.signals.objects.options import ObjectOptions, checked
from metainr.signals.objects.view_files import read_views, usable
from metainr.types import SignalClass

SPLIT_FILES = {
    "03001627": "chair_splits.json",
    "02958343": "car_splits.json",
    "03636649": "lamp_splits.json",
}
SPLIT_NAMES = {"train": "train", "validation": "val", "test": "test"}


def shapenet(options: ObjectOptions) -> SignalClass:
    """The objects of one published class as `Views` on white: the first v frames of each.

    `options.object_folder` is the folder of the class, or that above it if only one class is there.
    Objects whose folders are missing, empty or broken, or which have fewer than
    `options.num_views` frames, are left out with one warning that counts them. Cameras are checked
    at construction, pictures are read when they are asked for. Raises UserError if a split has no
    object left, or if `get` meets a damaged picture. Source: Tancik et al., CVPR 2021.
    """
    checked(options)
    folder = _class_folder(options.object_folder)
    splits = _splits(folder.parent / SPLIT_FILES[folder.name])

    def frames_of(name):
        return first_frames(folder / name / "transforms.json", options.num_views)

    names = [name for split in SPLITS for name in splits[split]]
    good, reason = usable(folder, names, frames_of, options)
    kept = set(good)
    objects = {split: [name for name in splits[split] if name in kept] for split in SPLITS}
    if empty := [split for split in SPLITS if not objects[split]]:
        because = f"; the first that cannot be used: {reason}" if reason else ""
        raise UserError(f"{folder} has no usable object of the {empty[0]} split{because}")

    def read(split, index):
        return read_views(frames_of(objects[split][index]), options)

    return of_files(options, objects, read)


def first_frames(path: Path, num_views: int) -> Frames:
    """The first frames of a file. Raises UserError if it has fewer, or is wrong anywhere."""
    frames = read_frames(path)
    if len(frames.paths) < num_views:
        raise UserError(
            f"{path} has {len(frames.paths)} frames, which is too few for {num_views} views; "
            "ask for fewer or add pictures"
        )
    return chosen(frames, range(num_views))


def _class_folder(given):
    """The folder of one class, beside which its splits lie."""
    if not given:
        raise UserError(
            "signal class 'shapenet' needs a folder of renders; give ", Option("object_folder")
        )
    root = expanded(given).absolute()
    if not root.is_dir():
        raise UserError(
            f"object folder {root} does not exist; give ", Option("object_folder"), " another one"
        )
    candidates = [root, *(root / name for name in SPLIT_FILES)]
    found = [path for path in candidates if _has_splits(path)]
    if not found:
        files = " or ".join(f"{name} with {file}" for name, file in SPLIT_FILES.items())
        raise UserError(f"object folder {root} does not hold {files} beside it; give one that does")
    if len(found) > 1:
        raise UserError(
            f"object folder {root} holds {len(found)} classes; give ",
            Option("object_folder"),
            f" one of {', '.join(map(str, found))}",
        )
    return found[0]


def _has_splits(path):
    file = SPLIT_FILES.get(path.name)
    return file is not None and path.is_dir() and (path.parent / file).is_file()


def _splits(path):
    """The names of the objects by our names of splits, every name in one of them."""
    content = read_json(path, "write it anew")
    try:
        lists = {split: content[name] for split, name in SPLIT_NAMES.items()}
        names = {split: [inside(name)[-1] for name in lists[split]] for split in SPLITS}
    except (LookupError, TypeError) as error:
        raise UserError(
            f"{path} does not hold the lists train, val and test of objects ({error!r}); "
            "write it anew"
        ) from error
    every = sum(names.values(), [])
    if len(set(every)) < len(every):
        twice, _ = Counter(every).most_common(1)[0]
        raise UserError(f"{path} names {twice} more than once; splits must not share objects")
    return names
