"""Inner optimizers by name, each a function of its learning rate."""

import jax
import optax

from metainr.registry import look_up
from metainr.types import MakeOptimizer


def adam(learning_rate: float | jax.Array) -> optax.GradientTransformation:
    """Adam that can be differentiated: √v has no slope at v = 0, so a tiny constant joins v."""
    return optax.adam(learning_rate, eps_root=1e-16)


REGISTRY: dict[str, MakeOptimizer] = {
    "sgd": optax.sgd,
    "adam": adam,
    "momentum": lambda learning_rate: optax.sgd(learning_rate, momentum=0.9),
}


def make_optimizer(optimizer: str | MakeOptimizer) -> MakeOptimizer:
    """The optimizer of that name as a function of its learning rate; a function is that itself.

    Raises UserError for an unknown name.
    """
    return optimizer if callable(optimizer) else look_up("inner optimizer", optimizer, REGISTRY)
