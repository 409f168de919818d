"""Small DICOM files."""

import numpy as np
import pytest


def write_dicom(path, values, series, deflated=False, **tags):
    """An image [h, w] or frames [k, h, w] of 16 bits, and what else its tags say."""
    pydicom = pytest.importorskip("pydicom")
    data = pydicom.dataset.FileDataset(str(path), {}, preamble=b"\0" * 128)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    plain = pydicom.uid.ExplicitVRLittleEndian
    syntax = pydicom.uid.DeflatedExplicitVRLittleEndian if deflated else plain
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.Rows, data.Columns = values.shape[-2:]
    if values.ndim == 3:
        data.NumberOfFrames = len(values)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.SeriesInstanceUID = series
    for name, value in tags.items():
        setattr(data, name, value)
    data.HighBit = tags.get("HighBit", data.BitsStored - 1)
    data.PixelData = values.astype(np.dtype("<u2")).tobytes()
    data.save_as(path, enforce_file_format=True)


def group(**sequences):
    """A functional group: sequences of one item each, with these tags."""
    pydicom = pytest.importorskip("pydicom")
    found = pydicom.Dataset()
    for name, tags in sequences.items():
        item = pydicom.Dataset()
        for tag, value in tags.items():
            setattr(item, tag, value)
        setattr(found, name, [item])
    return found
