"""What was learned, as files hold it: weights with the flat record of how they were learned.

The record's names are those of the command line's flags, so that either side reads what the other
one wrote.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from metainr import algorithms, fields
from metainr.errors import UserError
from metainr.registry import look_up
from metainr.runs.inits import Init
from metainr.runs.learners import make_algorithm
from metainr.runs.options import LearnerOptions, Machine
from metainr.training.checkpoints import load_meta_params
from metainr.types import Field, Hyper, MetaParams, Tree
from metainr.weights import load_metadata, load_weights, match_structure, save_weights

_FLAGS = "flags"
_DIMENSIONS = [(d, c) for d in range(1, 5) for c in range(1, 9)]


def read_saved(path: str | Path) -> tuple[Any, dict[str, Any]]:
    """(meta-parameters as nested dicts, the record as far as known) of a workdir or a file.

    Of bare weights, or of those of another program, nothing is known. Raises UserError if there is
    nothing to read.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; name a workdir or a file of weights")
    if path.is_dir():
        return load_meta_params(path)
    try:
        record = dict(json.loads(load_metadata(path).get(_FLAGS, "{}")))
    except (ValueError, TypeError):
        record = {}  # another program's metadata: bare weights to us
    return load_weights(path), record


def write_saved(path: str | Path, meta_params: MetaParams, record: Mapping[str, Any]) -> None:
    """Writes meta-parameters, or a field's weights, with their record to a .safetensors or .npz."""
    save_weights(path, meta_params, {_FLAGS: json.dumps(dict(record))})


def learner_record(learner: LearnerOptions) -> dict[str, Any]:
    """The options of a learner by the names of the record."""
    own = learner.options._asdict().items()
    return {
        "algorithm": learner.algorithm,
        **{f"{learner.algorithm}_{option}": value for option, value in own},
        "inner_optimizer": optimizer_name(learner.inner),
        "inner_learning_rate": float(learner.inner.learning_rate),
        "inner_steps": learner.inner_steps,
    }


def learner_of(record: Mapping[str, Any]) -> LearnerOptions:
    """The learner of a record; what it lacks has the default, as bare weights have the plain loop.

    Raises UserError for an algorithm that is not known.
    """
    plain = LearnerOptions()
    name = record.get("algorithm", "none")
    name = plain.algorithm if name == "none" else name
    options = look_up("algorithm", name, algorithms.REGISTRY).options
    own = {o: record[f"{name}_{o}"] for o in options._fields if f"{name}_{o}" in record}
    inner = Hyper(
        record.get("inner_optimizer", plain.inner.optimizer),
        record.get("inner_learning_rate", plain.inner.learning_rate),
    )
    return LearnerOptions(name, options(**own), inner, record.get("inner_steps", plain.inner_steps))


def optimizer_name(hyper: Hyper) -> str:
    """The optimizer's name, of one that is given as a function that one's."""
    optimizer = hyper.optimizer
    return optimizer if isinstance(optimizer, str) else getattr(optimizer, "__name__", "own")


def field_of(record: Mapping[str, Any], weights: Tree, source: str) -> Field:
    """The field that a record describes; numbers of coordinates and channels follow from weights.

    Raises UserError if the record names no field, or weights are of another one.
    """
    name = record.get("field")
    if not isinstance(name, str):
        raise UserError(
            f"{source} does not say of which field it holds the weights; give field=, such as "
            "metainr.fields.siren(width=256)"
        )
    options: dict[str, Any] = {o: record[o] for o in fields.FieldOptions._fields if o in record}
    known = [(options["in_dim"], options["out_dim"])] if "in_dim" in options else _DIMENSIONS
    for in_dim, out_dim in known:
        dimensions: dict[str, Any] = {"in_dim": in_dim, "out_dim": out_dim}
        field = fields.make(name, fields.FieldOptions(**options | dimensions))
        try:
            init_of(weights, record, field, source)
        except UserError:
            if (in_dim, out_dim) == known[-1]:
                raise
            continue
        return field
    raise AssertionError("the last one returns or raises")


def init_of(weights: Tree, record: Mapping[str, Any], field: Field, source: str) -> Init:
    """What was read, in the structure that its algorithm has for a field.

    Raises UserError if it does not fit.
    """
    learner = learner_of(record)
    algorithm = make_algorithm(learner, field, (), (), Machine())
    like = jax.eval_shape(algorithm.init, jax.random.key(0))
    return Init(match_structure(weights, like, source), learner, learner.inner)
