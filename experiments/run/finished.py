"""Finished runs, as programs read them that study or combine what was learned."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experiments.config import Config
from experiments.experiment import Experiment
from experiments.run import shared_flags
from experiments.run.inits import Source, as_init, config_of_file
from metainr.errors import UserError
from metainr.runs.inits import Init
from metainr.runs.saved import NONE, field_of
from metainr.training.checkpoints import load_meta_params
from metainr.types import Field


class FinishedRun(NamedTuple):
    """A finished run.

    path: where it lies.
    experiment: whose it is.
    config: the flags it was learned with.
    field: its network.
    init: what it learned.
    """

    path: str
    experiment: Experiment
    config: Config[Any]
    field: Field
    init: Init

    @property
    def class_name(self) -> str:
        """Of its signals: a class's name, or that of their folder."""
        folder = getattr(self.config.own, "image_folder", None)
        return Path(folder).name if folder else self.config.run.signal


def experiment_of(
    recorded: Mapping[str, Any], told: str, experiments: Mapping[str, Experiment]
) -> Experiment:
    """Whose run a record is of, which messages call `told`. Raises UserError if it is none."""
    kind = recorded.get("experiment")
    if kind not in experiments:
        raise UserError(
            f"{told} is a run of {kind or 'no experiment that is known'}; give one of "
            f"{', '.join(experiments)}"
        )
    return experiments[kind]


def read_run(path: str, experiments: Mapping[str, Experiment]) -> FinishedRun:
    """Reads a run. Raises UserError if there is none, or not one of these experiments."""
    weights, recorded = load_meta_params(Path(path))
    experiment = experiment_of(recorded, path, experiments)
    default = shared_flags.configuration(experiment)
    # Whatever part of signals it was learned from, it is studied on whole ones.
    values = {**default.record, **recorded, "train_seen": None, "test_seen": None}
    config = config_of_file(experiment, values, frozenset(), path)
    field = field_of(config.record, weights, path)
    source = Source(config, weights, recorded.get("algorithm", NONE))
    return FinishedRun(path, experiment, config, field, as_init(source, field, path))
