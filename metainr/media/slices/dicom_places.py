"""Where the frames of a DICOM file lie: spacing, positions, and whether they are one volume."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metainr.errors import UserError
from metainr.media.slices.volume import known_length

# Spacing of what was projected, printed or scanned.
_OF_PICTURES = ("ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_CENTIMETRES = 3  # a region's unit of length; others are of times and speeds
_UNEVEN = 0.01  # of the slices' mean distance, by which one may differ
_DIGITS = 6  # of positions in mm that count
_TILTED = "its frames are shifted beside one another: cuts across them are sheared"


def group_of(data: Any, index: int, name: str) -> Any:
    """Where a file says something of a frame: for it, for all frames, or in the file itself."""
    each, shared = (data.get(f"{of}FunctionalGroupsSequence") for of in ("PerFrame", "Shared"))
    for groups in (each[index] if each else None, shared[0] if shared else None):
        if groups is not None and groups.get(name):
            return groups[name].value[0]
    return data


def pixel_spacing(data: Any, measures: Any) -> tuple[float | None, float | None]:
    """(rows, columns), of which only the ratio matters for pictures without depth."""
    found: Any = measures.get("PixelSpacing") or next(filter(None, map(data.get, _OF_PICTURES)), ())
    lengths = tuple(map(known_length, found or _of_regions(data)))
    return lengths if len(lengths) == 2 else (None, None)


def _of_regions(data):
    """What all regions of an ultrasound picture say, if it is one thing, and of lengths."""
    axes, found = "YX", set()
    for region in data.get("SequenceOfUltrasoundRegions") or ():
        units = {region.get(f"PhysicalUnits{axis}Direction") for axis in axes}
        told = tuple(region.get(f"PhysicalDelta{axis}") for axis in axes)
        found.add(told if units == {_CENTIMETRES} else ())
    return found.pop() if len(found) == 1 else ()


def position(data: Any, index: int) -> float | None:
    """Of a frame along the normal of its plane, in mm."""
    place = group_of(data, index, "PlanePositionSequence").get("ImagePositionPatient")
    along = normal(data, index)
    if not place or along is None:
        return None
    position = float(along @ np.array(place, float)) + _offset(data, index)
    return position if np.isfinite(position) else None


def _offset(data, index):
    """Of a frame from the first, in mm along the normal, where files of doses tell it."""
    offsets = np.atleast_1d(np.array(data.get("GridFrameOffsetVector") or 0, float))
    return float(offsets[index] - offsets[0]) if index < len(offsets) else 0.0


def distance(positions: Sequence[float]) -> float | None:
    """From frame to frame; None if it is not one."""
    steps = np.diff(np.sort(positions))
    even = np.ptp(steps) <= _UNEVEN * steps.mean()
    return known_length(steps.mean()) if even else None


def check_volume(path: Path, data: Any, count: int, positions: Sequence[float]) -> None:
    """Raises UserError before frames of several times, segments or directions are one volume."""
    places = len(np.unique(np.round(positions, _DIGITS)))
    counted = np.atleast_1d(data.get("FrameIncrementPointer") or []).astype(np.int64)
    axes = [len(np.unique(data[tag].value)) for tag in counted.tolist() if tag in data]
    if (len(positions) == count and 1 < places < count) or sum(size > 1 for size in axes) > 1:
        raise UserError(
            f"{path} holds several volumes, such as times, echoes, gates or segments; export each "
            "of them as a file"
        )
    normals = [found for index in range(count) if (found := normal(data, index)) is not None]
    if len(normals) > 1 and np.abs(np.array(normals) - normals[0]).max() > _UNEVEN:
        raise UserError(f"{path} holds frames of several directions; export each as a file")


def tilt_notes(data: Any, count: int) -> tuple[str, ...]:
    """A note if frames lie beside one another's normal, as those of a tilted gantry do."""
    places = [
        group_of(data, index, "PlanePositionSequence").get("ImagePositionPatient")
        for index in range(count)
    ]
    axes = group_of(data, 0, "PlaneOrientationSequence").get("ImageOrientationPatient")
    if count < 2 or not axes or not all(places):
        return ()
    places, axes = np.array(places, float), np.reshape(np.array(axes, float), (2, 3))
    steps = np.diff(places, axis=0)
    beside = np.abs(steps @ axes.T).max(1)
    return (_TILTED,) if (beside > _UNEVEN * np.linalg.norm(steps, axis=1)).any() else ()


def normal(data: Any, index: int) -> np.ndarray | None:
    """Of a frame's plane, [3]; None if that is not told."""
    axes = group_of(data, index, "PlaneOrientationSequence").get("ImageOrientationPatient")
    if not axes:
        return None
    rows, columns = np.reshape(np.array(axes, float), (2, 3))
    return np.cross(rows, columns)
