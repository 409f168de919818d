"""The flags of wave problems."""

from absl import flags

from experiments.experiment import OwnFlags

EQUATION = flags.DEFINE_enum("equation", "helmholtz", ["helmholtz", "wave"], "to solve")
WAVENUMBER = flags.DEFINE_float("wavenumber", 10.0, "of Helmholtz, radians per unit; SIREN's: 20")
SOURCE_WIDTH = flags.DEFINE_float("source_width", None, "std of sources; default: 0.05, waves 0.1")
SOURCE = flags.DEFINE_list("source", None, "X,Y: solve for this one source; sets --signal=single")
OUTER_LOSS = flags.DEFINE_enum(
    "outer_loss", "solution", ["equation", "solution"],
    "what meta-training scores a fit by: solutions by other means, or the equation alone",
)  # fmt: skip
WINDOW_STEPS = flags.DEFINE_integer(
    "window_steps", 0, "test-time steps until a wave's window of time is whole; 0: at once", 0
)

OWN = OwnFlags(
    init=(EQUATION, WAVENUMBER, SOURCE_WIDTH), task=(OUTER_LOSS, SOURCE), evaluation=(WINDOW_STEPS,)
)
