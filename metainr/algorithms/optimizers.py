"""Inner optimizers by name, each a function of its learning rate."""

from collections.abc import Callable

import optax

from metainr.registry import look_up
from metainr.types import Array


def adam(learning_rate: float | Array) -> optax.GradientTransformation:
    """Adam that can be differentiated: √v has no slope at v = 0, so a tiny constant joins v."""
    return optax.adam(learning_rate, eps_root=1e-16)


REGISTRY: dict[str, Callable[[float | Array], optax.GradientTransformation]] = {
    "sgd": optax.sgd,
    "adam": adam,
    "momentum": lambda learning_rate: optax.sgd(learning_rate, momentum=0.9),
}


def make_optimizer(name: str) -> Callable[[float | Array], optax.GradientTransformation]:
    """The optimizer called `name` as a function of its learning rate; UserError if unknown."""
    return look_up("inner optimizer", name, REGISTRY)
