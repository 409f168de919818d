"""The neural tangent kernel of an init, and where the signals of a class lie in it.

Sources: Jacot et al., NeurIPS 2018; Yüce et al., CVPR 2022.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.errors import UserError
from metainr.types import Adapted, Array

_LEADING = 0.1  # of the largest eigenvalue
_TOP = 20
_FLAT = 1e-6
_ROWS = 64  # of the Jacobian at a time


class Spectrum(NamedTuple):
    """A kernel's eigenvalues [n], largest first, and its eigenvectors as columns [n, n]."""

    values: np.ndarray
    vectors: np.ndarray


class Alignment(NamedTuple):
    """How well a kernel suits a class.

    energy: [n], the cumulative share of the signals' energy in the leading eigenvectors;
    leading: that in those of eigenvalues above a tenth of the largest;
    num_leading: their number;
    alignment: ⟨K, C⟩ / (‖K‖ ‖C‖) of the centred kernel and the class's covariance C;
    shared: the mean energy of the 20 leading eigenvectors in the 20 leading principal components.
    """

    energy: np.ndarray
    leading: float
    num_leading: int
    alignment: float
    shared: float


def tangent_kernel(
    values: Callable[[Adapted, Array], Array], adapted: Adapted, points: Array
) -> np.ndarray:
    """K = Σ_c J_c J_cᵀ, J_c being ∂ values[:, c] / ∂ adapted at n points: [n, n].

    Computed in the precision of `adapted`; the channels are summed. The Jacobian is made by blocks
    of rows, each row from its own point alone, and held for one channel at a time.

    Args:
        values: (adapted, points [m, d]) -> [m, c], the field there.
        adapted: what fits change, at the init.
        points: [n, d].
    """

    def one(adapted, point, channel):
        return values(adapted, point[None])[0, channel]

    @jax.jit
    def block(adapted, rows, channel):  # weights that it closed over would be folded, for minutes
        slopes = jax.vmap(jax.grad(one), (None, 0, None))(adapted, rows, channel)
        return jnp.concatenate([x.reshape(len(rows), -1) for x in jax.tree.leaves(slopes)], axis=1)

    count, width = len(points), sum(leaf.size for leaf in jax.tree.leaves(adapted))
    kernel, jacobian = np.zeros((count, count)), np.empty((count, width))
    for channel in range(jax.eval_shape(values, adapted, points).shape[1]):
        for begin in range(0, count, _ROWS):
            rows = slice(begin, begin + _ROWS)
            jacobian[rows] = block(adapted, points[rows], channel)
        kernel += jacobian @ jacobian.T
    return kernel


def spectrum(kernel: np.ndarray) -> Spectrum:
    """The kernel's eigenvalues and eigenvectors."""
    values, vectors = np.linalg.eigh(kernel)
    return Spectrum(values[::-1], vectors[:, ::-1])


def alignment(kernel: np.ndarray, signals: np.ndarray) -> Alignment:
    """How well a kernel [n, n] suits signals [m, n], whose own means are taken off.

    A signal T has the energy ⟨u_i, T − T̄⟩² / ‖T − T̄‖² in eigenvector u_i; energies are means over
    the signals, of which constant ones are left out. Raises UserError if all signals are constant,
    or alike.
    """
    values, vectors = spectrum(kernel)
    centred = signals - signals.mean(axis=1, keepdims=True)
    centred = centred[np.linalg.norm(centred, axis=1) > _FLAT]
    if not len(centred) or np.ptp(signals, axis=0).max() < _FLAT:
        raise UserError("the test signals are constant or all alike; give a class of others")
    energies = (centred @ vectors) ** 2 / (centred**2).sum(axis=1, keepdims=True)
    share = energies.mean(axis=0)
    leading = values >= _LEADING * values[0]
    spread = signals - signals.mean(axis=0)
    covariance = spread.T @ spread / len(signals)
    middle = np.eye(len(kernel)) - 1 / len(kernel)
    around = middle @ kernel @ middle
    inner = (around * covariance).sum() / (np.linalg.norm(around) * np.linalg.norm(covariance))
    components = np.linalg.svd(spread, full_matrices=False)[2][:_TOP]
    overlaps = (components @ vectors[:, : len(components)]) ** 2
    return Alignment(
        np.cumsum(share),
        float(share[leading].sum()),
        int(leading.sum()),
        float(inner),
        float(overlaps.sum(axis=0).mean()),
    )
