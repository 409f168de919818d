"""WIRE: a multilayer perceptron with complex Gabor wavelets.

Source: Saragadam et al., "WIRE: Wavelet Implicit Neural Representations", CVPR 2023.
"""

import math

import jax.numpy as jnp
from flax import linen as nn

from metainr.errors import UserError
from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.numerics import sin_cos
from metainr.types import Field

_LARGEST_PRODUCT = 4.0  # of ω and σ: wavelets reach exp((ωσ)²/2), here 3e3


class Wire(nn.Module):
    """h_{k+1} = ψ(W_k h_k + b_k), ψ(z) = exp(iωz − |z|²/(2σ²)), h_0 = x, f = Re(W_L h_L + b_L) + c.

    The first layer has real weights, the others complex ones, kept as pairs of reals: a kernel
    [in, 2 units] holds Re W beside Im W, and all leaves are float32. There are ⌊width/√2⌋ complex
    units to a layer, so that there are as many numbers as in a real network. All parts of weights
    and biases start at U(±1/√in). Published: ω = 20 and s0 = 10, that is σ = 1/(√2 s0) = 0.07.
    """

    out_dim: int
    width: int
    depth: int
    omega: float
    first_omega: float
    sigma: float
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., in_dim] to values [..., out_dim]."""
        units = max(1, int(self.width / math.sqrt(2)))
        init = uniform(coords.shape[-1] ** -0.5)
        real = dense(units, 0, init, bias_init=init)(coords)
        x = self._wavelet(self.first_omega, real, jnp.zeros_like(real))
        init = uniform(units**-0.5)
        for index in range(1, self.depth - 1):
            bias = self.param(f"bias_{index}", init, (2, units), jnp.float32)
            layer = dense(2 * units, index, init, self.compute_dtype, bias_init=None)
            (rr, ri), (ir, ii) = (jnp.split(layer(part), 2, -1) for part in x)
            real, imaginary = (jnp.broadcast_to(part, rr.shape) for part in bias)
            x = self._wavelet(self.omega, rr - ii + real, ri + ir + imaginary)
        # The real part alone of a complex layer is a real one, of both parts.
        last = dense(self.out_dim, self.depth - 1, init, bias_init=init)
        parts = jnp.concatenate(x, -1)
        self.sow("intermediates", "hidden", parts)
        return last(parts) + self.output_offset

    def _wavelet(self, omega, real, imaginary):
        square = jnp.square(real) + jnp.square(imaginary)
        size = jnp.exp(-omega * imaginary - square / (2 * self.sigma**2))
        sine, cosine = sin_cos(omega * real)
        return size * cosine, size * sine


@checked_keywords
def wire(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    omega: float = 20.0,
    first_omega: float = 20.0,
    sigma: float = 0.07,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A WIRE of `depth` linear layers; frequencies and windows are the published ones.

    Raises UserError if omega · sigma is so large that wavelets of complex arguments explode.
    """
    if omega * sigma > _LARGEST_PRODUCT:
        raise UserError(
            f"omega {omega:g} times sigma {sigma:g} is above {_LARGEST_PRODUCT:g}, where the "
            "wavelets of wire explode; give e.g. omega 20 and sigma 0.07"
        )
    omegas = omega, first_omega
    module = Wire(out_dim, width, depth, *omegas, sigma, output_offset, compute_dtype)
    return of_flax(module, in_dim)
