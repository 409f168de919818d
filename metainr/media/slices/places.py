"""Where slices lie in a body."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.errors import UserError
from metainr.media.opening import check_regular
from metainr.media.slices import dicom, nifti
from metainr.media.slices.dicom_places import group_of, normal, pixel_spacing, position
from metainr.media.slices.stacks import damage_told, kind_of, library
from metainr.media.slices.volume import known_length

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From NIfTI's coordinates, to the right, the front and the head, to DICOM's, and back."""

_ASKEW = 1e-2  # of the cosines between rows and columns
_OF_BODY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientPosition",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "FrameOfReferenceUID",
)


class Place(NamedTuple):
    """A stack's place in DICOM's coordinates: mm to the body's left, its back and its head.

    axes: [3, 3], whose columns of length 1 lead from column to column, row to row, slice to slice.
    middle: [3] of the first slice.
    distance: from slice to slice, or how thick one is where a file does not tell; None: unknown.
    body: what DICOM files say of patient, study and frame of reference, by keyword.
    """

    axes: np.ndarray = np.eye(3)
    middle: np.ndarray = np.zeros(3)
    distance: float | None = None
    body: Mapping[str, Any] = {}


def read_place(path: Path) -> Place:
    """The place of the slices that `read_slices` reads of a DICOM or NIfTI file.

    Raises UserError if the file is damaged, of another kind, or does not tell its place.
    """
    check_regular(path, "slices")
    with damage_told(path):
        kind = kind_of(path)
        if kind == "dicom":
            return _of_dicom(dicom.opened(library("pydicom", f"reading {path}"), path), path)
        if kind == "nifti":
            nibabel = library("nibabel", f"reading {path}")
            return _of_nifti(nibabel.as_closest_canonical(nifti.opened(nibabel, path)))
    raise UserError(f"{path} does not tell where it lies; give a DICOM or NIfTI file")


def affine_of(place: Place, size: int, pixel: float, distance: float) -> np.ndarray:
    """(column, row, slice, 1) -> mm, [4, 4], of slices [size, size] with the place's middle.

    pixel, distance: widths of a pixel, and from slice to slice, in mm.
    """
    found = np.eye(4)
    found[:3, :3] = place.axes * [pixel, pixel, distance]
    found[:3, 3] = place.middle - found[:3, :2].sum(1) * (size - 1) / 2
    return found


def _of_dicom(data, path):
    count = int(data.get("NumberOfFrames") or 1)
    positions = [position(data, index) for index in range(count)]
    known = [place for place in positions if place is not None]
    if len(known) < count:
        raise UserError(f"{path} does not tell where it lies; give a file that does")
    first = int(np.argmin(known))
    corner = group_of(data, first, "PlanePositionSequence").ImagePositionPatient
    axes = group_of(data, first, "PlaneOrientationSequence").ImageOrientationPatient
    measures = group_of(data, first, "PixelMeasuresSequence")
    rows, columns = pixel_spacing(data, measures)
    if rows is None or columns is None:
        raise UserError(f"{path} does not tell the spacing of its pixels; give a file that does")
    across, down = axes = np.reshape(np.array(axes, float), (2, 3))
    if np.abs(axes @ axes.T - np.eye(2)).max() > _ASKEW:
        raise UserError(f"{path} says that its rows and columns are not at right angles; mend it")
    middle = (
        np.array(corner, float)
        + across * columns * (data.Columns - 1) / 2
        + down * rows * (data.Rows - 1) / 2
    )
    return Place(
        np.stack([across, down, np.asarray(normal(data, first))], axis=1),
        middle,
        known_length(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness")),
        {name: data[name].value for name in _OF_BODY if name in data},
    )


def _of_nifti(image):
    """Of an image whose axes lead to the right, to the front and up."""
    columns, rows = image.shape[:2]
    to_body = TO_LPS @ image.affine
    # As slices are shown: rows lead to the back.
    steps = to_body[:3, :3] * [1, -1, 1]
    lengths = np.linalg.norm(steps, axis=0)
    middle = to_body @ [(columns - 1) / 2, (rows - 1) / 2, 0, 1]
    return Place(steps / lengths, middle[:3], float(lengths[2]))
