"""Weights of several inits as one: weighted averages, and sums of differences.

Sources: Wortsman et al., "Model soups", ICML 2022; Ilharco et al., "Editing models with task
arithmetic", ICLR 2023. Both are about networks that were trained further from one that they have in
common, and say nothing of others.
"""

from collections.abc import Sequence

import jax

from metainr.errors import UserError
from metainr.types import Tree


def average(trees: Sequence[Tree], shares: Sequence[float] = ()) -> Tree:
    """Σ_i s_i θ_i / Σ_i s_i, as θ_1 + Σ_i s_i (θ_i − θ_1) / Σ_i s_i.

    Equal weights come out as they are, bit for bit.

    Args:
        trees: pytrees of arrays of one structure and the same shapes, one or more.
        shares: s_i ≥ 0 with a positive sum; none: equal ones.

    Raises:
        UserError: there are no trees, they are of different networks, or the shares are none.

    >>> zeros, ones = {"w": jnp.zeros(2)}, {"w": jnp.ones(2)}
    >>> metainr.weights.average([zeros, ones], shares=(3, 1))["w"].tolist()
    [0.25, 0.25]
    """
    shares = [1.0] * len(trees) if not shares else [*shares]
    _check_alike(trees)
    if len(shares) != len(trees) or min(shares) < 0 or not sum(shares) > 0:
        raise UserError(
            f"shares: {shares} of {len(trees)} weights; give as many numbers from 0 on, not all 0"
        )
    parts = [share / sum(shares) for share in shares]

    def mean(first, *others):
        return first + sum(part * (other - first) for part, other in zip(parts[1:], others))

    return jax.tree.map(mean, *trees)


def arithmetic(trees: Sequence[Tree], common: Tree, factor: float = 1.0) -> Tree:
    """θ_c + λ Σ_i (θ_i − θ_c): what each learned beyond what all had in common, added up.

    With λ = 1 this is θ_1 + Σ_{i>1} (θ_i − θ_c), and so it is computed: a θ_i that is θ_c adds
    nothing, bit for bit. With λ = 1/n it is the average of the n.

    Args:
        trees: the θ_i, pytrees of arrays of one structure and the same shapes, one or more.
        common: θ_c, what all were learned from.
        factor: λ.

    Raises:
        UserError: there are no trees, or they are of different networks.
    """
    _check_alike([*trees, common])

    def total(origin, first, *others):
        others = sum((other - origin for other in others), start=0.0)
        return first + (factor - 1) * (first - origin) + factor * others

    return jax.tree.map(total, common, *trees)


def _check_alike(trees):
    kinds = [
        (jax.tree.structure(t), [jax.numpy.shape(x) for x in jax.tree.leaves(t)]) for t in trees
    ]
    if not kinds or any(kind != kinds[0] for kind in kinds):
        raise UserError(
            f"{len(kinds)} weights of one network are needed, and these are of different ones or "
            "none; give what was learned with the same field"
        )
