"""The init that `--init` names: a run's, or bare weights from a file."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
from absl import flags

from experiments import shared_flags
from experiments.experiment import Experiment
from metainr.errors import UserError
from metainr.training.checkpoints import load_meta_params
from metainr.types import Field, Params
from metainr.weights import load_metadata, load_weights, match_structure

_FLAGS = "flags"


def weights_metadata(config: SimpleNamespace, experiment: Experiment) -> dict[str, str]:
    """What a file of weights says of the field, inner loop and resolution they belong to."""
    names = ("experiment", *shared_flags.init_flags(experiment))
    return {_FLAGS: json.dumps({name: getattr(config, name) for name in names})}


def read_init(config: SimpleNamespace, experiment: Experiment) -> tuple[SimpleNamespace, Any]:
    """Reads `config.init`: (flags with those the init was learned with, its weights).

    Of bare weights nothing is known: their flags stay as given. Raises UserError if a flag given
    on the command line contradicts the init's, or it was learned by another experiment.
    """
    path = Path(config.init)
    if path.is_dir():
        weights, recorded = load_meta_params(path)
    else:
        weights = load_weights(path)
        recorded = _flags_of_file(path)
    kind = recorded.get("experiment", experiment.name)
    if kind != experiment.name:
        raise UserError(
            f"--init={path} was learned by experiments.{kind}, not {experiment.name}; give the "
            f"workdir of a run of {experiment.name}"
        )
    names = shared_flags.init_flags(experiment)
    adopted = {name: recorded[name] for name in names if name in recorded}
    for name, value in adopted.items():
        if flags.FLAGS[name].present and getattr(config, name) != value:
            raise UserError(
                f"--{name}={getattr(config, name)} contradicts --init={path}, which was learned "
                f"with --{name}={value}; leave the flag out"
            )
    return SimpleNamespace(**vars(config) | adopted), weights


def _flags_of_file(path):
    try:
        return dict(json.loads(load_metadata(path).get(_FLAGS, "{}")))
    except (ValueError, TypeError):
        return {}  # another program's metadata: bare weights to us


def as_params(weights: Any, field: Field, source: str) -> Params:
    """The weights in the structure of the field's params. Raises UserError if they do not fit."""
    return match_structure(weights, jax.eval_shape(field.init, jax.random.key(0)), source)
