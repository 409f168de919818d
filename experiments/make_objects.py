"""Writes generated objects as folders of renders, in the format of the published ShapeNet ones.

    metainr make_objects --output_dir=data/objects --signal=chairs --num_objects=160

In --output_dir, for chairs (cars: car_splits.json and 02958343; lamps: lamp_splits.json and
03636649):

    chair_splits.json                      names of the objects of each split, written at the end
    03001627/config.json                   the flags; with others the folder is refused
    03001627/NAME/r_0.png, …               RGBA pictures, transparent where nothing is
    03001627/NAME/transforms.json          their cameras

A tenth of the objects each, and at least one, is for validation and for test; these are the
generated class' own splits. The same command goes on where it was stopped, and a larger
--num_objects adds to what is there. Read them with --signal=shapenet --object_folder=DIR.
"""

import io
import json
import os
from typing import Annotated, NamedTuple

import numpy as np
from PIL import Image

from experiments import cli
from experiments.config import FILE_OR_FOLDER, RESOLUTION
from experiments.run.define import define
from experiments.run.reading import made
from metainr import signals
from metainr.checks import SEED, Choice, Range
from metainr.errors import UserError
from metainr.evaluation.ahead import map_ahead
from metainr.files import expanded, remove_unfinished, why, write_bytes
from metainr.output import say
from metainr.progress import progress
from metainr.signals.access import SPLITS
from metainr.signals.objects.generated import CAMERA_ANGLE_X, transparent_views
from metainr.signals.objects.shapenet import SPLIT_FILES, SPLIT_NAMES
from metainr.training.workdir import open_workdir

_FOLDERS = dict(zip(("chairs", "cars", "lamps"), SPLIT_FILES))


class ObjectsOptions(NamedTuple):
    """What is written: so many objects of a class, as pictures of so many pixels."""

    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    signal: Annotated[str, Choice(_FOLDERS)] = "chairs"
    num_objects: Annotated[int, Range(3, 10**6)] = 160
    resolution: Annotated[int, RESOLUTION] = 128
    num_views: Annotated[int, Range(1, 10_000)] = 50
    seed: Annotated[int, SEED] = 0


_OWN = (
    define(ObjectsOptions, "output_dir", "folder to write to; made if it is missing"),
    define(ObjectsOptions, "signal", "class of objects"),
    define(ObjectsOptions, "num_objects", "of all three splits together"),
    define(ObjectsOptions, "resolution", "side of the pictures in pixels"),
    define(ObjectsOptions, "num_views", "pictures of each object"),
    define(ObjectsOptions, "seed", "of the class; other seeds give other objects"),
)
_HELD_OUT = 0.1


def main() -> None:
    """Writes what is missing of the objects, then the file of their splits."""
    chosen = made(ObjectsOptions, {flag.name: flag.value for flag in _OWN})
    if chosen.output_dir is None:
        raise UserError("--output_dir, the folder to write the objects to, is missing; give one")
    root = expanded(chosen.output_dir)
    options = signals.ObjectOptions(chosen.resolution, chosen.seed, num_views=chosen.num_views)
    objects = _objects(chosen.num_objects, signals.make(chosen.signal, options).sizes)
    folder = root / _FOLDERS[chosen.signal]
    splits = root / SPLIT_FILES[folder.name]
    _refuse_foreign(folder, splits)
    config = chosen._asdict()
    del config["output_dir"]
    try:
        with open_workdir(folder, config, ("num_objects",), flag="output_dir"):
            written = _write(folder, chosen.signal, options, objects)
            names = {
                SPLIT_NAMES[split]: [_name(split, i) for i in objects[split]] for split in SPLITS
            }
            write_bytes(splits, _json(names))
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={root}: {why(error)}") from error
    say(f"{written} {chosen.signal} written, {chosen.num_objects} in all: {splits}")


def _objects(num, sizes):
    """The indices of each split. Raises UserError if the class has fewer."""
    held_out = max(1, int(_HELD_OUT * num))
    counts = (num - 2 * held_out, held_out, held_out)
    for split, count in zip(SPLITS, counts):
        if count > sizes[split]:
            most = round(sizes["test"] / _HELD_OUT)
            raise UserError(f"--num_objects={num} is too large; give at most {most}")
    return {split: range(count) for split, count in zip(SPLITS, counts)}


def _refuse_foreign(folder, splits):
    """Raises UserError if something lies there that this binary did not write."""
    if (folder / "config.json").exists():
        return
    for path in (splits, folder):
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise UserError(f"{path} was not written by make_objects; use another --output_dir")


def _write(folder, signal, options, objects):
    """Writes the objects that are not there yet and returns their number."""
    remove_unfinished(folder)
    missing = [
        (split, index)
        for split in SPLITS
        for index in objects[split]
        if not (folder / _name(split, index) / "transforms.json").exists()
    ]

    def write(item):
        _write_object(folder / _name(*item), signal, options, *item)

    cores = os.cpu_count() or 1
    with progress(len(missing), "object") as bar:
        for _ in map_ahead(write, missing, cores, cores):
            bar.update()
    return len(missing)


def _write_object(folder, signal, options, split, index):
    """Writes the pictures, and then transforms.json: where that is, the object is complete."""
    pictures, poses = transparent_views(signal, options, split, index)
    frames = []
    for view, (picture, pose) in enumerate(zip(pictures, poses)):
        write_bytes(folder / f"r_{view}.png", _png(picture))
        matrix = [*pose.tolist(), [0.0, 0.0, 0.0, 1.0]]
        frames.append({"file_path": f"./r_{view}", "transform_matrix": matrix})
    content = {"camera_angle_x": CAMERA_ANGLE_X, "frames": frames}
    write_bytes(folder / "transforms.json", _json(content))


def _png(picture):
    """RGB times alpha and alpha, as a PNG file: that stores RGB itself."""
    alpha = picture[..., 3:]
    colours = picture[..., :3] / np.where(alpha > 0, alpha, 1)
    levels = np.round(255 * np.clip(np.concatenate([colours, alpha], -1), 0, 1))
    file = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _name(split, index):
    return f"{split}-{index:05d}"


def _json(content):
    return (json.dumps(content, indent=1) + "\n").encode()


if __name__ == "__main__":
    cli.run(main)
