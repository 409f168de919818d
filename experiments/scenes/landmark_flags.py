"""The flags of the landmark experiment."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from experiments.scenes import ray_flags
from metainr.checks import Range

FACTOR = Range(1e-6, 1e6, real=True)


class PlaceOptions(NamedTuple):
    """A landmark's photos and their depths.

    photo_folder: of a scene of a user's own.
    scene_scale: the field's lengths per length of the scene.
    near_factor, far_factor: of the photos' near and far depths.
    ray_samples, density: see `ray_flags.RayOptions`.
    """

    photo_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    scene_scale: Annotated[float, FACTOR] = 0.05
    near_factor: Annotated[float, FACTOR] = 0.9
    far_factor: Annotated[float, FACTOR] = 1.2
    ray_samples: Annotated[int, ray_flags.RAY_POINTS] = 128
    density: Annotated[str, ray_flags.ACTIVATIONS] = "softplus"


PHOTO_FOLDER = define(PlaceOptions, "photo_folder", "of a scene; sets --signal=phototourism")
SCENE_SCALE = define(PlaceOptions, "scene_scale", "field's lengths per length of the scene")
NEAR_FACTOR = define(PlaceOptions, "near_factor", "of the photos' near depths")
FAR_FACTOR = define(PlaceOptions, "far_factor", "of the photos' far depths")

OWN = OwnFlags(init=(*ray_flags.INIT, SCENE_SCALE, NEAR_FACTOR, FAR_FACTOR), task=(PHOTO_FOLDER,))
