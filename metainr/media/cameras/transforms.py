"""Files named transforms.json: pictures of one scene with their cameras, and what may be wrong.

The format is that of Mildenhall et al., "NeRF", ECCV 2020, for scenes rendered with Blender, and of
later programs that wrote intrinsics of real cameras into it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from metainr.checks import Range, shown
from metainr.errors import UserError
from metainr.files import below
from metainr.json_files import read_json
from metainr.media.cameras.lenses import bent_by, contradiction, is_scaled
from metainr.media.cameras.pinhole import focal_length
from metainr.media.cameras.poses import pose_and_scale
from metainr.media.images.pictures import SUFFIXES

_SUFFIXES = ("", *sorted(SUFFIXES), *sorted(map(str.upper, SUFFIXES)))
_FARTHEST = 1e5  # from the origin; float32 tells a hundredth there
_PIXELS, _ANGLES = Range(1e-3, 1e8, real=True), Range(1e-4, 3.14, real=True)
_KINDS = (("camera_angle_x", "fl_x"), ("camera_angle_y", "fl_y"))
_FEW, _SMALL = 4, 8  # pixels: focal lengths and pictures below may be meant
_APART = 0.05  # by which two ways to tell a focal length may differ
_MATRICES = ("intrinsic_matrix", "intrinsics", "intrinsic", "camera_matrix", "K")
_WIDEST = 16  # focal lengths that a picture is wide at most
_UNUSED = {
    "mask_path": "all of each picture counts",
    "time": "the scene is taken as still",
    "train_filenames": "frames are taken from the whole list",
    "val_filenames": "frames are taken from the whole list",
    "test_filenames": "frames are taken from the whole list",
}
_told = set()  # fields that a warning has named


class Frames(NamedTuple):
    """Pictures [v] with their cameras.

    paths: of the pictures;
    poses: float32 [v, 3, 4], camera to world, OpenGL's axes;
    scales: float64 [v], by which the rotations in the file are larger than such;
    lenses: what the file says of each one's intrinsics.
    """

    paths: tuple[Path, ...]
    poses: np.ndarray
    scales: np.ndarray
    lenses: tuple[Mapping[str, Any], ...]


def read_frames(path: str | Path) -> Frames:
    """Reads and checks a file; pictures are looked for, not read.

    Raises UserError, which names the file and the field, for anything but finite, right-handed
    poses of undistorted pictures that are there, in the file's folder or below it.
    """
    path = Path(path)
    content, cameras = _read(path)
    frames = content["frames"]
    paths = tuple(_picture(path, i, frame) for i, frame in enumerate(frames))
    if len(set(paths)) < len(paths):
        twice, _ = Counter(paths).most_common(1)[0]
        raise UserError(f"{path} lists {twice} in two frames; remove one of them")
    _tell_unused(path, {*content}.union(*frames))
    return cameras._replace(paths=paths)


def read_cameras(path: str | Path) -> Frames:
    """Reads the cameras of a file alone: `paths` is empty, and no picture needs to be there."""
    return _read(Path(path))[1]


def _read(path):
    content = read_json(path, "it must list the frames: write it anew")
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise UserError(f"{path} has no frames; its field 'frames' must list at least one")
    poses, scales = zip(*(_pose(path, i, frame) for i, frame in enumerate(frames)))
    common = {key: value for key, value in content.items() if key != "frames"}
    lenses = tuple(_lens(path, i, _fields(common, frame)) for i, frame in enumerate(frames))
    return content, Frames((), np.stack(poses), np.array(scales), lenses)


def chosen(frames: Frames, indices: Sequence[int]) -> Frames:
    """Those of the frames, in that order."""
    return Frames(
        tuple(frames.paths[i] for i in indices),
        frames.poses[list(indices)],
        frames.scales[list(indices)],
        tuple(frames.lenses[i] for i in indices),
    )


def joined(first: Frames, second: Frames) -> Frames:
    """The frames of both."""
    poses = np.concatenate([first.poses, second.poses])
    scales = np.concatenate([first.scales, second.scales])
    return Frames(first.paths + second.paths, poses, scales, first.lenses + second.lenses)


def check_size(frames: Frames, height: int, width: int) -> None:
    """Raises UserError if pictures stored with that size are not those that a lens is of."""
    for path, lens in zip(frames.paths, frames.lenses):
        if name := _normalised(lens, lens.get("h", height), lens.get("w", width)):
            raise UserError(
                f"{path} has {name} {lens[name]}, which is no length in its pixels; give pixels"
            )
        _check_agreement(path, {"w": width, "h": height, **lens})
        if "w" in lens and "h" in lens:
            stated, stored = (lens["h"], lens["w"]), (height, width)
            if not is_scaled(stated, stored):
                raise UserError(f"{path} {contradiction(stated, stored)}")


def focal_and_centre(
    lens: Mapping[str, Any], height: int, width: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Focal lengths and centre (x, y) in pixels of a picture of that size.

    Values for a picture of other size, which the fields w and h tell, are scaled.
    """
    told = [side / lens[name] for name, side in (("w", width), ("h", height)) if name in lens]
    x, y = (told[0], told[-1]) if told else (1, 1)
    centre = (lens.get("cx", width / x / 2) * x, lens.get("cy", height / y / 2) * y)
    across = lens.get("camera_angle_y")
    if "fl_x" in lens:
        other = focal_length(across, height) if across else lens["fl_x"] * y
        return (lens["fl_x"] * x, lens["fl_y"] * y if "fl_y" in lens else other), centre
    focal = focal_length(lens["camera_angle_x"], width)
    return (focal, focal_length(across, height) if across else focal), centre


def _pose(path, index, frame):
    where = f"{path}: transform_matrix of frame {index}"
    try:
        matrix = np.array(frame["transform_matrix"], np.float64)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where} is missing or not made of numbers; give 4 rows of 4") from None
    if matrix.shape not in ((4, 4), (3, 4)):
        raise UserError(f"{where} has the shape {list(matrix.shape)}; give 4 rows of 4 numbers")
    try:
        pose, scale = pose_and_scale(matrix)
    except ValueError as error:
        raise UserError(
            f"{where} {error}; OpenGL's cameras have x to the right, y up, z backwards"
        ) from None
    if np.abs(pose[:, 3]).max() > _FARTHEST:
        raise UserError(
            f"{where} puts the camera at {pose[:, 3].tolist()}; move the scene to the origin"
        )
    return pose.astype(np.float32), scale


def _tell_unused(path, names):
    """Warns once of each field that is not used."""
    for name in sorted(names & _UNUSED.keys() - _told):
        _told.add(name)
        logging.warning("%s: its %s is not used: %s", path, name, _UNUSED[name])


def _fields(common, frame):
    """What holds for a frame: its own fields, and those of the file that these do not replace."""
    replaced = set()
    for kinds in _KINDS:
        if any(frame.get(name) is not None for name in kinds):
            replaced |= {*kinds}
    return {name: value for name, value in common.items() if name not in replaced} | frame


def _normalised(lens, height, width):
    """The name of a length in parts of a picture's sides instead of its pixels, or ""."""
    if lens.get("fl_x", width) <= min(_FEW, width / _WIDEST):
        return "fl_x"
    is_corner = max(lens.get("cx", width), lens.get("cy", height)) <= 1
    return "cx" if is_corner and min(height, width) >= _SMALL else ""


def _lens(path, index, fields):
    """The fields of the intrinsics, all checked."""
    numbers = ("camera_angle_x", "camera_angle_y", "fl_x", "fl_y", "cx", "cy", "w", "h")
    lens = {name: fields[name] for name in numbers if fields.get(name) is not None}
    for name, value in lens.items():
        try:
            (_ANGLES if "angle" in name else _PIXELS).plain(value)
        except ValueError:
            unit = "radians between 0 and π" if "angle" in name else "a positive number of pixels"
            raise UserError(
                f"{path}: {name} of frame {index} is {shown(value)}; give {unit}"
            ) from None
    for alone, other in (("fl_y", "fl_x"), ("camera_angle_y", "camera_angle_x")):
        if alone in lens and not {other, "fl_x"} & lens.keys():
            raise UserError(f"{path} has {alone} of frame {index} without {other}; give both")
    if matrices := [name for name in _MATRICES if fields.get(name) is not None]:
        raise UserError(
            f"{path}: {matrices[0]} of frame {index} is not read; give fl_x, fl_y, cx and cy in "
            "its place"
        )
    _check_agreement(f"{path}, frame {index}", lens)
    if "fl_x" not in lens and "camera_angle_x" not in lens:
        raise UserError(f"{path} has neither camera_angle_x nor fl_x; one of them is needed")
    if name := bent_by(fields):
        raise UserError(
            f"{path}: {name} of frame {index} is {shown(fields[name])}, and only pictures without "
            "distortion can be used; undistort them first (COLMAP: image_undistorter)"
        )
    return lens


def _check_agreement(where, lens):
    """Raises UserError if an angle and a focal length tell of different lenses."""
    for angle, focal, side in (("camera_angle_x", "fl_x", "w"), ("camera_angle_y", "fl_y", "h")):
        if {angle, focal, side} <= lens.keys():
            told = focal_length(lens[angle], lens[side])
            if abs(told / lens[focal] - 1) > _APART:
                raise UserError(
                    f"{where}: {angle} means a focal length of {told:.4g} pixels, and {focal} is "
                    f"{lens[focal]:g}; drop the wrong one"
                )


def _picture(path, index, frame):
    """The picture a frame names; its suffix may be left out, and so may the folders it was in."""
    name = frame.get("file_path")
    if not isinstance(name, str) or not name:
        raise UserError(f"{path}: file_path of frame {index} is missing; name a picture")
    found = below(path.parent, name, _SUFFIXES)
    if found is None:
        raise UserError(
            f"{path}: file_path of frame {index} names {shown(name)}, which is missing or empty in "
            f"{path.parent}; add the picture or drop the frame"
        )
    if others := _alike(path.parent / found, name):
        raise UserError(
            f"{path}: file_path of frame {index} names {shown(name)}, which may be {found} or "
            f"{others[0]}; add the ending"
        )
    return path.parent / found


def _alike(found, name):
    """Other pictures that a name without its suffix may mean."""
    if name.endswith(found.suffix):
        return []
    alike = {suffix: found.with_suffix(suffix) for suffix in SUFFIXES - {found.suffix.lower()}}
    return [path.name for _, path in sorted(alike.items()) if path.is_file()]
