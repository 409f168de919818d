"""The front door: `metainr.load`."""

import math
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp

from metainr.checks import Each, Range, check
from metainr.errors import UserError
from metainr.runs.problem import Problem, spread_steps, with_match
from metainr.runs.regression import of_grid
from metainr.runs.run import Run
from metainr.runs.saved import OWN, field_of, in_file, init_of, learner_of, read_saved
from metainr.signals.access import SPLITS, checked_access
from metainr.types import Field, MakeOptimizer

IMAGES = "image_regression"
"""The experiment whose flags describe fields of colour images."""

GRIDS = "regression"
"""That of a record of other signals that are given on a grid."""

_MOST_POINTS = 2**26
_GRID = Each(Range(1, _MOST_POINTS), "64,64", (1, 2, 3, 4))
_TEST_STEPS = 20


def load(
    path: str | Path,
    *,
    best: bool = False,
    field: Field | None = None,
    inner_optimizer: MakeOptimizer | None = None,
    problem: Problem | None = None,
    shape: Sequence[int] | None = None,
) -> Run:
    """What was learned, from a workdir, one of its checkpoints or a file of weights.

    Args:
        path: of a run of `learn` or of the command line, the folder of a fit, or a file that either
            wrote.
        best: of a workdir, the checkpoint that validation liked best in place of the newest.
        field: where the file does not name it, as of fields of one's own.
        inner_optimizer: that it was learned with, where that is a function of one's own.
        problem: what it was learned for, where that is no class of arrays.
        shape: of the grid of the arrays to fit, such as (64, 64), where the file does not tell it:
            weights from elsewhere do not.

    Raises:
        UserError: there is nothing to read, or it is of another field.

    >>> run.save("faces.safetensors")
    >>> metainr.load("faces.safetensors").record["algorithm"]
    'maml'
    """
    weights, record = read_saved(path, best)
    source = str(path)
    if field is None:
        axes = None if shape is None else len(check("shape", shape, _GRID))
        field = field_of(record, weights, source, axes) if problem is None else problem.field
    learner = _learner(record, inner_optimizer, source)
    init = init_of(weights, learner, field, source)
    grid = None
    if shape is not None:
        grid = _given_shape(shape, field)
    elif problem is None:
        grid = _shape(record, source)
    if grid is not None and record.get("objective") != OWN:
        inner_steps = init.learner.inner_steps
        problem = in_file(source, lambda: _of_grid(field, inner_steps, grid, record))
    return Run(field, init, problem, grid, record)


def _learner(record, optimizer, source):
    if optimizer is None and record.get("inner_optimizer") == OWN:
        raise UserError(
            f"{source} was learned with an inner optimizer of one's own; give inner_optimizer= "
            "that function"
        )
    if optimizer is None:
        return in_file(source, lambda: learner_of(record))
    named = {name: value for name, value in record.items() if name != "inner_optimizer"}
    learner = in_file(source, lambda: learner_of(named))
    return learner._replace(inner=learner.inner._replace(optimizer=optimizer))


def _given_shape(shape, field):
    """The caller's grid, if the field takes as many coordinates as it has axes."""
    shape = check("shape", shape, _GRID)
    coords = jax.ShapeDtypeStruct((1, len(shape)), jnp.float32)
    try:
        jax.eval_shape(field.apply, jax.eval_shape(field.init, jax.random.key(0)), coords)
    except Exception as error:  # whatever a network makes of coordinates that are not its own
        raise UserError(
            f"shape is {shape}, and the field does not take {len(shape)} coordinates; give the "
            "grid of its signals"
        ) from error
    return shape


def _shape(record, source):
    """The grid that a record's signals were given on, None of other signals."""
    if record.get("experiment") not in (IMAGES, GRIDS):
        return None
    shape = record.get("shape") or [record.get("resolution")] * 2
    found = in_file(source, lambda: check("shape", shape, _GRID))
    if math.prod(found) > _MOST_POINTS:
        raise UserError(
            f"{source} was recorded with {math.prod(found)} points, too many for a grid"
        )
    return found


def _of_grid(field, inner_steps, shape, record):
    """What was learned for, without signals."""
    nothing = checked_access(dict.fromkeys(SPLITS, 0), lambda split, index: None)
    steps, match_step = with_match(spread_steps(_TEST_STEPS), inner_steps)
    points = check("inner_points", record.get("inner_points", 0), Range(0, _MOST_POINTS))
    return of_grid(field, nothing, shape, steps, match_step, inner_steps, points)
