"""The network of the prior: what a vector was before noise."""

import jax.numpy as jnp
from flax import linen as nn

from metainr.types import Array

_OCTAVES = 32
_LOWEST = 1e-4  # frequency


class Denoiser(nn.Module):
    """A residual MLP: h ← h + W₂ silu(W₁ norm(h) + e(t, label)); x̂ = √ᾱ x_t + √(1 − ᾱ) W h.

    e embeds the noise level by sines and the label by a vector; label −1 stands for any. With
    W = 0, as at the start, it is the best guess for vectors ~ N(0, I).

    size: d. width, blocks: of its layers. classes: labels that there are.
    """

    size: int
    width: int = 512
    blocks: int = 3
    classes: int = 0

    @nn.compact
    def __call__(self, noisy: Array, level: Array, kept: Array, label: Array) -> Array:
        """x̂ [n, d] of x_t [n, d] at levels in [0, 1] [n] with ᾱ [n] and labels [n]."""
        octaves = jnp.geomspace(_LOWEST, 1, _OCTAVES)
        phases = 1000 * level[:, None] * octaves[None]
        told = nn.Dense(self.width)(jnp.concatenate([jnp.sin(phases), jnp.cos(phases)], -1))
        told = told + nn.Embed(self.classes + 1, self.width)(label + 1)
        x = nn.Dense(self.width)(noisy)
        for _ in range(self.blocks):
            inner = nn.Dense(self.width)(nn.LayerNorm()(x)) + nn.Dense(self.width)(nn.silu(told))
            x = x + nn.Dense(self.width)(nn.silu(inner))
        found = nn.Dense(self.size, kernel_init=nn.initializers.zeros)(nn.silu(nn.LayerNorm()(x)))
        share = kept[:, None]
        return jnp.sqrt(share) * noisy + jnp.sqrt(1 - share) * found
