"""The inits that a stream is kept from: learned, of parts and of whole signals, and random."""

from pathlib import Path
from typing import NamedTuple

from experiments import spine
from experiments.config import Config, make_field
from experiments.experiment import Experiment
from experiments.run.reading import changed
from experiments.streams.kind import Arranged, Files, Kind
from experiments.streams.kinds import kind_of
from experiments.streams.stream_options import StreamOptions
from metainr.errors import UserError
from metainr.runs.inits import standard_params, start_params
from metainr.runs.options import Machine
from metainr.runs.problem import Problem
from metainr.streams import Layout, num_params, width_for
from metainr.types import Field, Key, Params, SignalClass

LEARNED, RANDOM = "learned", "random"
FOLDERS = _OF_PARTS, _OF_WHOLES = "inits/parts", "inits/wholes"
"""Of a workdir, where inits are learned."""


class Setup(NamedTuple):
    """What a stream is about.

    kind, arranged: what arrives, and in which parts.
    module, whole: the field of a part, and the one for all of them, of as many weights together.
    """

    kind: Kind
    arranged: Arranged
    module: Field
    whole: Field

    @property
    def signals(self) -> SignalClass:
        """The class, as streams take its signals."""
        return self.arranged.signals

    @property
    def num_parts(self) -> int:
        """Of a stream."""
        return self.arranged.division.num_parts


def make_setup(config: Config[StreamOptions]) -> Setup:
    """What the flags describe. Raises UserError for parts that do not cover the signals."""
    kind = kind_of(config.run.signal)
    arranged = kind.arrange(kind.make(config), config.own.parts or kind.parts, config)

    def field(**changes: float) -> Field:
        choice = config.field._replace(options=config.field.options._replace(**changes))
        return make_field(choice, in_dim=arranged.in_dim, out_dim=arranged.out_dim)

    own, module = config.own, field()
    frequencies = {"omega": own.whole_omega, "first_omega": own.whole_first_omega}
    given = {name: value for name, value in frequencies.items() if value is not None}
    wanted = arranged.division.num_parts * num_params(module)
    width = width_for(lambda width: field(width=width), wanted)
    return Setup(kind, arranged, module, field(width=width, **given))


def grid_of(setup: Setup) -> tuple[Layout, Files]:
    """The boxes of a grid that parts are, and files of such. Raises UserError if there are none."""
    layout, files = setup.arranged.layout, setup.kind.files
    if layout is None or files is None:
        raise UserError(
            "--follow has no part in streams of photographs, whose cameras are found together; "
            "give --input=FOLDER"
        )
    return layout, files


def field_of(setup: Setup, method: str) -> Field:
    """The field that a method fits."""
    return setup.module if method == "modules" else setup.whole


def problem_of(setup: Setup, method: str) -> Problem:
    """What the init of a method is learned for: parts, or whole signals."""
    return setup.arranged.problem(field_of(setup, method), method == "modules")


def init_of(
    name: str,
    method: str,
    setup: Setup,
    experiment: Experiment,
    config: Config[StreamOptions],
    workdir: Path,
    machine: Machine,
    root: Key,
) -> Params:
    """The weights that a method starts from.

    A learned init is trained now, or goes on, or is there already: that of the one field in
    --train_steps outer steps on whole signals, that of modules in as many for each part, so that
    both see as many points.
    """
    if name == RANDOM:
        return standard_params(field_of(setup, method), root)
    own, folder = config, workdir / _OF_WHOLES
    if method == "modules":
        count, folder = setup.num_parts, workdir / _OF_PARTS
        times = {"train_steps": config.outer.train_steps, "eval_every": config.outer.eval_every}
        own = changed(experiment, config, **{k: count * value for k, value in times.items()})
    problem = problem_of(setup, method)
    return start_params(problem.field, spine.learned_init(problem, own, folder, machine))
