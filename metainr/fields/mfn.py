"""A multiplicative filter network with Fourier filters: a sum of sines, however deep.

Source: Fathony et al., "Multiplicative Filter Networks", ICLR 2021.
"""

import math

from flax import linen as nn

from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.numerics import sin
from metainr.types import Field


class Mfn(nn.Module):
    """h_1 = g_1(x), h_{k+1} = (W_k h_k + b_k) ∘ g_{k+1}(x), f = W_K h_K + b_K + c, with filters
    g_k(x) = sin(Ω_k x + φ_k), k = 1 … K = depth − 1.

    Ω starts at U(±ω_first/√(in K)), φ at U(±π), W at U(±1/√width), biases at U(±1/√width). The
    layers of filter k and of W_k are `dense_<2k−2>` and `dense_<2k−1>`.
    """

    out_dim: int
    width: int
    depth: int
    first_omega: float
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., in_dim] to values [..., out_dim]."""
        count = self.depth - 1
        frequencies = uniform(self.first_omega / math.sqrt(coords.shape[-1] * count))
        mixing = uniform(self.width**-0.5)
        x = coords
        for k in range(count):
            wave = sin(dense(self.width, 2 * k, frequencies, bias_init=uniform(math.pi))(coords))
            x = x * wave if k else wave
            last = k == count - 1
            if last:
                self.sow("intermediates", "hidden", x)
            features = self.out_dim if last else self.width
            dtype = "float32" if last else self.compute_dtype
            x = dense(features, 2 * k + 1, mixing, dtype, bias_init=mixing)(x)
        return x + self.output_offset


@checked_keywords
def mfn(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    first_omega: float = 200.0,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A network of `depth` − 1 filters."""
    module = Mfn(out_dim, width, depth, first_omega, output_offset, compute_dtype)
    return of_flax(module, in_dim)
