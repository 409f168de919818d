"""What can be chosen of learning and of testing: typed once, where it enters."""

from typing import Annotated, NamedTuple

from jax.sharding import Mesh

from metainr.algorithms import REGISTRY, NoOptions
from metainr.algorithms.optimizers import REGISTRY as OPTIMIZERS
from metainr.checks import RATE, AnyOptions, Choice, Each, Maybe, Range, Switch, check, checked
from metainr.numerics import Summation
from metainr.reporting.results import INITS
from metainr.types import Hyper

STEPS = Range(1, 10**9)
"""Numbers of outer steps."""

OPTIMIZER = Choice(OPTIMIZERS)
SCHEDULE = Choice(("constant", "cosine"))


class LearnerOptions(NamedTuple):
    """The algorithm with the inner loop it learns for.

    algorithm: its name in `metainr.algorithms.REGISTRY`.
    options: its own, of the type that its entry names.
    inner: optimizer and rate of its inner loop.
    inner_steps: of that loop, in training.
    """

    algorithm: Annotated[str, Choice(REGISTRY)] = "maml"
    options: AnyOptions = NoOptions()
    inner: Hyper = Hyper("sgd", 1e-2)
    inner_steps: Annotated[int, Range(1, 10_000)] = 2


class OuterOptions(NamedTuple):
    """The outer loop.

    learning_rate, schedule: of its Adam, "constant" or "cosine" over `train_steps`.
    clip_norm: largest norm of the meta-gradient; 0: any.
    tasks_per_step: signals of an outer step.
    coarse_steps: so many outer steps come first that see every second point along each axis.
    train_steps, eval_every, checkpoint_every: outer steps in all, between validations and saves.
    train_signals: how many of the training signals to use; None: all.
    profile: whether some steps are traced.
    """

    learning_rate: Annotated[float, RATE] = 1e-5
    schedule: Annotated[str, SCHEDULE] = "constant"
    clip_norm: Annotated[float, RATE] = 0.0
    tasks_per_step: Annotated[int, Range(1, 10_000)] = 3
    coarse_steps: Annotated[int, Range(0, 10**9)] = 0
    train_steps: Annotated[int, Range(0, 10**9)] = 150_000
    eval_every: Annotated[int, STEPS] = 1_000
    checkpoint_every: Annotated[int, STEPS] = 500
    train_signals: Annotated[int | None, Maybe(Range(1, 10**9))] = None
    profile: Annotated[bool, Switch()] = False


class TestOptions(NamedTuple):
    """The comparison on unseen signals.

    num_test, num_validation: signals to fit; those of validation are also what is tuned on.
    schedule: of the rate over a fit, "constant" or "cosine".
    baseline: optimizer and rate of the inits that were not learned.
    tune: whether each init's optimizer and rate are searched on validation, and the finish's rate.
    finish: optimizer that learned inits go on with after the steps that they were learned for;
        None: they keep their own.
    finish_learning_rate: its rate.
    finish_after: so many steps, in place of those.
    inits: that take part, of those that there are, beside rivals.
    """

    num_test: Annotated[int, Range(1, 10**6)] = 100
    num_validation: Annotated[int, Range(1, 10**6)] = 8
    schedule: Annotated[str, SCHEDULE] = "constant"
    baseline: Hyper = Hyper("adam", 1e-4)
    tune: Annotated[bool, Switch()] = False
    finish: Annotated[str | None, Maybe(OPTIMIZER)] = None
    finish_learning_rate: Annotated[float, RATE] = 1e-4
    finish_after: Annotated[int | None, Maybe(Range(0, 10**6))] = None
    inits: Annotated[tuple[str, ...], Each(Choice(INITS), "standard,meta")] = INITS


class Machine(NamedTuple):
    """What a run works with; changes nothing but rounding.

    mesh: of the devices; None: one.
    summation: how sums over observations are taken; None: as suits the machine.
    task_microbatch: tasks at once on a device; None: as suits it.
    """

    mesh: Mesh | None = None
    summation: Summation | None = None
    task_microbatch: int | None = None


def checked_learner(learner: LearnerOptions) -> LearnerOptions:
    """The options, all of which are possible. Raises OptionError."""
    check_hyper(learner.inner, "inner ")
    return checked(learner)._replace(options=checked(learner.options))


def checked_test(test: TestOptions) -> TestOptions:
    """The options, all of which are possible. Raises OptionError."""
    check_hyper(test.baseline, "baseline ")
    return checked(test)


def check_hyper(hyper: Hyper, prefix: str = "") -> None:
    """Raises OptionError, its names beginning with `prefix`, if no loop can step so."""
    if not callable(hyper.optimizer):
        check(f"{prefix}optimizer", hyper.optimizer, OPTIMIZER)
    check(f"{prefix}learning_rate", hyper.learning_rate, RATE)
