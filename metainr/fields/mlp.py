"""Multilayer perceptrons on coordinates as they are, or behind a fixed encoding.

Sources: positional encoding, Mildenhall et al., "NeRF", ECCV 2020; random Fourier features, Tancik
et al., "Fourier Features Let Networks Learn High Frequency Functions", NeurIPS 2020.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from metainr.fields.activations import ACTIVATIONS
from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense
from metainr.fields.keywords import checked_keywords
from metainr.numerics import sin_cos
from metainr.types import Array, Field


class Mlp(nn.Module):
    """f = o(W_L h_L + b_L) + c, h_{k+1} = a(W_k h_k + b_k), h_0 = encoding(x).

    Weights start at He-normal under ReLU-like activations (LeCun-normal in the last layer), biases
    at 0.
    """

    encoding: Callable[[Array], Array]
    activation: str
    output_activation: str
    out_dim: int
    width: int
    depth: int
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., in_dim] to values [..., out_dim]."""
        x = self.encoding(coords)
        for index in range(self.depth - 1):
            dtype = self.compute_dtype if index else "float32"
            x = dense(self.width, index, nn.initializers.he_normal(), dtype)(x)
            x = ACTIVATIONS[self.activation](x)
        self.sow("intermediates", "hidden", x)
        x = dense(self.out_dim, self.depth - 1, nn.initializers.lecun_normal())(x)
        return ACTIVATIONS[self.output_activation](x) + self.output_offset


@checked_keywords
def mlp(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    activation: str = "relu",
    output_activation: str = "identity",
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """An MLP on the bare coordinates, with a function of `ACTIVATIONS` between its layers."""
    shape = out_dim, width, depth
    module = Mlp(_bare, activation, output_activation, *shape, output_offset, compute_dtype)
    return of_flax(module, in_dim)


@checked_keywords
def positional_mlp(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    activation: str = "relu",
    output_activation: str = "identity",
    output_offset: float = 0.5,
    octaves: float = 8.0,
    frequencies: int = 20,
    compute_dtype: str = "float32",
) -> Field:
    """An MLP on [sin(2^s x), cos(2^s x)], s = linspace(0, octaves, frequencies), for each axis."""
    scales = np.exp2(np.linspace(0, octaves, frequencies)).astype(np.float32)

    def encoding(coords: Array) -> Array:
        row = scales.astype(coords.dtype).reshape(*[1] * coords.ndim, -1)
        angles = coords[..., None] * row
        return _sin_cos(angles.reshape(*coords.shape[:-1], -1))

    shape = out_dim, width, depth
    module = Mlp(encoding, activation, output_activation, *shape, output_offset, compute_dtype)
    return of_flax(module, in_dim)


@checked_keywords
def fourier_mlp(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    activation: str = "relu",
    output_activation: str = "identity",
    output_offset: float = 0.5,
    fourier_scale: float = 30.0,
    fourier_seed: int = 0,
    compute_dtype: str = "float32",
) -> Field:
    """An MLP on [sin(x B), cos(x B)], B ~ fourier_scale · N(0, 1) of shape [in_dim, width].

    B is a constant of the field, given by `fourier_seed`: it is neither trained nor stored.
    """
    normal = np.random.default_rng(fourier_seed).standard_normal((in_dim, width))
    matrix = (fourier_scale * normal).astype(np.float32)

    def encoding(coords: Array) -> Array:
        return _sin_cos(
            jnp.dot(coords, matrix.astype(coords.dtype), precision=jax.lax.Precision.HIGHEST)
        )

    shape = out_dim, width, depth
    module = Mlp(encoding, activation, output_activation, *shape, output_offset, compute_dtype)
    return of_flax(module, in_dim)


def _bare(coords):
    return coords


def _sin_cos(angles):
    return jnp.concatenate(sin_cos(angles), -1)
