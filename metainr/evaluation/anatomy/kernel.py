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


def tangent_kernel(values: Callable[[Adapted], Array], adapted: Adapted) -> np.ndarray:
    """K = Σ_c J_c J_cᵀ, J_c being ∂ values[:, c] / ∂ adapted: [n, n].

    Computed in the precision of `adapted`; the channels are summed. The Jacobian is made by blocks
    of rows and held for one channel at a time.

    Args:
        values: adapted -> [n, c], the field at n points.
        adapted: what fits change, at the init.
    """
    shape = jax.eval_shape(values, adapted).shape

    @jax.jit
    def block(adapted, rows, channel):  # weights that it closed over would be folded, for minutes
        _, pullback = jax.vjp(values, adapted)
        seeds = jax.vmap(lambda row: jnp.zeros(shape, _dtype(adapted)).at[row, channel].set(1))
        (slopes,) = jax.vmap(pullback)(seeds(rows))
        return jnp.concatenate([x.reshape(len(rows), -1) for x in jax.tree.leaves(slopes)], axis=1)

    count, width = shape[0], sum(leaf.size for leaf in jax.tree.leaves(adapted))
    kernel, jacobian = np.zeros((count, count)), np.empty((count, width))
    for channel in range(shape[1]):
        for begin in range(0, count, _ROWS):
            end = min(begin + _ROWS, count)
            jacobian[begin:end] = block(adapted, jnp.arange(begin, end), channel)
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


def _dtype(adapted):
    return jax.tree.leaves(adapted)[0].dtype
