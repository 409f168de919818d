"""The flags of view synthesis."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from experiments.scenes import ray_flags
from metainr.checks import Each, Range

TO_OPTIMISE = 25  # an object's first views; those after them are held out
REACH = 1.25  # objects lie in [−1.25, 1.25]³
DEPTH = Range(0, 1e6, real=True)


class ViewOptions(NamedTuple):
    """Objects and the views of them.

    object_folder: objects of a user's own.
    near, far: depths between which all objects lie.
    views_per_object: that meta-training sees.
    fit_views: numbers of views that test-time fits see.
    held_out_views: to measure fits of test objects in.
    ray_samples, density: see `ray_flags.RayOptions`.
    """

    object_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    near: Annotated[float, DEPTH] = 2.0
    far: Annotated[float, DEPTH] = 6.0
    views_per_object: Annotated[int, Range(1, 1000)] = 25
    fit_views: Annotated[tuple[int, ...], Each(Range(1, 1000), "1,25")] = (1, 25)
    held_out_views: Annotated[int, Range(1, 1000)] = 25
    ray_samples: Annotated[int, ray_flags.RAY_POINTS] = 128
    density: Annotated[str, ray_flags.ACTIVATIONS] = "softplus"


OBJECT_FOLDER = define(ViewOptions, "object_folder", "objects to learn from, of --signal")
NEAR = define(ViewOptions, "near", "depth at which rays begin")
FAR = define(ViewOptions, "far", "depth at which rays end")
VIEWS_PER_OBJECT = define(ViewOptions, "views_per_object", "that meta-training sees")
FIT_VIEWS = define(ViewOptions, "fit_views", "numbers of views that test-time fits see")
HELD_OUT_VIEWS = define(ViewOptions, "held_out_views", "to measure fits of test objects in")

OWN = OwnFlags(
    init=(*ray_flags.INIT, NEAR, FAR),
    task=(OBJECT_FOLDER, VIEWS_PER_OBJECT),
    evaluation=(FIT_VIEWS, HELD_OUT_VIEWS),
)
