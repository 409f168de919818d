"""A SIREN whose hidden layers are shifted by a grid of latents: what is here, not what is there.

Source: COIN++ (Dupont et al., TMLR 2022) and functa's spatial form (Bauer et al., 2023).
"""

import functools
import itertools
import operator

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.numerics import sin
from metainr.types import Array, Field


class LatentSiren(nn.Module):
    """h_{k+1} = sin(ω_k (W_k h_k + b_k + A_k z(x))), f = W_L h_L + b_L + c.

    z(x) interpolates the latents of a grid of (cells + 1)^d vertices over [0, 1]^d, which start at
    0: with them it is a SIREN. A starts at U(±√(3/channels)).
    """

    cells: int
    channels: int
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
        shape = (*[self.cells + 1] * coords.shape[-1], self.channels)
        latents = self.param("latents", nn.initializers.zeros, shape, jnp.float32)
        here = interpolated(latents, coords)
        shifts = uniform((3 / self.channels) ** 0.5)
        x = coords
        for index in range(self.depth - 1):
            limit = 1 / x.shape[-1] if index == 0 else (6 / x.shape[-1]) ** 0.5 / self.omega
            dtype = self.compute_dtype if index else "float32"
            x = dense(self.width, index, uniform(limit), dtype)(x)
            shift = nn.Dense(
                self.width,
                use_bias=False,
                kernel_init=shifts,
                precision=lax.Precision.HIGHEST,
                name=f"shift_{index}",
            )
            x = sin((self.omega if index else self.first_omega) * (x + shift(here)))
        self.sow("intermediates", "hidden", x)
        limit = (6 / x.shape[-1]) ** 0.5 / self.omega
        return dense(self.out_dim, self.depth - 1, uniform(limit))(x) + self.output_offset


def interpolated(latents: Array, coords: Array) -> Array:
    """Grids [n + 1, ..., channels] at coords [..., d] in [0, 1], d-linear between their vertices.

    Coordinates outside count as those nearest to them in it.
    """
    d = coords.shape[-1]
    cells = latents.shape[0] - 1
    place = jnp.clip(coords, 0, 1) * cells
    low = jnp.clip(jnp.floor(place), 0, cells - 1)
    part = place - low
    corner = low.astype(jnp.int32)
    found = jnp.zeros((*coords.shape[:-1], latents.shape[-1]), latents.dtype)
    for offset in itertools.product((0, 1), repeat=d):
        ends = [part[..., axis] if up else 1 - part[..., axis] for axis, up in enumerate(offset)]
        index = tuple(corner[..., axis] + up for axis, up in enumerate(offset))
        weight = functools.reduce(operator.mul, ends)
        found += weight[..., None] * latents[index]
    return found


@checked_keywords
def latent_siren(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    omega: float = 200.0,
    first_omega: float = 200.0,
    latent_cells: int = 8,
    latent_channels: int = 16,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A SIREN of `depth` linear layers over a grid of latents."""
    module = LatentSiren(
        latent_cells, latent_channels, out_dim, width, depth, omega, first_omega, output_offset,
        compute_dtype,
    )  # fmt: skip
    return of_flax(module, in_dim)
