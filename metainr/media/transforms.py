"""Files named transforms.json: pictures of one scene with their cameras, and what may be wrong.

The format is that of Mildenhall et al., "NeRF", ECCV 2020, for scenes rendered with Blender, and of
later programs that wrote intrinsics of real cameras into it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.errors import UserError
from metainr.media.pinhole import focal_length

_DISTORTIONS = ("k1", "k2", "k3", "k4", "p1", "p2")
_MODELS = (None, "PINHOLE", "SIMPLE_PINHOLE", "OPENCV")
_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".webp")
_SINGULAR = 1e-6
_LAST_ROW = 1e-4


class Frames(NamedTuple):
    """Pictures [v] with their cameras.

    paths: of the pictures;
    poses: float32 [v, 3, 4], camera to world, OpenGL's axes;
    lenses: what the file says of each one's intrinsics.
    """

    paths: tuple[Path, ...]
    poses: np.ndarray
    lenses: tuple[Mapping[str, Any], ...]


def read_frames(path: str | Path) -> Frames:
    """Reads and checks a file; pictures are looked for, not read.

    Raises UserError, which names the file and the field, for anything but finite, right-handed
    poses of undistorted pictures that are there.
    """
    path = Path(path)
    content = _json(path)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not frames:
        raise UserError(f"{path} has no frames; its field 'frames' must list at least one")
    poses = np.stack([_pose(path, i, frame) for i, frame in enumerate(frames)])
    common = {key: value for key, value in content.items() if key != "frames"}
    lenses = tuple(_lens(path, i, common | frame) for i, frame in enumerate(frames))
    paths = tuple(_picture(path, i, frame) for i, frame in enumerate(frames))
    if len(set(paths)) < len(paths):
        twice = next(one for one in paths if paths.count(one) > 1)
        raise UserError(f"{path} lists {twice} in two frames; remove one of them")
    return Frames(paths, poses, lenses)


def chosen(frames: Frames, indices: Sequence[int]) -> Frames:
    """Those of the frames, in that order."""
    return Frames(
        tuple(frames.paths[i] for i in indices),
        frames.poses[list(indices)],
        tuple(frames.lenses[i] for i in indices),
    )


def joined(first: Frames, second: Frames) -> Frames:
    """The frames of both."""
    poses = np.concatenate([first.poses, second.poses])
    return Frames(first.paths + second.paths, poses, first.lenses + second.lenses)


def focal_and_centre(
    lens: Mapping[str, Any], height: int, width: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Focal lengths and centre (x, y) in pixels of a picture of that size.

    Values for a picture of other size, which the fields w and h tell, are scaled.
    """
    x, y = width / lens.get("w", width), height / lens.get("h", height)
    centre = (lens.get("cx", width / x / 2) * x, lens.get("cy", height / y / 2) * y)
    if "fl_x" in lens:
        return (lens["fl_x"] * x, lens.get("fl_y", lens["fl_x"]) * y), centre
    focal = focal_length(lens["camera_angle_x"], width)
    across = lens.get("camera_angle_y")
    return (focal, focal_length(across, height) if across else focal), centre


def _json(path):
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; it must list the frames") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}); write it anew") from error


def _pose(path, index, frame):
    where = f"{path}: transform_matrix of frame {index}"
    try:
        matrix = np.array(frame["transform_matrix"], np.float64)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where} is missing or not made of numbers; give 4 rows of 4") from None
    if matrix.shape not in ((4, 4), (3, 4)):
        raise UserError(f"{where} has the shape {list(matrix.shape)}; give 4 rows of 4 numbers")
    if not np.isfinite(matrix).all():
        raise UserError(f"{where} holds NaN or infinity; estimate that pose anew or drop the frame")
    if len(matrix) == 4 and np.abs(matrix[3] - (0, 0, 0, 1)).max() > _LAST_ROW:
        raise UserError(f"{where} has {matrix[3].tolist()} as its last row; transpose it?")
    determinant = np.linalg.det(matrix[:3, :3])
    if abs(determinant) < _SINGULAR:
        raise UserError(f"{where} is singular; its left 3×3 part must be a rotation")
    if determinant < 0:
        raise UserError(
            f"{where} is left-handed (determinant {determinant:.3g}); "
            "negate one axis: OpenGL's cameras have x to the right, y up, z backwards"
        )
    return matrix[:3].astype(np.float32)


def _lens(path, index, fields):
    """The fields of the intrinsics, all checked."""
    numbers = ("camera_angle_x", "camera_angle_y", "fl_x", "fl_y", "cx", "cy", "w", "h")
    lens = {name: fields[name] for name in numbers if fields.get(name) is not None}
    for name, value in lens.items():
        is_number = isinstance(value, int | float) and 0 < value < float("inf")
        if not is_number or ("angle" in name and value >= np.pi):
            unit = "radians between 0 and π" if "angle" in name else "a positive number of pixels"
            raise UserError(f"{path}: {name} of frame {index} is {value!r}; give {unit}")
    if "fl_x" not in lens and "camera_angle_x" not in lens:
        raise UserError(f"{path} has neither camera_angle_x nor fl_x; one of them is needed")
    distorted = [name for name in _DISTORTIONS if fields.get(name)]
    if distorted or fields.get("camera_model") not in _MODELS:
        name = distorted[0] if distorted else "camera_model"
        raise UserError(
            f"{path}: {name} of frame {index} is {fields[name]!r}, and only pictures without "
            "distortion can be used; undistort them first (COLMAP: image_undistorter)"
        )
    return lens


def _picture(path, index, frame):
    """The picture a frame names; its suffix may be left out, and so may the folders it was in."""
    name = frame.get("file_path")
    if not isinstance(name, str) or not name:
        raise UserError(f"{path}: file_path of frame {index} is missing; name a picture")
    for base in dict.fromkeys((name, os.path.basename(name))):
        for suffix in _SUFFIXES:
            file = os.path.join(path.parent, base) + suffix
            if os.path.isfile(file) and os.path.getsize(file):
                return Path(file)
    raise UserError(
        f"{path}: file_path of frame {index} names {name!r}, which is missing or empty; "
        "add the picture or drop the frame"
    )
