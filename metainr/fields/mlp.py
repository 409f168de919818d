"""Multilayer perceptrons on coordinates as they are, or behind a fixed encoding.

Sources: positional encoding, Mildenhall et al., "NeRF", ECCV 2020; random Fourier features, Tancik
et al., "Fourier Features Let Networks Learn High Frequency Functions", NeurIPS 2020.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from metainr.errors import UserError
from metainr.fields.dense import dense, from_module
from metainr.fields.options import FieldOptions
from metainr.numerics import sin, sin_cos, softplus
from metainr.types import Array, Field


class Mlp(nn.Module):
    """f = o(W_L h_L + b_L) + c, h_{k+1} = a(W_k h_k + b_k), h_0 = encoding(x).

    Weights start at He-normal under ReLU-like activations (LeCun-normal in the last layer), biases
    at 0.
    """

    encoding: Callable[[Array], Array]
    activation: Callable[[Array], Array]
    output_activation: Callable[[Array], Array]
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
            x = self.activation(x)
        x = dense(self.out_dim, self.depth - 1, nn.initializers.lecun_normal())(x)
        return self.output_activation(x) + self.output_offset


def mlp(options: FieldOptions) -> Field:
    """An MLP on the bare coordinates."""
    return _mlp(options, lambda coords: coords)


def positional_mlp(options: FieldOptions) -> Field:
    """An MLP on [sin(2^s x), cos(2^s x)], s = linspace(0, octaves, frequencies), for each axis."""
    scales = np.exp2(np.linspace(0, options.octaves, options.frequencies)).astype(np.float32)

    def encoding(coords):
        row = scales.astype(coords.dtype).reshape(*[1] * coords.ndim, -1)
        angles = coords[..., None] * row
        return _sin_cos(angles.reshape(*coords.shape[:-1], -1))

    return _mlp(options, encoding)


def fourier_mlp(options: FieldOptions) -> Field:
    """An MLP on [sin(x B), cos(x B)], B ~ fourier_scale · N(0, 1) of shape [in_dim, width].

    B is a constant of the field, given by `fourier_seed`: it is neither trained nor stored.
    """
    generator = np.random.default_rng(options.fourier_seed)
    shape = (options.in_dim, options.width)
    matrix = (options.fourier_scale * generator.standard_normal(shape)).astype(np.float32)

    def encoding(coords):
        return _sin_cos(
            jnp.dot(coords, matrix.astype(coords.dtype), precision=jax.lax.Precision.HIGHEST)
        )

    return _mlp(options, encoding)


def _sin_cos(angles):
    return jnp.concatenate(sin_cos(angles), -1)


def _mlp(options, encoding):
    module = Mlp(
        encoding,
        _activation(options.activation),
        _activation(options.output_activation),
        options.out_dim,
        options.width,
        options.depth,
        options.output_offset,
        options.compute_dtype,
    )
    return from_module(module, options.in_dim)


def _activation(name):
    own = {"identity": lambda x: x, "sin": sin, "softplus": softplus}
    if name in own:
        return own[name]
    function = getattr(jax.nn, name, None) or getattr(jnp, name, None)
    if not _is_elementwise(function):
        raise UserError(f"unknown activation {name!r}; use a function of jax.nn such as relu, tanh")
    return function


def _is_elementwise(function):
    """Whether it takes one array of floats to another of its shape."""
    try:
        values = jax.eval_shape(function, jax.ShapeDtypeStruct((2, 3), jnp.float32))
        return (values.shape, values.dtype) == ((2, 3), jnp.float32)
    except Exception:  # what a function of something else raises is its own affair
        return False
