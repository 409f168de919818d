"""What a run has learned, as a file of bare weights that needs no orbax to be read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging

from metainr.errors import UserError
from metainr.training.portable import portable
from metainr.training.step import TrainState
from metainr.weights import save_weights

INIT = "init.safetensors"
"""The file of a run that holds the meta-parameters as of its last good end."""


def write_init(workdir: Path, state: TrainState, config: Mapping[str, Any]) -> None:
    """Writes all meta-parameters under flat names, with the run's flags and the step as metadata.

    Where it cannot be written, as of weights that such files do not hold, a warning says so: the
    checkpoints have them, too.
    """
    metadata = {"flags": json.dumps(dict(config)), "step": str(int(state.step))}
    try:
        save_weights(workdir / INIT, portable(state)["meta_params"], metadata)
    except UserError as error:
        logging.warning("%s was not written: %s; the checkpoints are whole", INIT, error)
