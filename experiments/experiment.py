"""An experiment as a whole: its problem, its flags, and what it sets differently from others."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, NamedTuple

from absl import flags

from experiments.config import Config, Own, Values
from metainr.checks import Kind
from metainr.numerics import Summation
from metainr.runs.problem import Problem


class NoOptions(NamedTuple):
    """Of an experiment that has no flags of its own."""


class OwnFlags(NamedTuple):
    """The flags of an experiment that no other has, by what a change of them means.

    init: what an init is learned for; `--init` takes them from the init's run.
    task: what else a step computes depends on.
    evaluation: test-time fits alone depend on them; a run may go on with others.
    place: where data lies on this machine; likewise, and of no effect on any number.
    """

    init: tuple[flags.FlagHolder, ...] = ()
    task: tuple[flags.FlagHolder, ...] = ()
    evaluation: tuple[flags.FlagHolder, ...] = ()
    place: tuple[flags.FlagHolder, ...] = ()


class Experiment(NamedTuple, Generic[Own]):
    """What `experiments.spine` runs.

    name: that of its module, as results.json gives it.
    build: (configuration, how to take sums over observations) -> problem.
    options: the NamedTuple of its own options, each named as its flag.
    flags: these.
    defaults: shared flag -> the value that it has here unless the command line says another.
    settle: (values of all flags, names of those that somebody set) -> the run's values; sets what
        follows from others, raises UserError if they contradict one another.
    seen: what --train_seen may be here; None: no part of these signals can be seen alone.
    """

    name: str
    build: Callable[[Config[Own], Summation], Problem]
    options: type[Own] = NoOptions
    flags: OwnFlags = OwnFlags()
    defaults: Mapping[str, Any] = {}
    settle: Callable[[Values, Collection[str]], Values] = lambda values, given: values
    seen: Kind | None = None
