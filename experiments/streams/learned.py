"""The inits that a stream is kept from: learned, of parts and of whole signals, and random."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import spine
from experiments.config import Config, make_field
from experiments.experiment import Experiment
from experiments.run.reading import changed
from experiments.streams.kinds import Kind, kind_of
from experiments.streams.stream_options import StreamOptions
from metainr.runs.inits import standard_params, start_params
from metainr.runs.options import Machine
from metainr.runs.problem import Problem
from metainr.runs.regression import of_grid
from metainr.streams import Layout, make_layout, num_params, parts_of, width_for
from metainr.types import Field, Key, Params, SignalClass

LEARNED, RANDOM = "learned", "random"
FOLDERS = _OF_PARTS, _OF_WHOLES = "inits/parts", "inits/wholes"
"""Of a workdir, where inits are learned."""


class Setup(NamedTuple):
    """What a stream is about.

    kind, signals: what arrives.
    layout: in which parts.
    module, whole: the field of a part, and the one for all of them, of as many weights together.
    """

    kind: Kind
    signals: SignalClass
    layout: Layout
    module: Field
    whole: Field


def make_setup(config: Config[StreamOptions]) -> Setup:
    """What the flags describe. Raises UserError for parts that do not cover the signals."""
    kind = kind_of(config.run.signal)
    signals = kind.make(config)
    *shape, channels = signals.get("test" if signals.sizes["test"] else "train", 0).shape
    layout = make_layout(shape, config.own.parts or kind.parts, config.own.overlap)

    def field(**changes: float) -> Field:
        choice = config.field._replace(options=config.field.options._replace(**changes))
        return make_field(choice, in_dim=len(shape), out_dim=channels)

    own, module = config.own, field()
    frequencies = {"omega": own.whole_omega, "first_omega": own.whole_first_omega}
    given = {name: value for name, value in frequencies.items() if value is not None}
    wanted = layout.num_parts * num_params(module)
    width = width_for(lambda width: field(width=width), wanted)
    return Setup(kind, signals, layout, module, field(width=width, **given))


def field_of(setup: Setup, method: str) -> Field:
    """The field that a method fits."""
    return setup.module if method == "modules" else setup.whole


def module_problem(setup: Setup, config: Config[StreamOptions]) -> Problem:
    """Image regression of parts, whatever their axes are: what a module's init is learned for."""
    signals = parts_of(setup.signals, setup.layout)
    return _problem(setup.module, signals, setup.layout.part_shape, config)


def whole_problem(setup: Setup, config: Config[StreamOptions]) -> Problem:
    """The same of whole signals, for the one field."""
    return _problem(setup.whole, setup.signals, setup.layout.shape, config)


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
    if method == "modules":
        count = setup.layout.num_parts
        times = {"train_steps": config.outer.train_steps, "eval_every": config.outer.eval_every}
        own = changed(experiment, config, **{k: count * value for k, value in times.items()})
        problem, folder = module_problem(setup, config), workdir / _OF_PARTS
    else:
        own, problem, folder = config, whole_problem(setup, config), workdir / _OF_WHOLES
    return start_params(problem.field, spine.learned_init(problem, own, folder, machine))


def _problem(
    field: Field, signals: SignalClass, shape: tuple[int, ...], config: Config[StreamOptions]
) -> Problem:
    steps = config.learner.inner_steps
    points = min(config.run.inner_points, int(np.prod(shape)))
    return of_grid(field, signals, shape, (0, steps), steps, steps, points)
