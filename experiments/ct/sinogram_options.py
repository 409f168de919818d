"""What is said of measured projections, and what is wanted of them."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from metainr.checks import Choice, Maybe, Range, Text

LENGTH = Range(1e-6, 1e9, real=True)
GEOMETRIES = ("parallel", "fan")
SHAPES = ("flat", "curved")
FORMATS = ("npy", "nifti", "dicom")


class SinogramOptions(NamedTuple):
    """Where measured projections lie, how they were taken, and what is written of them.

    sinogram: NPY, NPZ, CSV, TIFF or PNG file of [views, detectors], or [slices, views, detectors];
        an NPZ holds `sinogram`, or only one array, and maybe `angles`; pages of a TIFF are slices.
    angles: of the views, in radians: "0,0.5,1", "START:STOP:COUNT" without STOP itself, or a file
        (NPY, text of numbers, or an NPZ with `angles`); with "deg" at the end ("FILE:deg"), in
        degrees, with "rad", in radians beyond a turn. None: those of the NPZ, in radians.
    spacing: of the detectors along their row, in the unit of length of the line integrals (1:
        integrals are sums over as many detectors).
    side: of the square that is reconstructed, in the same unit; None: as wide as all detectors see.
    offset: of the centre of rotation from the middle of the detectors, in detectors; of a fan: of
        the ray through it.
    blank: what a detector counts without the object, if the values are counts; None: the values
        are line integrals.
    white: the attenuation per length that becomes the value 1.
    geometry: "parallel" rays, or a "fan" from a point source.
    source_distance, detector_distance: of a fan, from the centre of rotation, in the same unit; a
        detector distance of 0: spacing is that at the centre.
    detector_shape: of a fan's row, "flat", or "curved" about the source.
    water: attenuation of water per length, with which slices are written in Hounsfield units; None:
        they are attenuation per length.
    output_format: "nifti" or "dicom" besides NPY; None: that of `like`.
    like: DICOM or NIfTI file of the same body, whose orientation and middle those have; None: the
        centre of rotation is their origin.
    slice_distance: from slice to slice of a stack, in the same unit; None: that of `like`, else the
        width of a pixel.
    """

    sinogram: Annotated[str | None, FILE_OR_FOLDER]
    angles: Annotated[str | None, Maybe(Text("angles, such as 0:180:8deg"))] = None
    spacing: Annotated[float, LENGTH] = 1.0
    side: Annotated[float | None, Maybe(LENGTH)] = None
    offset: Annotated[float, Range(-1e6, 1e6, real=True)] = 0.0
    blank: Annotated[float | None, Maybe(Range(1e-6, 1e18, real=True))] = None
    white: Annotated[float, Range(1e-12, 1e12, real=True)] = 1.0
    geometry: Annotated[str, Choice(GEOMETRIES)] = "parallel"
    source_distance: Annotated[float | None, Maybe(LENGTH)] = None
    detector_distance: Annotated[float | None, Maybe(Range(0, 1e9, real=True))] = None
    detector_shape: Annotated[str, Choice(SHAPES)] = "flat"
    water: Annotated[float | None, Maybe(Range(1e-12, 1e12, real=True))] = None
    output_format: Annotated[str | None, Maybe(Choice(FORMATS))] = None
    like: Annotated[str | None, FILE_OR_FOLDER] = None
    slice_distance: Annotated[float | None, Maybe(LENGTH)] = None
