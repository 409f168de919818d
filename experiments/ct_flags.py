"""The flags of CT reconstruction."""

from absl import flags

from experiments.experiment import OwnFlags

SLICES = flags.DEFINE_string("slices", None, "folder of slices to learn from; sets --signal")
SLICE_AXIS = flags.DEFINE_integer(
    "slice_axis", None, "of stacks, to cut along; default: the first, of NIfTI volumes the last"
)
WINDOW = flags.DEFINE_list(
    "window", [], "LOW,HIGH: intensities that become 0 and 1; default: percentiles 1 and 99"
)

INTERPOLATION = flags.DEFINE_enum(
    "interpolation", "bilinear", ["bilinear", "nearest"], "of the projector; nearest: the paper's"
)
TRAIN_VIEWS = flags.DEFINE_integer("train_views", 20, "random views in each inner step", 1)
VIEWS = flags.DEFINE_list("views", ["1", "2", "4", "8"], "numbers of views to reconstruct from")
VIEW_STEPS = flags.DEFINE_list(
    "view_steps", ["50", "100", "1000", "1000"], "test-time steps for each number of views"
)

SINOGRAM = flags.DEFINE_string(
    "sinogram", None, "file of measured projections [views, detectors] to reconstruct with --init"
)
ANGLES = flags.DEFINE_string(
    "angles", None, "of its views, radians: 0,0.5,1 or START:STOP:COUNT, or a file; +deg: degrees"
)
SPACING = flags.DEFINE_float("spacing", 1.0, "of its detectors, in the integrals' unit of length")
SIDE = flags.DEFINE_float("side", None, "of the square to reconstruct; default: all detectors")
OFFSET = flags.DEFINE_float("offset", 0.0, "of the centre of rotation, in detectors")
BLANK = flags.DEFINE_float("blank", None, "counts without the object; default: line integrals")
WHITE = flags.DEFINE_float("white", 1.0, "attenuation per length that becomes the value 1")
GEOMETRY = flags.DEFINE_string("geometry", "parallel", "of the scanner; only parallel is known")

OWN = OwnFlags(
    init=(INTERPOLATION, TRAIN_VIEWS),
    task=(SLICES, SLICE_AXIS, WINDOW),
    evaluation=(VIEWS, VIEW_STEPS),
)
