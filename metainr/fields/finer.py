"""FINER: a SIREN whose sines run faster the further their argument is from zero.

Source: Liu et al., "FINER: Flexible Spectral-bias Tuning in Implicit Neural Representation by
Variable-periodic Activation Functions", CVPR 2024.
"""

import jax.numpy as jnp
from flax import linen as nn

from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.numerics import sin
from metainr.types import Field


class Finer(nn.Module):
    """h_{k+1} = sin(ω (|z_k| + 1) z_k), z_k = W_k h_k + b_k, h_0 = x, f = W_L h_L + b_L + c.

    ω is ω_first in the first layer, whose biases start at U(±k): they choose the parts of the sine
    that its units use, and so their frequencies ω (2|z| + 1). Weights start as a SIREN's, the other
    biases at U(±1/√in). The published program takes |z| + 1 for a constant when it differentiates;
    here derivatives are those of the formula.
    """

    out_dim: int
    width: int
    depth: int
    omega: float
    first_omega: float
    first_bias: float
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., in_dim] to values [..., out_dim]."""
        x = coords
        for index in range(self.depth):
            first, last = index == 0, index == self.depth - 1
            inputs = x.shape[-1]
            init = uniform(1 / inputs if first else (6 / inputs) ** 0.5 / self.omega)
            bias_init = uniform(self.first_bias if first else inputs**-0.5)
            features = self.out_dim if last else self.width
            dtype = "float32" if first or last else self.compute_dtype
            if last:
                self.sow("intermediates", "hidden", x)
            x = dense(features, index, init, dtype, bias_init)(x)
            if not last:
                x = sin((self.first_omega if first else self.omega) * (jnp.abs(x) + 1) * x)
        return x + self.output_offset


@checked_keywords
def finer(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    omega: float = 200.0,
    first_omega: float = 200.0,
    first_bias: float = 1.0,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A FINER of `depth` linear layers."""
    omegas = omega, first_omega
    module = Finer(out_dim, width, depth, *omegas, first_bias, output_offset, compute_dtype)
    return of_flax(module, in_dim)
