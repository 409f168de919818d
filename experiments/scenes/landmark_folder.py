"""The generated landmark as a folder in the published format of Phototourism."""

import io
import json
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.files import remove_unfinished, write_bytes
from metainr.json_files import read_json
from metainr.signals.landmarks.facade import landmark, plan
from metainr.signals.landmarks.facade_photo import Shot, photograph
from metainr.signals.landmarks.options import NUM_TEST, NUM_VALIDATION
from metainr.signals.landmarks.phototourism import BOUNDS, IMAGES, INTRINSICS, POSES, SIZES

_RECORD = "landmark.json"
_QUALITY = 95
_ARRAYS = (POSES, INTRINSICS, BOUNDS, SIZES)


def write_landmark(root: Path, num_photos: int, resolution: int, seed: int) -> int:
    """Writes a scene's folder and returns how many photos were new.

    Translations and bounds are in metres. Files are whole or missing at any time; the matrices come
    after the photos, so that a folder that lacks some is noticed by whoever reads it.

    Args:
        root: the folder; it is new, empty, or an earlier result with the same settings.
        num_photos: at least as many as are there.
        resolution: longer side of the photos in pixels.
        seed: of the building and of its photos.

    Raises:
        UserError: if the folder holds anything else, or was written with other settings.
        OSError: if a file cannot be written.
    """
    settings = {"landmark": "facade", "seed": seed, "resolution": resolution}
    names = [f"photo_{number:06d}.jpg" for number in range(num_photos)]
    _check_folder(root, settings, names)
    write_bytes(root / _RECORD, (json.dumps(settings, indent=1) + "\n").encode())
    place = landmark(seed)
    shots = [plan(place, seed, *_source(number), resolution) for number in range(num_photos)]
    num_written = 0
    for name, shot in zip(names, shots):
        path = root / IMAGES / name
        if not path.exists():
            write_bytes(path, _jpeg(photograph(place, shot)))
            num_written += 1
    for name, array in _arrays(shots).items():
        write_bytes(root / name, _npy(array))
    return num_written


def _check_folder(root, settings, names):
    """Refuses a folder that is not this landmark's, and files in it that would be in the way."""
    if not root.exists():
        return
    if not root.is_dir():
        raise UserError(f"{root} is a file; give --output_dir a folder")
    if not (root / _RECORD).exists():
        # A run that was killed first thing leaves a part of the record and nothing else.
        foreign = next((p for p in root.iterdir() if not p.name.startswith(".writing-")), None)
        if foreign:
            raise UserError(
                f"{root} holds other files ({foreign.name}); give an empty --output_dir"
            )
        return
    recorded = read_json(root / _RECORD, "give another --output_dir")
    for key, value in settings.items():
        if recorded.get(key) != value:
            raise UserError(
                f"{root} was written with {key} {recorded.get(key)}, not {value}; "
                "give that again or another --output_dir"
            )
    remove_unfinished(root)
    ours = {_RECORD, *_ARRAYS, *(f"{IMAGES}/{name}" for name in names)}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name not in ours:
            raise UserError(
                f"{root} holds {name}, which is none of the {len(names)} photos to be written; "
                "give more --num_photos, remove that file or give another --output_dir"
            )


def _source(number):
    """Split and index of the generated photo that stands at that place."""
    for split, count in (("test", NUM_TEST), ("validation", NUM_VALIDATION)):
        if number < count:
            return split, number
        number -= count
    return "train", number


def _arrays(shots: list[Shot]):
    last = [0, 0, 0, 1]
    return {
        POSES: np.stack([np.concatenate([shot.camera.pose, [last]]) for shot in shots]),
        INTRINSICS: np.stack([shot.camera.inverse_intrinsics for shot in shots]),
        BOUNDS: np.stack([shot.camera.bounds for shot in shots]),
        SIZES: np.array([shot.size for shot in shots], np.float64),
    }


def _jpeg(image):
    from PIL import Image

    buffer = io.BytesIO()
    picture = Image.fromarray(np.round(255 * image).astype(np.uint8))
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
