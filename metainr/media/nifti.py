"""NIfTI volumes, turned to their nearest axes."""

import os
from pathlib import Path
from types import ModuleType

import numpy as np

from metainr.media.opening import check_claim
from metainr.media.volume import Volume, known_length

_LARGE = 2**27  # values


def read_nifti(nibabel: ModuleType, path: Path) -> Volume:
    """Reads float32 [x, y, z], whose axes lead to the right, to the front and up, and its spacing.

    Raises ValueError if there is no volume in the file, or less than its header claims, and what
    nibabel does for other damage.
    """
    _check_header(nibabel, path)
    image = nibabel.load(path)
    if image.get_data_dtype().kind not in "biuf":
        raise ValueError(f"its values are {image.get_data_dtype()}, not real numbers")
    if len(image.shape) < 2 or set(image.shape[3:]) - {1}:
        raise ValueError(f"its shape {image.shape} is no volume [x, y, z] or slice [x, y]")
    values = image.get_fdata(dtype=np.float32)
    values = values.reshape((*values.shape, 1)[:3])
    turned = nibabel.as_closest_canonical(nibabel.spatialimages.SpatialImage(values, image.affine))
    # Its affine map is what turns it; the header's sizes of voxels may be others.
    lengths = nibabel.affines.voxel_sizes(turned.affine).astype(np.float32)
    spacing = (*map(known_length, lengths),)
    return Volume(np.asarray(turned.dataobj), spacing)


def _check_header(nibabel, path):
    """Before nibabel reads what lies between header and values, and the values."""
    kinds = (nibabel.Nifti1Header, nibabel.Nifti2Header)
    with nibabel.openers.ImageOpener(path) as file:
        start = file.read(kinds[-1].sizeof_hdr)
    header = next((kind for kind in kinds if kind.may_contain_header(start)), None)
    if header is None:
        raise ValueError("it has no NIfTI header")
    said = header(start[: header.sizeof_hdr], check=False)
    size = os.path.getsize(path)
    check_claim(said.get_data_shape(), size, _LARGE)
    check_claim((said.get_data_offset(),), size, _LARGE)
