"""SIREN: a multilayer perceptron with sine activations.

Source: Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions",
NeurIPS 2020; ω0 and the zero biases as Tancik et al., CVPR 2021, use them.
"""

from flax import linen as nn

from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.numerics import sin
from metainr.types import Field


class Siren(nn.Module):
    """h_1 = sin(ω_first (W_0 x + b_0)), h_{k+1} = sin(ω (W_k h_k + b_k)), f = W_L h_L + b_L + c.

    W_0 starts at U(±1/in), the others, the last too, at U(±√(6/in)/ω); biases at 0.
    """

    out_dim: int
    width: int
    depth: int
    omega: float
    first_omega: float
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., in_dim] to values [..., out_dim]."""
        x = coords
        for index in range(self.depth):
            last = index == self.depth - 1
            limit = 1 / x.shape[-1] if index == 0 else (6 / x.shape[-1]) ** 0.5 / self.omega
            features = self.out_dim if last else self.width
            dtype = "float32" if last or index == 0 else self.compute_dtype
            if last:
                self.sow("intermediates", "hidden", x)
            x = dense(features, index, uniform(limit), dtype)(x)
            if not last:
                x = sin((self.first_omega if index == 0 else self.omega) * x)
        return x + self.output_offset


@checked_keywords
def siren(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    omega: float = 200.0,
    first_omega: float = 200.0,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A SIREN of `depth` linear layers."""
    module = Siren(out_dim, width, depth, omega, first_omega, output_offset, compute_dtype)
    return of_flax(module, in_dim)
