"""The flags of wave problems."""

from typing import Annotated, NamedTuple

from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Choice, Each, Maybe, Range

_PLACE = Each(Range(-1e6, 1e6, real=True), "0.1,-0.2", (2,))


class WaveOptions(NamedTuple):
    """Which equation is solved, and about which sources.

    equation: "helmholtz" or "wave".
    wavenumber: of Helmholtz, in radians per unit.
    source_width: standard deviation of sources.
    source: (x, y) of the only one; None: in the middle.
    outer_loss: what meta-training scores a fit by, "solution" or "equation".
    window_steps: test-time steps until a wave's window of time is whole; 0: at once.
    """

    equation: Annotated[str, Choice(("helmholtz", "wave"))] = "helmholtz"
    wavenumber: Annotated[float, Range(1e-3, 1e4, real=True)] = 10.0
    source_width: Annotated[float, Range(1e-4, 10, real=True)] = 0.05
    source: Annotated[tuple[float, ...] | None, Maybe(_PLACE)] = None
    outer_loss: Annotated[str, Choice(("equation", "solution"))] = "solution"
    window_steps: Annotated[int, Range(0, 10**6)] = 0


EQUATION = define(WaveOptions, "equation", "to solve")
WAVENUMBER = define(WaveOptions, "wavenumber", "of Helmholtz, radians per unit; SIREN's: 20")
SOURCE_WIDTH = define(
    WaveOptions, "source_width", "std of sources; default: 0.05, waves 0.1", default=None
)
SOURCE = define(WaveOptions, "source", "X,Y: solve for this one source; sets --signal=single")
OUTER_LOSS = define(
    WaveOptions,
    "outer_loss",
    "what meta-training scores a fit by: solutions by other means, or the equation alone",
)
WINDOW_STEPS = define(
    WaveOptions,
    "window_steps",
    "test-time steps until a wave's window of time is whole; 0: at once",
)

OWN = OwnFlags(
    init=(EQUATION, WAVENUMBER, SOURCE_WIDTH), task=(OUTER_LOSS, SOURCE), evaluation=(WINDOW_STEPS,)
)
