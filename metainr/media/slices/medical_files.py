"""Slices as NIfTI and DICOM files, so that viewers lay them over others of the same body."""

import gzip
import hashlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from metainr.media.slices.places import TO_LPS
from metainr.media.slices.stacks import library

LIBRARIES = {"nifti": "nibabel", "dicom": "pydicom"}
"""What files of each format need."""

_LEVELS = 2**16 - 1


def nifti_file(values: np.ndarray, affine: np.ndarray) -> bytes:
    """A gzipped NIfTI volume [column, row, slice] of slices [k, h, w], float32, in mm.

    `affine`: (column, row, slice, 1) -> place in DICOM's coordinates. Raises UserError without
    nibabel.
    """
    nibabel = library("nibabel", "writing NIfTI")
    image = nibabel.Nifti1Image(values.T.astype(np.float32), TO_LPS @ affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0)


def dicom_files(
    values: np.ndarray, affine: np.ndarray, unit: str | None, body: Mapping[str, Any]
) -> list[bytes]:
    """CT images, one of each of the slices [k, h, w], as one series.

    Values are rounded to 2^16 levels of the whole stack. The same slices get the same identifiers.

    Args:
        affine: as in `nifti_file`.
        unit: of the values, as DICOM calls it, such as "HU"; None: not told.
        body: patient, study and frame of reference, by keyword, as `places.Place` has them.
    Raises UserError without pydicom.
    """
    pydicom = library("pydicom", "writing DICOM")
    low = _decimal(pydicom, values.min())
    slope = _decimal(pydicom, (float(values.max()) - low) / _LEVELS * (1 + 1e-9) or 1.0)
    levels = np.clip(np.round((values - low) / slope), 0, _LEVELS).astype(np.uint16)
    told = levels.tobytes() + affine.tobytes() + f"{low} {slope} {unit}".encode()
    digest = hashlib.sha256(told).hexdigest()

    def identifier(what):
        return pydicom.uid.generate_uid(entropy_srcs=[digest, str(what)])

    shared = {
        **_empty(),
        "StudyInstanceUID": identifier("study"),
        "FrameOfReferenceUID": identifier("frame"),
        **body,
        "Modality": "CT",
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "SeriesInstanceUID": identifier("series"),
        "SeriesDescription": "metainr",
        "ImageOrientationPatient": _decimals(pydicom, _axes(affine)[:, :2].T.ravel()),
        "PixelSpacing": _decimals(pydicom, _lengths(affine)[[1, 0]]),
        "SliceThickness": _decimal(pydicom, _lengths(affine)[2]),
        "SpacingBetweenSlices": _decimal(pydicom, _lengths(affine)[2]),
        "RescaleSlope": slope,
        "RescaleIntercept": low,
        "RescaleType": unit or "US",
    }
    return [
        _file(
            pydicom,
            image,
            shared
            | {
                "SOPInstanceUID": identifier(index),
                "InstanceNumber": index + 1,
                "ImagePositionPatient": _decimals(pydicom, (affine @ [0, 0, index, 1])[:3]),
            },
        )
        for index, image in enumerate(levels)
    ]


def _file(pydicom, levels, tags):
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID = pydicom.uid.CTImageStorage
    for name, value in tags.items():
        setattr(data, name, value)
    data.set_pixel_data(levels, "MONOCHROME2", 16, generate_instance_uid=False)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def _empty():
    """What the standard wants in a file even if nothing is known of it."""
    names = (
        "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID "
        "AccessionNumber ReferringPhysicianName PatientPosition PositionReferenceIndicator "
        "Manufacturer SeriesNumber AcquisitionNumber KVP"
    )
    return dict.fromkeys(names.split())


def _axes(affine):
    return affine[:3, :3] / _lengths(affine)


def _lengths(affine):
    return np.linalg.norm(affine[:3, :3], axis=0)


def _decimals(pydicom, values):
    return [_decimal(pydicom, value) for value in values]


def _decimal(pydicom, value):
    """A number of as many digits as DICOM's have."""
    return pydicom.valuerep.DSfloat(float(value), auto_format=True)
