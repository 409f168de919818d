"""Configurations from the values of flags, wherever these come from."""

from collections.abc import Collection

from experiments.config import Config, FieldChoice, RunOptions, Values
from experiments.experiment import Experiment
from metainr import fields
from metainr.checks import Choice, check
from metainr.runs.options import OuterOptions, TestOptions
from metainr.runs.saved import ALGORITHM, NONE, OUTER_NAMES, hyper_of, learner_of, made

TEST_FLAGS = {"schedule": "test_schedule"}
"""Options of tests whose flags have longer names than they."""


def config_of(
    experiment: Experiment, values: Values, given: Collection[str] = frozenset()
) -> Config:
    """The configuration that the flags' values come to; what they lack has its default.

    `given`: names of the flags that somebody set. Raises OptionError, which names the flag, for a
    value that an option cannot have.
    """
    run = run_of(values, given)
    outer = made(OuterOptions, values, OUTER_NAMES | {"train_signals": ""})  # there, a list
    first = run.train_signals[0] if run.train_signals else None
    return Config(
        experiment.name,
        _field_of(values),
        learner_of(values),
        outer._replace(train_signals=first),
        _tests_of(values),
        run,
        made(experiment.options, values),
        values,
    )


def changed(experiment: Experiment, config: Config, **values: object) -> Config:
    """The configuration with other values of some flags."""
    return config_of(experiment, {**config.record, **values}, config.run.given)


def run_of(values: Values, given: Collection[str] = frozenset()) -> RunOptions:
    """What concerns no part of a run alone, as `config_of` has it."""
    algorithm = check("algorithm", values.get("algorithm", NONE), ALGORITHM)
    run = made(RunOptions, values)
    return run._replace(only_tests=algorithm == NONE, given=frozenset(given))


def _tests_of(values):
    baseline = hyper_of(values, "baseline", TestOptions().baseline)
    return made(TestOptions, values, TEST_FLAGS)._replace(baseline=baseline)


def _field_of(values):
    name = check("field", values.get("field", "siren"), Choice(fields.REGISTRY))
    return FieldChoice(name, made(fields.FieldOptions, values))
