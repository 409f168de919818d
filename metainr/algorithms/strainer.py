"""Shared layers below one head per training signal. Source: Vyas et al., NeurIPS 2024."""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from metainr.algorithms.first_step import with_first_cost, with_first_step
from metainr.algorithms.inner import gradient_inner
from metainr.algorithms.layers import by_name, last_layer, replaced
from metainr.checks import Choice, Range
from metainr.errors import UserError
from metainr.numerics.gradients import adapted_alone
from metainr.types import Algorithm, Params, Parts, Work

_RIDGE = 1e-6  # of the mean square of the features


class StrainerOptions(NamedTuple):
    """What is kept, and how fits start.

    heads: training signals, the first ones, each of which has a last layer of its own
    start: the last layer of a fit: random, mean of the heads, or mean with ridge as first step
    """

    heads: Annotated[int, Range(1, 10_000)] = 10
    start: Annotated[str, Choice(("random", "mean", "ridge"))] = "random"


class StrainerParams(NamedTuple):
    """The weights with a random last layer, and the heads: its leaves by name [heads, ...]."""

    shared: Params
    heads: dict[str, Any]


def strainer(parts: Parts, options: StrainerOptions) -> Algorithm:
    """∇ Σ_i L_query(shared layers, head i), without an inner loop.

    Test-time fits adapt all weights. With `start="ridge"` their first step gives the last layer the
    least-squares solution for the features that it reads, in place of a gradient step. Raises
    UserError for a field whose weights' names tell of no last layer.
    """
    names = last_layer(jax.eval_shape(parts.init, jax.random.key(0)))
    gradient = parts.gradient(adapted_alone)

    def init(key):
        shared_key, *keys = jax.random.split(key, options.heads + 1)
        heads = [by_name(parts.init(head_key)) for head_key in keys]
        stacked = {name: jnp.stack([head[name] for head in heads]) for name in names}
        return StrainerParams(parts.init(shared_key), stacked)

    def meta_gradient(meta_params, task, key):
        head = {name: rows[task.number] for name, rows in meta_params.heads.items()}
        params = replaced(meta_params.shared, head)
        loss, slope = parts.query(params, task.query, key, 0)
        slopes = by_name(slope)
        heads = {
            name: jnp.zeros_like(rows).at[task.number].set(slopes[name])
            for name, rows in meta_params.heads.items()
        }
        shared = replaced(slope, {name: jnp.zeros_like(slopes[name]) for name in names})
        return StrainerParams(shared, heads), {"loss_before": loss, "loss_after": loss}

    def start(meta_params):
        if options.start == "random":
            return meta_params.shared, ()
        means = {name: rows.mean(0) for name, rows in meta_params.heads.items()}
        return replaced(meta_params.shared, means), ()

    def solve(state, support, key):
        loss, _ = gradient(state.adapted, (), support, key, 0)
        change = _ridge(parts.residuals(state.adapted, support, key, 0))
        leaves = by_name(state.adapted)
        bias = next(name for name in names if "bias" in name.rpartition("/")[2])
        (kernel,) = (name for name in names if name != bias)
        moved = {kernel: leaves[kernel] + change[:-1], bias: leaves[bias] + change[-1]}
        return loss, replaced(state.adapted, moved)

    def make_inner(hyper):
        plain = gradient_inner(gradient, lambda held: parts.optimizer(hyper), start)
        return with_first_step(plain, solve) if options.start == "ridge" else plain

    cost = with_first_cost(2) if options.start == "ridge" else float
    return Algorithm(init, meta_gradient, Work(0, 0, 1), make_inner, fit_gradients=cost)


def _ridge(terms):
    """Δ of the least Σ_i w_i ‖e_i + (h_i, 1) Δ‖², with a ridge that only keeps it solvable."""
    residuals, hidden = terms[0], terms[0].hidden
    apart = len(terms) > 1 or residuals.errors.ndim != 2
    if hidden is None or hidden.shape[1] != 1 or apart:
        raise UserError(
            "strainer's ridge solution needs a field that tells its last hidden features, asked at "
            "one point per observation; give strainer_start mean or random"
        )
    features = jnp.concatenate([hidden[:, 0], jnp.ones_like(hidden[:, 0, :1])], axis=1)
    weighed = features * residuals.weights[:, None]
    gram = weighed.T @ features
    ridge = _RIDGE * jnp.trace(gram) / len(gram) * jnp.eye(len(gram), dtype=gram.dtype)
    return -jnp.linalg.solve(gram + ridge, weighed.T @ residuals.errors)
