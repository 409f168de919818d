"""The flags of the network that a benchmark's contenders share."""

from absl import flags

from benchmarks.setting import Setting

_D = Setting()

WIDTH = flags.DEFINE_integer("width", _D.width, "hidden units per layer", 1)
DEPTH = flags.DEFINE_integer("depth", _D.depth, "linear layers, the last one included", 2)
OMEGA = flags.DEFINE_float("omega", _D.omega, "frequency of the SIREN, radians per unit", 1e-6)


def network_setting() -> Setting:
    """The default setting with the network that the flags describe."""
    return Setting(width=WIDTH.value, depth=DEPTH.value, omega=OMEGA.value)
