"""The inits that a learned one is compared with. Source: Tancik et al., CVPR 2021, section 4."""

import jax
from jax.sharding import Mesh

from metainr.evaluation.streaming import fit_each
from metainr.types import Array, Contender, Key, Params, Support

FIT_STEPS = 500
FIT_LEARNING_RATE = 1e-4


def fitted(
    contender: Contender, support: Support, key: Key, mesh: Mesh | None = None
) -> tuple[Params, Array]:
    """Weights fitted to one support for 500 steps, and the loss before the last of them.

    With the class's mean signal as support this is the *mean* init: where signals are observed at
    shared points, the pooled loss over them is the loss against their mean plus a constant. With
    the learned weights as support of a draw of their output it is the *matched* init.
    `mesh`: of the devices that the inner loop divides observations over, if it does.
    """
    [(fit,)] = fit_each([contender], [support], key, FIT_STEPS, mesh)
    return fit.params, fit.metrics["loss"][-1]


def shuffled(params: Params, key: Key) -> Params:
    """The weights permuted within each leaf: their distribution without their arrangement."""
    leaves, treedef = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    permuted = [
        jax.random.permutation(k, leaf.reshape(-1)).reshape(leaf.shape)
        for k, leaf in zip(keys, leaves)
    ]
    return jax.tree.unflatten(treedef, permuted)
