"""The flags of CT reconstruction."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Choice, Each, Maybe, Range, Text

_COUNTS = Each(Range(1, 10**6), "2,4")
_LENGTH = Range(1e-6, 1e9, real=True)


class CtOptions(NamedTuple):
    """How slices are seen as projections.

    slices: folder of a user's own; None: none.
    slice_axis: of stacks, along which they are cut; None: as suits the file.
    window: the intensities (low, high) that become 0 and 1; (): percentiles 1 and 99.
    interpolation: of the projector.
    train_views: random views in each inner step.
    views, view_steps: numbers of views to reconstruct from, and of the steps for each.
    """

    slices: Annotated[str | None, FILE_OR_FOLDER] = None
    slice_axis: Annotated[int | None, Maybe(Range(-4, 3))] = None
    window: Annotated[tuple[float, ...], Each(Range(-1e12, 1e12, real=True), "0,1", (0, 2))] = ()
    interpolation: Annotated[str, Choice(("bilinear", "nearest"))] = "bilinear"
    train_views: Annotated[int, Range(1, 10_000)] = 20
    views: Annotated[tuple[int, ...], Each(Range(1, 10_000), "2,4")] = (1, 2, 4, 8)
    view_steps: Annotated[tuple[int, ...], _COUNTS] = (50, 100, 1000, 1000)


class SinogramFlags(NamedTuple):
    """Measured projections, as `experiments.ct.sinogram_io.SinogramOptions` says; None: none."""

    sinogram: Annotated[str | None, FILE_OR_FOLDER] = None
    angles: Annotated[str | None, Maybe(Text("angles, such as 0:180:8deg"))] = None
    spacing: Annotated[float, _LENGTH] = 1.0
    side: Annotated[float | None, Maybe(_LENGTH)] = None
    offset: Annotated[float, Range(-1e6, 1e6, real=True)] = 0.0
    blank: Annotated[float | None, Maybe(Range(1e-6, 1e18, real=True))] = None
    white: Annotated[float, Range(1e-12, 1e12, real=True)] = 1.0
    geometry: Annotated[str, Text("parallel")] = "parallel"


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

SINOGRAM = define(
    SinogramFlags,
    "sinogram",
    "file of measured projections [views, detectors] to reconstruct with --init",
)
ANGLES = define(
    SinogramFlags,
    "angles",
    "of its views, radians: 0,0.5,1 or START:STOP:COUNT or FILE; +deg, or FILE:deg: degrees",
)
SPACING = define(SinogramFlags, "spacing", "of its detectors, in the integrals' unit of length")
SIDE = define(SinogramFlags, "side", "of the square to reconstruct; default: all detectors")
OFFSET = define(SinogramFlags, "offset", "of the centre of rotation, in detectors")
BLANK = define(SinogramFlags, "blank", "counts without the object; default: line integrals")
WHITE = define(SinogramFlags, "white", "attenuation per length that becomes the value 1")
GEOMETRY = define(SinogramFlags, "geometry", "of the scanner; only parallel is known")

OWN = OwnFlags(
    init=(INTERPOLATION, TRAIN_VIEWS),
    task=(SLICES, SLICE_AXIS, WINDOW),
    evaluation=(VIEWS, VIEW_STEPS),
)
