"""The flags of view synthesis."""

from absl import flags

from experiments import ray_flags
from experiments.experiment import OwnFlags

OBJECT_FOLDER = flags.DEFINE_string("object_folder", None, "objects to learn from, of --signal")
NEAR = flags.DEFINE_float("near", 2.0, "depth at which rays begin", 0)
FAR = flags.DEFINE_float("far", 6.0, "depth at which rays end", 0)
VIEWS_PER_OBJECT = flags.DEFINE_integer("views_per_object", 25, "that meta-training sees", 1)
FIT_VIEWS = flags.DEFINE_list("fit_views", ["1", "25"], "numbers of views that test-time fits see")
HELD_OUT_VIEWS = flags.DEFINE_integer("held_out_views", 25, "to measure fits of test objects in", 1)

OWN = OwnFlags(
    init=(*ray_flags.INIT, NEAR, FAR),
    task=(OBJECT_FOLDER, VIEWS_PER_OBJECT),
    evaluation=(FIT_VIEWS, HELD_OUT_VIEWS),
)
