"""An experiment as a whole: its problem, its flags, and what it sets differently from others."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from absl import flags

from metainr.numerics import Summation
from metainr.runs.problem import Problem


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


class Experiment(NamedTuple):
    """What `experiments.spine` runs.

    name: that of its module, as results.json gives it.
    build: (flags, how to take sums over observations) -> problem.
    flags: its own.
    defaults: shared flag -> the value that it has here unless the command line says another.
    settle: the flags' values -> those of the run; sets what follows from others, raises UserError
        if they contradict one another.
    """

    name: str
    build: Callable[[SimpleNamespace, Summation], Problem]
    flags: OwnFlags = OwnFlags()
    defaults: Mapping[str, Any] = {}
    settle: Callable[[SimpleNamespace], SimpleNamespace] = lambda config: config
