"""Fields whose second derivatives are 0 everywhere, where second derivatives are what counts."""

from functools import partial

import jax
import numpy as np
from absl import logging

from experiments.config import Config
from metainr.types import Field, Measurement

_PROBES = 64


def warn_of_flatness(
    field: Field, second: Measurement, in_dim: int, flag: str, config: Config
) -> None:
    """Says so if a field does not have the second derivatives that it is told of.

    Args:
        field: of the configuration.
        second: what is read of the second derivatives.
        in_dim: the number of the field's coordinates.
        flag: by which they came to be told of, "--NAME=VALUE".
        config: of the run.
    """
    coords = jax.random.uniform(jax.random.key(0), (_PROBES, in_dim), minval=-1.0, maxval=1.0)
    bends = jax.jit(lambda params: second.local(partial(field.apply, params), coords))
    if not np.any(bends(field.init(jax.random.key(config.run.seed)))):
        logging.warning(
            "%s tells of second derivatives, which are 0 everywhere for this --field=%s "
            "(--activation=%s): nothing can be learned from them",
            flag, config.field.name, config.field.options.activation,
        )  # fmt: skip
