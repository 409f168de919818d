"""Writes photos of the generated landmark in the published format of Phototourism.

    metainr make_landmark --output_dir=data/landmark --num_photos=200 --resolution=256

The folder is what `--signal=phototourism --photo_folder=data/landmark` reads: the first 20 photos
are those of the class `facade`'s test split, the next 5 those of its validation split. A killed run
goes on when it is started again, and more photos can be added later.
"""

from typing import Annotated, NamedTuple

from experiments import cli
from experiments.config import FILE_OR_FOLDER, RESOLUTION, SEED
from experiments.run.define import define
from experiments.run.reading import made
from experiments.scenes.landmark_folder import write_landmark
from metainr.checks import Range
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say


class PhotoOptions(NamedTuple):
    """What is written: so many photos of so many pixels into a folder."""

    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    num_photos: Annotated[int, Range(26, 10**6)] = 200
    resolution: Annotated[int, RESOLUTION] = 256
    seed: Annotated[int, SEED] = 0


_OWN = (
    define(PhotoOptions, "output_dir", "folder to write; one of ours goes on"),
    define(PhotoOptions, "num_photos", "photos to write"),
    define(PhotoOptions, "resolution", "longer side of the photos in pixels"),
    define(PhotoOptions, "seed", "of the building and of its photos"),
)


def main() -> None:
    """Writes what the flags ask for and prints where it is."""
    options = made(PhotoOptions, {flag.name: flag.value for flag in _OWN})
    if options.output_dir is None:
        raise UserError("--output_dir names no folder; give e.g. --output_dir=data/landmark")
    root = expanded(options.output_dir)
    num_written = write_landmark(root, options.num_photos, options.resolution, options.seed)
    say(f"{options.num_photos} photos, {num_written} of them new: {root}")


if __name__ == "__main__":
    cli.run(main)
