"""The flags of images recovered from their derivatives."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER, PATH
from experiments.experiment import OwnFlags
from experiments.images import image_flags
from experiments.run.define import define
from metainr.checks import RATE, Choice, Each, Range, Text

SUPERVISIONS = ("value", "gradient", "laplacian", "composite", "inpainting")
_KINDS = Each(Text("kinds of supervision"), "gradient,laplacian")
_IMAGES = Each(PATH, "A.png,B.png", range(3))


class PoissonOptions(NamedTuple):
    """What steps see of pictures, and which these are.

    supervision: kinds of it, of `experiments.pde.supervision.REGISTRY`.
    seen_fraction: of pixels, in (0, 1]; prior, prior_weight: of derivatives. All of inpainting.
    image: files to fit, of composites two.
    image_folder, data_dir: see `image_flags.ImageFiles`.
    """

    supervision: Annotated[tuple[str, ...], _KINDS] = ("gradient",)
    seen_fraction: Annotated[float, Range(1e-6, 1, real=True)] = 0.1
    prior: Annotated[str, Choice(("tv", "hessian", "none"))] = "tv"
    prior_weight: Annotated[float, RATE] = 1.0
    image: Annotated[tuple[str, ...], _IMAGES] = ()
    image_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    data_dir: Annotated[str | None, FILE_OR_FOLDER] = None


SUPERVISION = define(
    PoissonOptions, "supervision", "of: value, gradient, laplacian, composite, inpainting"
)
SEEN_FRACTION = define(PoissonOptions, "seen_fraction", "of pixels, of inpainting")
PRIOR = define(PoissonOptions, "prior", "of inpainting")
PRIOR_WEIGHT = define(PoissonOptions, "prior_weight", "of the prior, against squared errors")

IMAGE = define(PoissonOptions, "image", "picture file to fit, of composites two: A.png,B.png")

OWN = OwnFlags(
    init=(SUPERVISION, SEEN_FRACTION, PRIOR, PRIOR_WEIGHT),
    task=(*image_flags.OWN.task, IMAGE),
    place=image_flags.OWN.place,
)
