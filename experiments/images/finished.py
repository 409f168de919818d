"""Finished runs of image regression, as programs read them that study what was learned."""

from pathlib import Path
from typing import NamedTuple

from experiments import image_regression
from experiments.config import Config, make_field
from experiments.images.image_flags import ImageFiles
from experiments.run import shared_flags
from experiments.run.inits import Source, as_init, config_of_file
from metainr.runs.inits import Init
from metainr.training.checkpoints import load_meta_params


class FinishedRun(NamedTuple):
    """A finished run: where it lies, the flags it was learned with, what it learned."""

    path: str
    config: Config[ImageFiles]
    init: Init

    @property
    def class_name(self) -> str:
        """Of its signals: a class's name, or that of their folder."""
        folder = self.config.own.image_folder
        return Path(folder).name if folder else self.config.run.signal


def read_run(path: str) -> FinishedRun:
    """Reads a run. Raises UserError if there is none, or not one of image regression."""
    weights, recorded = load_meta_params(Path(path))
    default = shared_flags.configuration(image_regression.EXPERIMENT)
    values = {**default.record, **recorded}
    config = config_of_file(image_regression.EXPERIMENT, values, frozenset(), path)
    field = make_field(config.field, in_dim=2, out_dim=3)
    source = Source(config, weights, recorded.get("algorithm", "none"))
    return FinishedRun(path, config, as_init(source, field, path))
