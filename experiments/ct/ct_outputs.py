"""What a reconstruction leaves behind: slices in the scan's units, and pictures."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.ct.sinogram_io import Measured
from experiments.ct.sinogram_options import SinogramOptions
from experiments.fitting.pictures_io import encode_png, quantised
from metainr.files import expanded, write_bytes
from metainr.media.slices.medical_files import LIBRARIES, dicom_files, nifti_file
from metainr.media.slices.places import Place, affine_of, read_place
from metainr.media.slices.stacks import kind_of, library
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.samples import to_levels

_SHOWN = 6  # slices of a stack


class Target(NamedTuple):
    """How slices are written.

    water: its attenuation per length, which makes Hounsfield units; None: attenuation per length.
    output_format: "npy" alone, or "nifti" or "dicom" beside it.
    place: in the body.
    distance: from slice to slice; None: the width of a pixel.
    """

    water: float | None
    output_format: str
    place: Place
    distance: float | None

    @property
    def unit(self) -> str:
        """Of the values that are written."""
        return "attenuation per unit of length" if self.water is None else "HU"


def make_target(options: SinogramOptions) -> Target:
    """How slices are to be written.

    Raises UserError if a library is missing or the place cannot be read.
    """
    place, form = Place(), options.output_format or "npy"
    if options.like is not None:
        path = expanded(options.like)
        place, form = read_place(path), options.output_format or kind_of(path)
    if form in LIBRARIES:
        library(LIBRARIES[form], f"--output_format={form}")
    distance = place.distance if options.slice_distance is None else options.slice_distance
    return Target(options.water, form, place, distance)


def told(measured: Measured, target: Target) -> str:
    """In which units the files are."""
    black, white = _in_units(np.array([0.0, 1.0]), measured, target)
    unit = "" if target.output_format == "npy" else " mm, as --spacing and --side are taken to be"
    return (
        f"values are {target.unit}: in the pictures black is {black:g} and white {white:g}; the "
        f"square's side is {measured.side:g}{unit}"
    )


def write_stacks(
    directory: Path, stacks: Mapping[str, np.ndarray], measured: Measured, target: Target
) -> list[str]:
    """Writes the learned init's slices and a comparison; returns the names of the files.

    stacks: by method, slices [k, n, n] in [0, 1]. Raises OSError.
    """
    slices = stacks["meta"]
    size = slices.shape[-1]
    values = _in_units(slices, measured, target)
    pixel = measured.side / size
    affine = affine_of(target.place, size, pixel, target.distance or pixel)
    unit = None if target.water is None else target.unit
    files = {"reconstruction.npy": _npy(values if len(values) > 1 else values[0])}
    if target.output_format == "nifti":
        files["reconstruction.nii.gz"] = nifti_file(values, affine)
    middle = slices[len(slices) // 2, ..., None]
    files["reconstruction.png"] = encode_png(quantised(middle, 16, True))
    names = [*files, "comparison.png"]
    if target.output_format == "dicom":
        found = dicom_files(values, affine, unit, target.place.body)
        files |= {f"reconstruction_{i:04d}.dcm": data for i, data in enumerate(found, 1)}
        last = list(files)[-1]
        names.append(last if len(found) == 1 else f"reconstruction_0001.dcm to {last}")
    for name, data in files.items():
        write_bytes(directory / name, data)
    save_figure(_comparison(stacks, measured), directory / "comparison.png")
    return names


def _in_units(values, measured, target):
    attenuation = measured.white * values
    return attenuation if target.water is None else 1000 * (attenuation / target.water - 1)


def _npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32))
    return buffer.getvalue()


def _comparison(stacks, measured):
    """Projections and slices by every method: a row for each of some slices."""
    num, size = stacks["meta"].shape[:2]
    views, detectors = measured.sinograms[0].values.shape
    rows, columns = (np.arange(size) * count // size for count in (views, detectors))
    numbers = np.unique(np.linspace(0, num - 1, min(num, _SHOWN)).round().astype(int))
    grid = []
    for number in numbers:
        values = np.asarray(measured.sinograms[number].values)
        seen = (values / max(values.max(), 1e-6))[rows][:, columns]
        pictures = [seen, *(stack[number] for stack in stacks.values())]
        label = f"{views} views" if num == 1 else f"slice {number}, {views} views"
        grid.append((label, [to_levels(picture) for picture in pictures]))
    return pictures_figure(["projections", *stacks], grid)
