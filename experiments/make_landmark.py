"""Writes photos of the generated landmark in the published format of Phototourism.

    python -m experiments.make_landmark --output_dir=data/landmark --num_photos=200 --resolution=256

The folder is what `--signal=phototourism --photo_folder=data/landmark` reads: the first 20 photos
are those of the class `facade`'s test split, the next 5 those of its validation split. A killed run
goes on when it is started again, and more photos can be added later.
"""

from pathlib import Path

from absl import flags

from experiments import cli
from experiments.landmark_folder import write_landmark
from metainr.errors import UserError

OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "folder to write; one of ours goes on")
NUM_PHOTOS = flags.DEFINE_integer("num_photos", 200, "photos to write", 26)
RESOLUTION = flags.DEFINE_integer("resolution", 256, "longer side of the photos in pixels", 2)
SEED = flags.DEFINE_integer("seed", 0, "of the building and of its photos", 0)


def main() -> None:
    """Writes what the flags ask for and prints where it is."""
    if not OUTPUT_DIR.value:
        raise UserError("--output_dir names no folder; give e.g. --output_dir=data/landmark")
    root = Path(OUTPUT_DIR.value).expanduser()
    num_written = write_landmark(root, NUM_PHOTOS.value, RESOLUTION.value, SEED.value)
    print(f"{NUM_PHOTOS.value} photos, {num_written} of them new: {root}")


if __name__ == "__main__":
    cli.run(main)
