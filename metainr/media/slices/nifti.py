"""NIfTI volumes, turned to their nearest axes."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from metainr.errors import UserError
from metainr.media.opening import check_claim
from metainr.media.slices.volume import ROUNDED, About, Volume, is_rounded, known_length

_LARGE = 2**27  # values
_GZIPPED = b"\x1f\x8b"
_APART = 1e-3  # of the largest number, by which two affine maps may differ
_TILT = 1e-2  # of the cosine of the angle between two axes that are taken as upright
_NOWHERE = "its qform_code and sform_code are 0: left may be right in it"
_SHEARED = "its axes are not at right angles: cuts across them are sheared"
_TWO_PLACES = "its qform and sform differ in axes or spacing: sform is taken"
_TWO_SIZES = "its sform and the sizes of its voxels (pixdim) differ: sform is taken"


def read_nifti(nibabel: ModuleType, path: Path) -> Volume:
    """Reads float32 [x, y, z], whose axes lead to the right, to the front and up, and its spacing.

    The affine map is sform's, else qform's, else one of the voxels' sizes alone, whose x leads to
    the left; what is doubtful of it is noted. Raises UserError if the file is not one volume of
    grey values, or is gzipped and not named so; ValueError if it holds less than its header claims,
    and what nibabel does for other damage.
    """
    image = opened(nibabel, path)
    values = image.get_fdata(dtype=np.float32)
    values = values.reshape((*values.shape, 1)[:3])
    turned = nibabel.as_closest_canonical(nibabel.spatialimages.SpatialImage(values, image.affine))
    # Its affine map is what turns it; the header's sizes of voxels may be others.
    lengths = nibabel.affines.voxel_sizes(turned.affine).astype(np.float32)
    spacing = (*map(known_length, lengths),)
    notes = (*_notes(image), *([ROUNDED] if is_rounded(image.dataobj.get_unscaled()) else []))
    return Volume(np.asarray(turned.dataobj), spacing, About(notes=notes))


def opened(nibabel: ModuleType, path: Path) -> Any:
    """nibabel's image of one volume of grey values, none of them read; raises as `read_nifti`."""
    _check_packed(path)
    _check_header(nibabel, path)
    image = nibabel.load(path)
    kind, shape = image.get_data_dtype(), image.shape
    if kind.kind not in "biuf":
        told = "colours" if kind.names else kind
        raise UserError(f"{path} holds {told}, not grey values; save one channel of real numbers")
    if len(shape) < 2 or set(shape[3:]) - {1}:
        raise UserError(
            f"{path} has the shape {shape}, and one volume [x, y, z] or slice [x, y] is read; save "
            "each of its volumes as a file"
        )
    if not _is_map(image.affine):
        raise UserError(f"{path} maps its voxels to no places; write its affine map anew")
    return image


def _is_map(affine):
    return bool(np.isfinite(affine).all() and np.linalg.matrix_rank(affine[:3, :3]) == 3)


def _notes(image):
    """What is doubtful of where the volume lies."""
    axes = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
    notes = [_SHEARED] if np.abs(axes.T @ axes - np.eye(3)).max() > _TILT else []
    header = image.header
    first, second = int(header["qform_code"]), int(header["sform_code"])
    if not (first or second):
        return (*notes, _NOWHERE)
    if first and second and not _is_same(header):
        notes.append(_TWO_PLACES)
    sizes, told = np.linalg.norm(image.affine[:3, :3], axis=0), header["pixdim"][1:4]
    if not first and (np.abs(np.abs(told) - sizes) > _APART * sizes)[: len(image.shape)].any():
        notes.append(_TWO_SIZES)
    return tuple(notes)


def _is_same(header):
    """Whether both maps of a header agree but for the origin."""
    try:
        one, other = header.get_qform(True)[0], header.get_sform(True)[0]
    except ValueError:  # a quaternion that is none
        return False
    return np.abs(one - other)[:3, :3].max() <= _APART * np.abs(other[:3, :3]).max()


def _check_packed(path):
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIPPED
    if is_packed != path.name.lower().endswith(".gz"):
        remedy = "rename it to end in .nii.gz" if is_packed else "rename it to end in .nii"
        raise UserError(f"{path} is {'' if is_packed else 'not '}gzipped; {remedy}")


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
    if said["magic"].item() == header.pair_magic:
        raise UserError(
            f"{path} is the header of values in another file (.img); save both as one .nii"
        )
