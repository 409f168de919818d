"""A run's configuration: what can be chosen, typed per concern, made once and never rewritten."""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from metainr import fields
from metainr.checks import SEED, Choice, Each, Maybe, Place, Range, Text
from metainr.runs.options import LearnerOptions, OuterOptions, TestOptions
from metainr.signals.augmentation import KINDS
from metainr.types import Field

Own = TypeVar("Own")
Values = Mapping[str, Any]
"""Values of flags by name, as command lines, records of runs and files of weights hold them."""

PATH = Place()
FILE_OR_FOLDER = Maybe(PATH)
RESOLUTION = Range(2, 2**13)
COUNT = Range(1, 10**9)


class FieldChoice(NamedTuple):
    """The coordinate network: its name in `metainr.fields.REGISTRY`, and what it may read.

    copies: how many of it, whose mean is the network.
    """

    name: str
    options: fields.FieldOptions
    copies: int = 1


class RunOptions(NamedTuple):
    """What concerns no part of a run alone.

    workdir: its folder.
    seed: of weights, data order and generated signals.
    signal: the class of signals.
    resolution: side of the images, in pixels.
    inner_points: random observations of an inner step; 0: all.
    test_steps: of a test-time fit.
    only_tests: whether no init is learned or meant to be: what is compared are random weights.
    init: a workdir, checkpoint or file of weights to test instead of learning one; None: none.
    start: a workdir, checkpoint or file of weights that learning begins with; None: random weights.
    rivals: NAME=WORKDIR, inits of other runs to test, too.
    networks: FIELD[:ACTIVATION], to compare from random weights.
    seeds: trainings to repeat with other seeds.
    train_signals: numbers of training signals to compare, 0 for inits that need none; none: all.
    train_seen: what is seen of each signal in training and validation: a share of it or a number
        of its parts, as the experiment says (`Experiment.seen`); None: all.
    augment: changes of training signals, `metainr.signals.augmentation.KINDS`; none: none.
    chunk_size: field evaluations at a time, 0 for all; None: what suits the machine.
    num_devices: to use per process; None: all.
    task_microbatch: tasks at once on a device; None: as suits it.
    given: names of the flags that somebody set; the others are defaults.
    """

    workdir: Annotated[str, PATH] = "runs/latest"
    seed: Annotated[int, SEED] = 0
    signal: Annotated[str, Text("the name of a class of signals")] = ""
    resolution: Annotated[int, RESOLUTION] = 178
    inner_points: Annotated[int, Range(0, 2**24)] = 0
    test_steps: Annotated[int, Range(1, 10**6)] = 50
    only_tests: bool = False
    init: Annotated[str | None, FILE_OR_FOLDER] = None
    start: Annotated[str | None, FILE_OR_FOLDER] = None
    rivals: Annotated[tuple[str, ...], Each(Text(), "NAME=WORKDIR", range(1000))] = ()
    networks: Annotated[tuple[str, ...], Each(Text(), "siren,mlp:tanh", range(1000))] = ()
    seeds: Annotated[int, Range(1, 1000)] = 1
    train_signals: Annotated[tuple[int, ...], Each(Range(0, 10**9), "0,10,100", range(1000))] = ()
    train_seen: Annotated[float | None, Maybe(Range(0, 1e9, real=True))] = None
    augment: Annotated[tuple[str, ...], Each(Choice(KINDS), "flips,shifts", range(5))] = ()
    chunk_size: Annotated[int | None, Maybe(Range(0, 2**31 - 1))] = None
    num_devices: Annotated[int | None, Maybe(Range(1, 2**16))] = None
    task_microbatch: Annotated[int | None, Maybe(Range(1, 2**16))] = None
    given: frozenset[str] = frozenset()

    @property
    def learns(self) -> bool:
        """Whether an init is learned in this run."""
        return not self.only_tests and self.init is None and self.train_signals != (0,)


class Config(NamedTuple, Generic[Own]):
    """A run's configuration.

    experiment: its name.
    field, learner, outer, test, run: what all experiments share.
    own: the experiment's options.
    record: the flags' values by name, as config.json, checkpoints and files of weights keep them.
    """

    experiment: str
    field: FieldChoice
    learner: LearnerOptions
    outer: OuterOptions
    test: TestOptions
    run: RunOptions
    own: Own
    record: Values


def make_field(choice: FieldChoice, in_dim: int, out_dim: int) -> Field:
    """The coordinate network that maps `in_dim` coordinates to `out_dim` values."""
    field = fields.make(choice.name, choice.options._replace(in_dim=in_dim, out_dim=out_dim))
    return field if choice.copies == 1 else fields.mean_field(field, choice.copies)
