"""The flags of images recovered from their derivatives."""

from absl import flags

from experiments import image_flags
from experiments.experiment import OwnFlags

SUPERVISION = flags.DEFINE_list(
    "supervision", ["gradient"], "of: value, gradient, laplacian, composite, inpainting"
)
SEEN_FRACTION = flags.DEFINE_float("seen_fraction", 0.1, "of pixels, of inpainting", 0, 1)
PRIOR = flags.DEFINE_enum("prior", "tv", ["tv", "hessian", "none"], "of inpainting")
PRIOR_WEIGHT = flags.DEFINE_float("prior_weight", 1.0, "of the prior, against squared errors", 0)

IMAGE = flags.DEFINE_list("image", [], "picture file to fit, of composites two: A.png,B.png")

OWN = OwnFlags(
    init=(SUPERVISION, SEEN_FRACTION, PRIOR, PRIOR_WEIGHT),
    task=(*image_flags.OWN.task, IMAGE),
    place=image_flags.OWN.place,
)
