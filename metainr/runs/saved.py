"""What was learned, as files hold it: weights with the flat record of how they were learned.

The record's names are those of the command line's flags, so that either side reads what the other
one wrote.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax

from metainr import algorithms, fields
from metainr.checks import RATE, Choice, OptionError, Options, check, kinds_of
from metainr.errors import Option, UserError
from metainr.json_files import parsed
from metainr.ready import located
from metainr.runs.inits import Init
from metainr.runs.learners import make_algorithm
from metainr.runs.options import OPTIMIZER, LearnerOptions, Machine
from metainr.training.checkpoints import load_meta_params
from metainr.types import Field, Hyper, MetaParams, Tree
from metainr.weights import load_metadata, load_weights, match_structure, save_weights

Read = TypeVar("Read")

NONE = "none"
"""The algorithm of weights that no algorithm of ours learned: a loop adapts all of them."""

OWN = "own"
"""The optimizer that a record has of a function of a user's own."""

ALGORITHM = Choice([*algorithms.REGISTRY, NONE])

FITTED = "weights.safetensors"
"""The weights of a fit, in the folder that a program wrote."""

OUTER_NAMES = {"learning_rate": "outer_learning_rate", "schedule": "outer_schedule"}
"""Options of the outer loop that a record has under longer names."""

_FLAGS = "flags"
_CHANNELS = range(1, 9)
# Of experiments whose fields all take as many; their records do not say it.
_COORDINATES = {
    "audio": 1,
    **dict.fromkeys(("image_regression", "ct_reconstruction", "poisson"), 2),
    **dict.fromkeys(("video", "shapes", "view_synthesis", "phototourism"), 3),
}


def read_saved(path: str | Path, best: bool = False) -> tuple[Any, dict[str, Any]]:
    """(meta-parameters as nested dicts, the record as far as known) of a workdir, a fit or a file.

    `ready:NAME` is a file that comes with the library (`metainr.ready`).

    Of bare weights, or of those of another program, nothing is known. `best`: of a workdir the
    checkpoint that validation liked best, in place of the newest. Raises UserError if there is
    nothing to read.
    """
    path = located(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; name a workdir, a file of weights or ready:NAME")
    path = path / FITTED if (path / FITTED).is_file() else path
    if path.is_dir():
        return load_meta_params(path, best)
    try:
        record = dict(parsed(load_metadata(path).get(_FLAGS, "{}")))
    except (ValueError, TypeError):
        record = {}  # another program's metadata: bare weights to us
    return load_weights(path), record


def write_saved(path: str | Path, meta_params: MetaParams, record: Mapping[str, Any]) -> None:
    """Writes meta-parameters, or a field's weights, with their record to a .safetensors or .npz."""
    save_weights(path, meta_params, {_FLAGS: json.dumps(dict(record))})


def learner_record(learner: LearnerOptions) -> dict[str, Any]:
    """The options of a learner by the names of the record."""
    own, optimizer = learner.options._asdict().items(), learner.inner.optimizer
    return {
        "algorithm": learner.algorithm,
        **{f"{learner.algorithm}_{option}": value for option, value in own},
        "inner_optimizer": OWN if callable(optimizer) else optimizer,
        "inner_learning_rate": float(learner.inner.learning_rate),
        "inner_steps": learner.inner_steps,
    }


def learner_of(values: Mapping[str, Any], algorithm: str | None = None) -> LearnerOptions:
    """The learner of a record; what it lacks has its default, as bare weights have the plain loop.

    `algorithm`: in place of the record's. Raises OptionError, which has the record's name of an
    option, for a value that it cannot have.
    """
    name = values.get("algorithm", NONE) if algorithm is None else algorithm
    name = check("algorithm", name, ALGORITHM)
    name = LearnerOptions().algorithm if name == NONE else name
    own = algorithms.REGISTRY[name].options
    options = made(own, values, {option: f"{name}_{option}" for option in own._fields})
    loop = made(LearnerOptions, {**values, "algorithm": name})
    return loop._replace(options=options, inner=hyper_of(values, "inner", LearnerOptions().inner))


def hyper_of(values: Mapping[str, Any], loop: str, default: Hyper) -> Hyper:
    """The optimizer and rate that a record has for a loop, "inner" or "baseline"."""
    optimizer = values.get(f"{loop}_optimizer", default.optimizer)
    rate = values.get(f"{loop}_learning_rate", default.learning_rate)
    return Hyper(
        check(f"{loop}_optimizer", optimizer, OPTIMIZER),
        check(f"{loop}_learning_rate", rate, RATE),
    )


def made(
    options: type[Options], values: Mapping[str, Any], names: Mapping[str, str] = {}
) -> Options:
    """Options by the values of their names in a record, or of those that `names` says.

    What has no value has its default. Raises OptionError by the record's name.
    """
    found = {}
    for option, kind in kinds_of(options).items():
        name = names.get(option, option)
        if name in values:
            found[option] = check(name, values[name], kind)
    return options(**found)


def field_of(
    record: Mapping[str, Any], weights: Tree, source: str, axes: int | None = None
) -> Field:
    """The field that a record describes.

    How many coordinates it takes follows from the record, from `axes`, those of the grid that it is
    for, or from the weights; how many channels it has, from the weights.

    Raises UserError if the record names no field, if weights are of another one, and if fields of
    several numbers of coordinates have such weights, as those of Fourier features do.
    """
    name = record.get("field")
    if not isinstance(name, str):
        raise UserError(
            f"{source} does not say of which field it holds the weights; give field=, such as "
            "metainr.fields.siren(width=256)"
        )
    options = in_file(source, lambda: made(fields.FieldOptions, record))
    learner = in_file(source, lambda: learner_of(record))
    found, refused = {}, None
    for in_dim in _numbers_of_coordinates(record, axes):
        for out_dim in [options.out_dim] if "out_dim" in record else _CHANNELS:
            field = fields.make(name, options._replace(in_dim=in_dim, out_dim=out_dim))
            try:
                init_of(weights, learner, field, source)
            except UserError as error:
                refused = error
            else:
                found[in_dim] = field
                break
    if len(found) > 1:
        raise UserError(
            f"{source} does not say how many coordinates its field takes, and its weights fit "
            f"{', '.join(map(str, found))}; give shape=, the grid of its signals, or field="
        )
    if not found:
        raise refused or AssertionError("some number is tried")
    return found.popitem()[1]


def _numbers_of_coordinates(record, axes):
    if "in_dim" in record:
        return [made(fields.FieldOptions, record).in_dim]
    known = _COORDINATES.get(record.get("experiment", ""), axes)
    return range(1, 5) if known is None else [known]


def init_of(weights: Tree, learner: LearnerOptions, field: Field, source: str) -> Init:
    """What was read, in the structure that its algorithm has for a field.

    Raises UserError if it does not fit.
    """
    algorithm = make_algorithm(learner, field, (), (), Machine())
    like = jax.eval_shape(algorithm.init, jax.random.key(0))
    return Init(match_structure(weights, like, source), learner, learner.inner)


def in_file(source: str | Path, read: Callable[[], Read]) -> Read:
    """What `read` makes of a file's record. Raises UserError that names the file for bad values."""
    try:
        return read()
    except OptionError as error:
        raise UserError(
            f"{source} was recorded with ",
            Option(error.name, json.dumps(error.value)),
            f", which is not possible; expected {error.expected}",
        ) from error
