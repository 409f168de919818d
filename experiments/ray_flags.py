"""The flags of experiments that render a field along rays."""

from absl import flags

RAY_SAMPLES = flags.DEFINE_integer("ray_samples", 128, "points on each ray", 2)
DENSITY = flags.DEFINE_enum(
    "density", "softplus", ["softplus", "relu"], "of raw values; relu: the paper's, which may die"
)

INIT = (RAY_SAMPLES, DENSITY)
