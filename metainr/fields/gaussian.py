"""A multilayer perceptron with Gaussian activations.

Source: Ramasinghe & Lucey, "Beyond Periodicity: Towards a Unifying Framework for Activations in
Coordinate-MLPs", ECCV 2022.
"""

import jax.numpy as jnp
from flax import linen as nn

from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.types import Field


class Gaussian(nn.Module):
    """h_{k+1} = exp(−(W_k h_k + b_k)²/(2σ²)), h_0 = x, f = W_L h_L + b_L + c.

    σ sets the bandwidth, in place of an encoding. Weights and biases start at U(±1/√in), as
    published; the source finds that others serve as well.
    """

    out_dim: int
    width: int
    depth: int
    sigma: float
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., in_dim] to values [..., out_dim]."""
        x = coords
        for index in range(self.depth):
            last = index == self.depth - 1
            init = uniform(x.shape[-1] ** -0.5)
            features = self.out_dim if last else self.width
            dtype = "float32" if last or index == 0 else self.compute_dtype
            if last:
                self.sow("intermediates", "hidden", x)
            x = dense(features, index, init, dtype, bias_init=init)(x)
            if not last:
                x = jnp.exp(-jnp.square(x / self.sigma) / 2)
        return x + self.output_offset


@checked_keywords
def gaussian(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    sigma: float = 0.1,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A Gaussian MLP of `depth` linear layers."""
    module = Gaussian(out_dim, width, depth, sigma, output_offset, compute_dtype)
    return of_flax(module, in_dim)
