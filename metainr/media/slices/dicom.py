"""DICOM images, single or of many frames, in the units that their files give."""

import logging
import os
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from metainr.errors import UserError
from metainr.media.opening import check_claim
from metainr.media.slices.dicom_places import (
    check_volume,
    distance,
    group_of,
    normal,
    pixel_spacing,
    position,
    tilt_notes,
)
from metainr.media.slices.volume import ROUNDED, About, Volume, is_rounded, known_length

_LARGE = 2**27  # values, or bytes of a deflated file
_OF_FRAMES = (
    "NumberOfEnergyWindows",
    "NumberOfDetectors",
    "NumberOfRRIntervals",
    "NumberOfTimeSlots",
)
_CHUNK = 2**20
_META = 2  # the group of what a file says of itself
_UNSPECIFIED = "US"
_OVERLAY_BITS = [(group, 0x0102) for group in range(0x6000, 0x6020, 2)]  # 0 of those apart
_INVERTED = "MONOCHROME1 of no unit: 0 is white in it, so its levels are turned round"
_KEPT = "MONOCHROME1 says how it is shown: its values in {} are kept as they are"
_ALONE = "it tells no series: it is taken for a body of its own, and may be a neighbour of others"
_SCOUT = "it calls itself a localizer: it is read as any slice; move it away if it is none"
_CUT = "bits above the {} that it says it stores are left out"
_UNMAPPED = "its real-world values are not applied: its levels are read"


class _Frame(NamedTuple):
    values: np.ndarray  # float32 [h, w]
    unit: str | None
    spacing: tuple[float | None, float | None]
    between: float | None
    position: float | None


def is_dicom(start: bytes) -> bool:
    """Whether a file that starts with these 132 bytes or more is DICOM."""
    return start[128:132] == b"DICM"


def read_dicom(pydicom: ModuleType, path: Path) -> Volume:
    """Reads frames as their modality LUT or rescaling says, in the order of their positions.

    What enhanced files say of each frame, or of all, holds for it. Padding becomes the lowest value
    beside it. MONOCHROME1, by which low levels are white, is turned round unless the values have a
    unit: Hounsfield's mean the same however they are shown.

    Raises ValueError if it is in colour, its frames differ in spacing or unit, or it claims more
    than it can hold, UserError if it is compressed in a way that nothing here decodes, and what
    pydicom does for other damage.
    """
    data = opened(pydicom, path)
    _check_bits(data, path)
    colours = data.get("PhotometricInterpretation") == "PALETTE COLOR"
    if colours or data.get("SamplesPerPixel", 1) != 1:
        raise ValueError("it is in colour")
    if {"MOSAIC", "VFRAME"} & {*_kinds(data)}:  # as Siemens and United Imaging call it
        raise UserError(
            f"{path} is a mosaic of many slices; convert it to NIfTI, such as by dcm2niix"
        )
    size = int(data.Rows), int(data.Columns)
    count = int(data.get("NumberOfFrames") or 1)
    if count > 1:
        _check_one_kind(data, path)
    check_claim((count, *size), os.path.getsize(path), _LARGE)
    levels = _decoded(pydicom, data, path).reshape(-1, *size)
    if len(levels) != count:
        raise ValueError(f"it holds {len(levels)} frames, and its NumberOfFrames says {count}")
    frames = [_frame(pydicom, data, index, stored) for index, stored in enumerate(levels)]
    if len({(frame.unit, frame.spacing) for frame in frames}) > 1:
        raise ValueError("its frames differ in spacing or unit")
    positions = [frame.position for frame in frames]
    known = [place for place in positions if place is not None]
    check_volume(path, data, len(frames), known)
    order = np.argsort(known, kind="stable") if len(known) == len(frames) else range(len(frames))
    first, number = frames[order[0]], data.get("InstanceNumber")
    along = normal(data, order[0])
    values = np.stack([frames[index].values for index in order])
    padding = np.stack([_padding(data, levels[index]) for index in order])
    if padding.any() and not padding.all():
        # Far below air, it would spoil an intensity window.
        values[padding] = values[~padding].min()
    return Volume(
        values if len(values) > 1 else values[0],
        (distance(known) if len(known) == len(frames) > 1 else first.between, *first.spacing),
        About(
            first.unit,
            _text(data.get("SeriesInstanceUID")),
            first.position,
            None if number is None else int(number),
            _text(data.get("SOPInstanceUID")),
            (*_notes(data, first.unit, levels), *tilt_notes(data, len(frames))),
            None if along is None else tuple(along.tolist()),
        ),
    )


def opened(pydicom: ModuleType, path: Path) -> Any:
    """pydicom's data set of a file that holds a picture; raises as `read_dicom`."""
    _check_start(pydicom, path)
    data = pydicom.dcmread(path)
    if "Rows" not in data or "Columns" not in data:
        raise ValueError("it holds no picture")
    return data


def _check_start(pydicom, path):
    """Before pydicom inflates a deflated file, to look at anything in it."""
    with open(path, "rb") as file:
        if not is_dicom(file.read(132)):
            raise ValueError("it does not begin as DICOM does")
        meta = pydicom.filereader.read_dataset(
            file, False, True, stop_when=lambda tag, vr, length: tag >> 16 != _META
        )
        if meta.get("TransferSyntaxUID") != pydicom.uid.DeflatedExplicitVRLittleEndian:
            return
        inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
        rest = file.read()
        while rest:
            inflated += len(inflater.decompress(rest, _CHUNK))
            check_claim((inflated,), os.path.getsize(path), _LARGE)
            rest = inflater.unconsumed_tail


def _check_one_kind(data, path):
    """Nuclear medicine keeps frames of several energies, detectors or times in one file."""
    several = [name for name in _OF_FRAMES if data.get(name, 1) not in (None, 0, 1)]
    if several:
        raise UserError(
            f"{path} holds frames of several kinds ({several[0]} is {data.get(several[0])}), which "
            "are no stack of slices; save those of one kind alone"
        )


def _check_bits(data, path):
    """Before levels that stand in other bits than the lowest are taken for others."""
    stored, highest = data.get("BitsStored"), data.get("HighBit")
    if stored and highest is not None and highest != stored - 1:
        raise UserError(
            f"{path} says that the highest of its {stored} bits is bit {highest}, not {stored - 1};"
            f" save it with HighBit {stored - 1}"
        )


def _decoded(pydicom, data, path):
    # It logs the traceback of what it raises.
    logging.getLogger("pydicom.pixels.decoders.base").setLevel(logging.CRITICAL)
    try:
        return data.pixel_array
    except RuntimeError as error:  # no decoder, or none that can
        syntax = data.file_meta.TransferSyntaxUID.name
        if pydicom.pixels.get_decoder(data.file_meta.TransferSyntaxUID).is_available:
            raise UserError(
                f"cannot read {path}: its {syntax} cannot be decoded, so it may be damaged; export "
                "it anew, or uncompressed"
            ) from error
        raise UserError(
            f"cannot read {path}: nothing that is installed decodes its {syntax}; save it "
            "uncompressed, or: pip install 'pylibjpeg[all]'"
        ) from error


def _frame(pydicom, data, index, levels):
    scale = group_of(data, index, "PixelValueTransformationSequence")
    measures = group_of(data, index, "PixelMeasuresSequence")
    unit = _unit(data, scale)
    is_turned, table = _is_monochrome1(data) and unit is None, scale.get("ModalityLUTSequence")
    if is_turned and not table:
        levels = _turned_round(levels, data)
    values = _rescaled(pydicom, levels, scale)
    if is_turned and table:  # which is asked for the levels that are stored
        values = 2 ** int(table[0].LUTDescriptor[2]) - 1 - values
    return _Frame(
        values,
        unit,
        pixel_spacing(data, measures),
        known_length(measures.get("SpacingBetweenSlices")),
        position(data, index),
    )


def _unit(data, scale):
    lut = scale.get("ModalityLUTSequence")
    unit = lut[0].get("ModalityLUTType") if lut else scale.get("RescaleType")
    is_scaled = scale.get("RescaleSlope") is not None
    if not unit and is_scaled:
        unit = "HU" if data.get("Modality") == "CT" else data.get("Units")
    return None if unit in (None, "", _UNSPECIFIED) else str(unit)


def _rescaled(pydicom, levels, scale):
    from pydicom.pixels.processing import apply_modality_lut

    if not scale.get("ModalityLUTSequence"):
        # pydicom applies neither of the two if one is missing.
        slope, intercept = scale.get("RescaleSlope"), scale.get("RescaleIntercept")
        if slope == 0:
            raise ValueError("its RescaleSlope is 0, which makes all of its values alike")
        scale = pydicom.Dataset()
        scale.RescaleSlope = 1 if slope is None else slope
        scale.RescaleIntercept = 0 if intercept is None else intercept
    return apply_modality_lut(levels, scale).astype(np.float32)


def _is_monochrome1(data):
    return data.get("PhotometricInterpretation") == "MONOCHROME1"


def _turned_round(levels, data):
    if levels.dtype.kind == "f":
        return -levels
    return (2 ** int(data.BitsStored) - 1 if levels.dtype.kind == "u" else -1) - levels


def _padding(data, levels):
    """Which of a frame's levels [h, w] stand for nothing."""
    kinds = ("", "Float", "DoubleFloat")
    values = [data.get(f"{kind}PixelPaddingValue") for kind in kinds]
    value = next((value for value in values if value is not None), None)
    limits = [data.get(f"{kind}PixelPaddingRangeLimit") for kind in kinds]
    limit = next((limit for limit in limits if limit is not None), None)
    if value is None:
        return np.zeros(levels.shape, bool)
    bounds = np.array([value, value if limit is None else limit])
    if levels.dtype.kind in "iu":  # files give the bits of signed ones without their sign
        bounds = bounds.astype(levels.dtype)
    return (bounds.min() <= levels) & (levels <= bounds.max())


def _kinds(data):
    """What a file calls its picture, such as ORIGINAL and PRIMARY; one word is no list of them."""
    found = data.get("ImageType") or ()
    return (found,) if isinstance(found, str) else tuple(found)


def _notes(data, unit, levels):
    notes = [_SCOUT] if "LOCALIZER" in _kinds(data) else []
    if is_rounded(levels):
        notes.append(ROUNDED)
    if not data.get("SeriesInstanceUID"):
        notes.append(_ALONE)
    if _is_monochrome1(data):
        notes.append(_INVERTED if unit is None else _KEPT.format(unit))
    mapping = "RealWorldValueMappingSequence"
    mapped = any(group.get(mapping) for group in (data, group_of(data, 0, mapping)))
    if unit is None and (mapped or data.get("DoseGridScaling")):
        notes.append(_UNMAPPED)
    if _has_more_bits(data):
        notes.append(_CUT.format(data.BitsStored))
    return tuple(notes)


def _has_more_bits(data):
    """Whether levels have other bits above those that are stored than their sign and overlays."""
    stored, whole = int(data.get("BitsStored") or 0), data.get("BitsAllocated")
    syntax = data.file_meta.TransferSyntaxUID
    if whole not in (16, 32) or not 0 < stored < whole or "PixelData" not in data:
        return False
    if syntax.is_encapsulated or any(data[x].value for x in _OVERLAY_BITS if x in data):
        return False
    kind = np.dtype(f"{'<' if syntax.is_little_endian else '>'}i{whole // 8}")
    levels = np.frombuffer(data.PixelData, kind, len(data.PixelData) // kind.itemsize)
    above, sign = levels >> stored, levels >> (stored - 1) & 1
    return bool(np.any((above != 0) & ((above != -sign) | (data.PixelRepresentation == 0))))


def _text(value):
    return str(value) if value else None
