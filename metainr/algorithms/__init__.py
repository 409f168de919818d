"""Meta-learning algorithms by name; a new one is one file and one line here."""

from collections.abc import Callable

from metainr.algorithms.first_order_maml import first_order_maml
from metainr.algorithms.inner import InnerState, adapt, gradient_inner
from metainr.algorithms.maml import maml
from metainr.algorithms.optimizers import make_optimizer
from metainr.algorithms.reptile import reptile
from metainr.registry import look_up
from metainr.types import Algorithm

REGISTRY = {"maml": maml, "first_order_maml": first_order_maml, "reptile": reptile}


def make(name: str) -> Callable[..., Algorithm]:
    """The algorithm called `name`, a function of (init, inner, query_gradient, num_steps)."""
    return look_up("algorithm", name, REGISTRY)


__all__ = [
    "REGISTRY",
    "InnerState",
    "adapt",
    "first_order_maml",
    "gradient_inner",
    "make",
    "make_optimizer",
    "maml",
    "reptile",
]
