"""Meta-learning over several classes by the mean of what they come to.

Source: arithmetic meta-learning for domain generalisation, CVPR 2025.
"""

import jax
import jax.numpy as jnp
from jax import lax

from metainr.algorithms.options import NoOptions
from metainr.algorithms.plain import plain_inner
from metainr.types import Algorithm, Parts, Work


def arithmetic(parts: Parts, options: NoOptions) -> Algorithm:
    """θ₀ − (1/n) Σ_j θ_j, θ_j being where the loop stands after the j-th of n signals.

    A task holds a signal of each class of a mixture (`metainr.signals.mixed`). The loop takes its
    steps on one after the other, in an order drawn anew for every task. With plain gradient descent
    and one step each the update is (α/n) Σ_j (n − j + 1) ∇L_j: earlier signals count more than in
    Reptile, which takes θ₀ − θ_n. With one class it is Reptile.
    """
    make_inner = plain_inner(parts)
    inner, num_steps = make_inner(parts.hyper), parts.num_steps

    def meta_gradient(meta_params, task, key):
        order_key, key = jax.random.split(key)
        supports = (task.support, *task.others)
        stacks = jax.tree.map(lambda *parts: jnp.stack(parts), *supports)

        def visit(state, place):
            support = jax.tree.map(lambda stack: stack[place], stacks)

            def step(state, _):
                state, info = inner.step(state, support, key)
                return state, info["loss"]

            state, losses = lax.scan(step, state, length=num_steps)
            return state, (inner.params(state), losses[0], losses[-1])

        order = jax.random.permutation(order_key, len(supports))
        _, (stops, before, after) = lax.scan(visit, inner.init(meta_params), order)
        gradient = jax.tree.map(lambda theta, stop: theta - stop.mean(0), meta_params, stops)
        return gradient, {"loss_before": before.mean(), "loss_after": after.mean()}

    return Algorithm(parts.init, meta_gradient, Work(num_steps, 0, 0), make_inner)
