"""Files of one or more grey slices, in the intensities that they store."""

import importlib
from pathlib import Path

import numpy as np

from metainr.errors import UserError

_DICOM = (".dcm", ".dicom", ".ima")
_NIFTI = (".nii", ".nii.gz")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
SUFFIXES = (*_PICTURES, ".npy", *_DICOM, *_NIFTI)


def read_stack(path: Path, axis: int | None = None) -> np.ndarray:
    """Reads a file's slices: float32 [k, h, w], k = 1 for a single picture.

    Pictures keep their levels (0 to 255, or 65535 with 16 bits) and colours become grey; pages of a
    TIFF are slices. DICOM frames are rescaled as their file says (CT: to Hounsfield units), and
    their padding becomes the lowest value beside it. NIfTI volumes are turned: slices have the
    front, or the top, above, and the body's right on the right.

    Args:
        path: its name says the format, see `SUFFIXES`.
        axis: 0, 1 or 2, along which a 3-D array is cut; None: 2 for NIfTI, else 0. Single slices
            are not cut.
    Raises UserError if the file is damaged or no such thing, if pydicom or nibabel is needed and
    missing, and if a value is NaN or infinite. The last two are `Unusable`.
    """
    library, read = _format(path)
    stack = _opened(path, lambda module: _cut(read(module, path), path, axis), library)
    bad = np.argwhere(~np.isfinite(stack))
    if len(bad):
        index, row, column = bad[0]
        raise Unusable(
            f"{path} has {len(bad)} values that are NaN or infinite, the first in slice {index}, "
            f"row {row}, column {column}; replace them"
        )
    return stack


class Unusable(UserError):
    """A mistake that is more than one damaged file: leaving the file out would hide it."""


def is_stack(path: Path) -> bool:
    """Whether a file is named like one that `read_stack` reads."""
    return path.name.lower().endswith(SUFFIXES)


def series(path: Path) -> str:
    """What slices of one body share: the series that a DICOM file belongs to, else its own path.

    Raises UserError if a DICOM file is damaged.
    """
    if not path.name.lower().endswith(_DICOM):
        return str(path)

    def uid(pydicom):
        return str(pydicom.dcmread(path, stop_before_pixels=True).get("SeriesInstanceUID", path))

    return _opened(path, uid, "pydicom")


def _format(path):
    """The library that reads a file of that name, and the function that has it do so."""
    name = path.name.lower()
    if name.endswith(_DICOM):
        return "pydicom", _dicom
    if name.endswith(_NIFTI):
        return "nibabel", _nifti
    return ("numpy", _npy) if name.endswith(".npy") else ("PIL.Image", _picture)


def _opened(path, read, library):
    """`read(library)`; a library that is missing and a file that is damaged are told apart."""
    try:
        module = importlib.import_module(library)
    except ImportError as error:
        raise Unusable(
            f"reading {path} needs {library}; run: pip install 'metainr[medical]'"
        ) from error
    try:
        return read(module)
    # Decoders meet damage with exceptions of many kinds, SyntaxError among them.
    except Exception as error:
        line = " ".join(str(error).split())
        raise UserError(f"cannot read {path}: {line}; give an undamaged file") from error


def _picture(pillow, path):
    from PIL import ImageSequence

    with pillow.open(path) as image:
        pages = [_levels(page) for page in ImageSequence.Iterator(image)]
    return np.stack(pages)


def _levels(page):
    keeps = page.mode in ("L", "I", "F") or page.mode.startswith("I;16")
    return np.asarray(page if keeps else page.convert("L"), np.float32)


def _dicom(pydicom, path):
    data = pydicom.dcmread(path)
    if data.get("SamplesPerPixel", 1) != 1:
        raise ValueError("it is in colour")
    levels, padding = data.pixel_array, data.get("PixelPaddingValue")
    if padding is not None and (levels != padding).any():
        # Far below air, it would spoil an intensity window.
        levels = np.where(levels == padding, levels[levels != padding].min(), levels)
    slope, intercept = data.get("RescaleSlope"), data.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    return levels * slope + (0.0 if intercept is None else float(intercept))


def _nifti(nibabel, path):
    volume = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata(dtype=np.float32)
    if volume.ndim > 3 and set(volume.shape[3:]) != {1}:
        raise ValueError(f"its shape {volume.shape} is no volume [x, y, z]")
    return volume.reshape(volume.shape[:3])


def _npy(numpy, path):
    values = numpy.load(path)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"its values are {values.dtype}, not real numbers")
    return values


def _cut(values, path, axis):
    is_volume = path.name.lower().endswith(_NIFTI)
    if values.ndim == 2:
        stack = values[None]
    elif values.ndim == 3:
        stack = np.moveaxis(values, (2 if is_volume else 0) if axis is None else axis, 0)
    else:
        raise ValueError(f"its shape {values.shape} is no stack of slices")
    if not stack.size:
        raise ValueError(f"its shape {values.shape} has no values")
    # NIfTI's axes lead to the right, to the front and up; rows go down.
    return np.asarray(np.rot90(stack, axes=(1, 2)) if is_volume else stack, np.float32)
