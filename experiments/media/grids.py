"""What the experiments on sounds, clips and waves share: signals given on a grid."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from experiments.config import Config, Values
from metainr.errors import UserError
from metainr.numerics import map_over_chunks
from metainr.runs.problem import spread_steps
from metainr.types import Array, Field, Params


def grid(axes: Sequence[np.ndarray]) -> np.ndarray:
    """All points of the axes' product, the last axis first to change: float32 [n, d]."""
    mesh = np.meshgrid(*axes, indexing="ij")
    return np.stack(mesh, axis=-1).reshape(-1, len(axes)).astype(np.float32)


def values_at(field: Field, params: Params, coords: np.ndarray, chunk_size: int | None) -> Array:
    """The field's values [n, c] at coords [n, d], a chunk at a time."""
    return map_over_chunks(partial(field.apply, params), jnp.asarray(coords), chunk_size)


def measured_steps(config: Config) -> tuple[tuple[int, ...], int]:
    """(steps after which fits are measured, the one at which inits are compared).

    That is after as many steps as the inits were learned for; without learning, after the last.
    """
    last = config.run.test_steps
    match = last if config.run.only_tests else min(config.learner.inner_steps, last)
    return tuple(sorted({*spread_steps(last), match})), match


def check_alone(values: Values, flag: str, kind: str, folder_flag: str) -> None:
    """Raises UserError if more is asked of the one file that --FLAG names than to fit it."""
    if values["algorithm"] != "none" and values["init"] is None:
        raise UserError(
            f"--{flag}={values[flag]} is one {kind}, of which no init can be learned: "
            f"give --algorithm=none, --init of a run, or --{folder_flag}"
        )
    if values["tune"]:
        raise UserError(f"--tune needs more {kind}s than that of --{flag}; leave it out")


def number(path: Path) -> int:
    """Which of the test signals a fit is of that is written as NUMBER_FILE_INIT."""
    return int(path.name.partition("_")[0])


def original(path: Path) -> Path:
    """Where the signal itself is written beside its fits: NUMBER_original, of NUMBER_FILE_INIT."""
    return path.with_name(f"{path.name.partition('_')[0]}_original")
