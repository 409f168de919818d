"""The loop of algorithms that learn the field's weights alone: all of them are adapted."""

from collections.abc import Callable

from metainr.algorithms.inner import gradient_inner
from metainr.numerics.gradients import adapted_alone
from metainr.types import Hyper, Inner, Parts


def plain_inner(parts: Parts) -> Callable[[Hyper], Inner]:
    """Hyper -> θ_{k+1} = θ_k + update(∇L(θ_k)), from θ_0 = the meta-parameters."""
    gradient = parts.gradient(adapted_alone)
    return lambda hyper: gradient_inner(gradient, lambda held: parts.optimizer(hyper))
