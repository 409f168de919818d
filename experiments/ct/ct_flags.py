"""The flags of CT reconstruction."""

from typing import Annotated, NamedTuple

from absl import flags

from experiments.config import FILE_OR_FOLDER
from experiments.ct.sinogram_options import GEOMETRIES, LENGTH, SHAPES, SinogramOptions
from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Choice, Each, Maybe, Range

_COUNTS = Each(Range(1, 10**6), "2,4")


class CtOptions(NamedTuple):
    """How slices are seen as projections.

    slices: folder of a user's own; None: none.
    slice_axis: of stacks, along which they are cut; None: as suits the file.
    window: the intensities (low, high) that become 0 and 1; (): percentiles 1 and 99.
    interpolation: of the projector.
    geometry, source_distance, detector_shape: of the scanner, as `SinogramOptions` has them; of
        simulated scans distances are in sides of the slice.
    train_views: random views in each inner step.
    views, view_steps: numbers of views to reconstruct from, and of the steps for each.
    """

    slices: Annotated[str | None, FILE_OR_FOLDER] = None
    slice_axis: Annotated[int | None, Maybe(Range(-4, 3))] = None
    window: Annotated[tuple[float, ...], Each(Range(-1e12, 1e12, real=True), "0,1", (0, 2))] = ()
    interpolation: Annotated[str, Choice(("bilinear", "nearest"))] = "bilinear"
    geometry: Annotated[str, Choice(GEOMETRIES)] = "parallel"
    source_distance: Annotated[float | None, Maybe(LENGTH)] = None
    detector_shape: Annotated[str, Choice(SHAPES)] = "flat"
    train_views: Annotated[int, Range(1, 10_000)] = 20
    views: Annotated[tuple[int, ...], Each(Range(1, 10_000), "2,4")] = (1, 2, 4, 8)
    view_steps: Annotated[tuple[int, ...], _COUNTS] = (50, 100, 1000, 1000)


SLICES = define(CtOptions, "slices", "folder of slices to learn from; sets --signal")
SLICE_AXIS = define(
    CtOptions,
    "slice_axis",
    "of stacks, to cut along; default: the first, of NIfTI volumes the last",
)
WINDOW = define(
    CtOptions,
    "window",
    "LOW,HIGH: intensities that become 0 and 1; default: percentiles 1 and 99",
)

INTERPOLATION = define(CtOptions, "interpolation", "of the projector; nearest: the paper's")
TRAIN_VIEWS = define(CtOptions, "train_views", "random views in each inner step")
VIEWS = define(CtOptions, "views", "numbers of views to reconstruct from")
VIEW_STEPS = define(CtOptions, "view_steps", "test-time steps for each number of views")

GEOMETRY = define(CtOptions, "geometry", "of the rays, simulated or measured")
SOURCE_DISTANCE = define(
    CtOptions,
    "source_distance",
    "of a fan, to the centre of rotation: in slices' sides, with --sinogram in units of --spacing",
)
DETECTOR_SHAPE = define(CtOptions, "detector_shape", "of a fan's row; curved: about the source")

SINOGRAM = define(
    SinogramOptions,
    "sinogram",
    "file of measured projections [views, detectors], or [slices, views, detectors], to "
    "reconstruct with --init",
)
ANGLES = define(
    SinogramOptions,
    "angles",
    "of its views, radians: 0,0.5,1 or START:STOP:COUNT or FILE; +deg, or FILE:deg: degrees",
)
SPACING = define(SinogramOptions, "spacing", "of its detectors, in the integrals' unit of length")
SIDE = define(SinogramOptions, "side", "of the square to reconstruct; default: what is seen")
OFFSET = define(SinogramOptions, "offset", "of the centre of rotation, in detectors")
BLANK = define(SinogramOptions, "blank", "counts without the object; default: line integrals")
WHITE = define(SinogramOptions, "white", "attenuation per length that becomes the value 1")
DETECTOR_DISTANCE = define(
    SinogramOptions,
    "detector_distance",
    "of a fan, from the centre of rotation; 0: --spacing is that at the centre",
)
WATER = define(
    SinogramOptions,
    "water",
    "its attenuation per length, to write Hounsfield units; default: attenuation per length",
)
OUTPUT_FORMAT = define(SinogramOptions, "output_format", "to write besides NPY; default: as --like")
LIKE = define(
    SinogramOptions, "like", "DICOM or NIfTI file whose orientation and middle the output has"
)
SLICE_DISTANCE = define(
    SinogramOptions,
    "slice_distance",
    "of a stack; default: that of --like, else the width of a pixel",
)

OWN = OwnFlags(
    init=(INTERPOLATION, TRAIN_VIEWS),
    task=(SLICES, SLICE_AXIS, WINDOW, GEOMETRY, SOURCE_DISTANCE, DETECTOR_SHAPE),
    evaluation=(VIEWS, VIEW_STEPS),
)


def sinogram_options() -> SinogramOptions:
    """What the command line says of measured projections."""
    return SinogramOptions(**{name: flags.FLAGS[name].value for name in SinogramOptions._fields})
