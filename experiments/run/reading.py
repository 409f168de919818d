"""Configurations from the values of flags, wherever these come from."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from experiments.config import Config, FieldChoice, RunOptions, Values
from experiments.experiment import Experiment
from metainr import algorithms, fields
from metainr.checks import RATE, Choice, check, kinds_of
from metainr.runs.options import OPTIMIZER, LearnerOptions, OuterOptions, TestOptions
from metainr.types import Hyper

Options = TypeVar("Options", bound=tuple)

OUTER_FLAGS = {"learning_rate": "outer_learning_rate", "schedule": "outer_schedule"}
"""Options whose flags have longer names than they."""
TEST_FLAGS = {"schedule": "test_schedule"}

ALGORITHM = Choice([*algorithms.REGISTRY, "none"])


def config_of(
    experiment: Experiment, values: Values, given: Collection[str] = frozenset()
) -> Config:
    """The configuration that the flags' values come to; what they lack has its default.

    `given`: names of the flags that somebody set. Raises OptionError, which names the flag, for a
    value that an option cannot have.
    """
    run = run_of(values, given)
    outer = made(OuterOptions, values, OUTER_FLAGS | {"train_signals": ""})  # there, a list
    first = run.train_signals[0] if run.train_signals else None
    return Config(
        experiment.name,
        _field_of(values),
        learner_of(values, values.get("algorithm", "none")),
        outer._replace(train_signals=first),
        made(TestOptions, values, TEST_FLAGS)._replace(baseline=_hyper_of(values, "baseline")),
        run,
        made(experiment.options, values),
        values,
    )


def changed(experiment: Experiment, config: Config, **values: object) -> Config:
    """The configuration with other values of some flags."""
    return config_of(experiment, {**config.record, **values}, config.run.given)


def run_of(values: Values, given: Collection[str] = frozenset()) -> RunOptions:
    """What concerns no part of a run alone, as `config_of` has it."""
    algorithm = check("algorithm", values.get("algorithm", "none"), ALGORITHM)
    run = made(RunOptions, values)
    return run._replace(only_tests=algorithm == "none", given=frozenset(given))


def learner_of(values: Values, algorithm: str) -> LearnerOptions:
    """An algorithm with the inner loop of the flags; "none": the loop that adapts all weights."""
    algorithm = "maml" if check("algorithm", algorithm, ALGORITHM) == "none" else algorithm
    own = algorithms.REGISTRY[algorithm].options
    options = made(own, values, {name: f"{algorithm}_{name}" for name in own._fields})
    inner = _hyper_of(values, "inner")
    loop = made(LearnerOptions, {**values, "algorithm": algorithm})
    return loop._replace(options=options, inner=inner)


def made(options: type[Options], values: Values, flags: Mapping[str, str] = {}) -> Options:
    """Options by the values of the flags of their names, or of those that `flags` says.

    What has no value has its default. Raises OptionError, which names the flag.
    """
    found = {}
    for name, kind in kinds_of(options).items():
        flag = flags.get(name, name)
        if flag in values:
            found[name] = check(flag, values[flag], kind)
    return options(**found)


def _hyper_of(values, loop):
    """The optimizer and rate of the inner loop, or of the baselines'."""
    default = LearnerOptions().inner if loop == "inner" else TestOptions().baseline
    optimizer = values.get(f"{loop}_optimizer", default.optimizer)
    rate = values.get(f"{loop}_learning_rate", default.learning_rate)
    return Hyper(
        check(f"{loop}_optimizer", optimizer, OPTIMIZER),
        check(f"{loop}_learning_rate", rate, RATE),
    )


def _field_of(values):
    name = check("field", values.get("field", "siren"), Choice(fields.REGISTRY))
    return FieldChoice(name, made(fields.FieldOptions, values))
