"""The flags of the landmark experiment."""

from absl import flags

from experiments import ray_flags
from experiments.experiment import OwnFlags

PHOTO_FOLDER = flags.DEFINE_string("photo_folder", None, "of a scene; sets --signal=phototourism")
SCENE_SCALE = flags.DEFINE_float("scene_scale", 0.05, "field's lengths per length of the scene")
NEAR_FACTOR = flags.DEFINE_float("near_factor", 0.9, "of the photos' near depths", 0)
FAR_FACTOR = flags.DEFINE_float("far_factor", 1.2, "of the photos' far depths", 0)

OWN = OwnFlags(init=(*ray_flags.INIT, SCENE_SCALE, NEAR_FACTOR, FAR_FACTOR), task=(PHOTO_FOLDER,))
