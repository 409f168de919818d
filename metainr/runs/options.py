"""What can be chosen of learning and of testing: typed once, where it enters."""

from typing import NamedTuple

from jax.sharding import Mesh

from metainr.algorithms import NoOptions
from metainr.numerics import Summation
from metainr.types import Hyper


class LearnerOptions(NamedTuple):
    """The algorithm with the inner loop it learns for.

    algorithm: its name in `metainr.algorithms.REGISTRY`.
    options: its own, of the type that its entry names.
    inner: optimizer and rate of its inner loop.
    inner_steps: of that loop, in training.
    """

    algorithm: str = "maml"
    options: tuple = NoOptions()
    inner: Hyper = Hyper("sgd", 1e-2)
    inner_steps: int = 2


class OuterOptions(NamedTuple):
    """The outer loop.

    learning_rate, schedule: of its Adam, "constant" or "cosine" over `train_steps`.
    clip_norm: largest norm of the meta-gradient; 0: any.
    tasks_per_step: signals of an outer step.
    train_steps, eval_every, checkpoint_every: outer steps in all, between validations and saves.
    train_signals: how many of the training signals to use; None: all.
    profile: whether some steps are traced.
    """

    learning_rate: float = 1e-5
    schedule: str = "constant"
    clip_norm: float = 0.0
    tasks_per_step: int = 3
    train_steps: int = 150_000
    eval_every: int = 1_000
    checkpoint_every: int = 500
    train_signals: int | None = None
    profile: bool = False


class TestOptions(NamedTuple):
    """The comparison on unseen signals.

    num_test, num_validation: signals to fit; those of validation are also what is tuned on.
    schedule: of the rate over a fit, "constant" or "cosine".
    baseline: optimizer and rate of the inits that were not learned.
    tune: whether each init's optimizer and rate are searched on validation.
    """

    num_test: int = 100
    num_validation: int = 8
    schedule: str = "constant"
    baseline: Hyper = Hyper("adam", 1e-4)
    tune: bool = False


class Machine(NamedTuple):
    """What a run works with; changes nothing but rounding.

    mesh: of the devices; None: one.
    summation: how sums over observations are taken; None: as suits the machine.
    task_microbatch: tasks at once on a device; None: as suits it.
    """

    mesh: Mesh | None = None
    summation: Summation | None = None
    task_microbatch: int | None = None
