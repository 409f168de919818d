"""Volume rendering: the colour that a ray gathers from a field of colours and densities.

Source: Mildenhall et al., "NeRF", ECCV 2020, equation 3, without viewing directions and without a
second network; intervals and backgrounds as Tancik et al., CVPR 2021, use them.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from metainr.cameras import RaySamples
from metainr.numerics import softplus
from metainr.registry import look_up
from metainr.types import Array, Measurement

_OPAQUE = 80.0  # e^−80 is no denormal number, and 1 − e^−80 is 1


class Background(NamedTuple):
    """What lies behind the last sample: a grey level that comes through, after an interval."""

    colour: float
    last_interval: float


BACKGROUNDS = {"white": Background(1.0, 1e-3), "none": Background(0.0, 1e10)}
DENSITIES = {"softplus": softplus, "relu": jax.nn.relu}


class Rendered(NamedTuple):
    """What n rays see.

    colours: [n, 3] in [0, 1];
    depth: [n], the mean depth that light comes from, the background's being the last sample's;
    opacity: [n] in [0, 1], the share of light that does not come from the background.
    """

    colours: Array
    depth: Array
    opacity: Array


def rendering(background: str = "white", density: str = "softplus") -> Measurement:
    """Inputs are `RaySamples` [n, s], a field's values are raw (r, g, b, σ), predictions [n, 3].

    Args:
        background: a name of BACKGROUNDS; "white" lets white light come through what is not opaque,
            "none" makes whatever density the last sample has opaque.
        density: a name of DENSITIES, of the function that makes densities ≥ 0 of raw ones. Under
            "relu", which was published, a field whose densities all start below 0 stays empty.

    Raises UserError for other names.
    """
    _checked(background, density)
    render = functools.partial(composite, background=background, density=density)
    return Measurement(
        points=_points,
        local=lambda field, coords: field(coords),
        pool=lambda features, rays: render(features, rays.depths).colours,
    )


def composite(
    features: Array, depths: Array, background: str = "white", density: str = "softplus"
) -> Rendered:
    """Light along rays, C = Σ_k T_k α_k c_k + (1 − Σ_k T_k α_k) · background.

    α_k = 1 − exp(−σ_k δ_k), T_k = exp(−Σ_{j<k} σ_j δ_j), δ_k = z_{k+1} − z_k. Directions count as
    having length 1, as published: densities are per length of the ray's own direction. Values and
    first two derivatives are finite at any density.

    Args:
        features: raw [n, s, 4], see `activate`.
        depths: z [n, s], ascending.
        background, density: see `rendering`.

    Raises UserError for names that are not there.
    """
    behind, _ = _checked(background, density)
    activated = activate(features, density)
    colours, densities = activated[..., :3], activated[..., 3]
    thickness = _thickness(densities, depths, behind.last_interval)
    before = jnp.cumsum(thickness[:, :-1], axis=1)
    transmitted = jnp.exp(-jnp.pad(before, ((0, 0), (1, 0))))
    weights = transmitted * -jnp.expm1(-thickness)
    opacity = -jnp.expm1(-jnp.sum(thickness, axis=1))
    through = 1 - opacity
    return Rendered(
        jnp.sum(weights[..., None] * colours, axis=1) + behind.colour * through[:, None],
        jnp.sum(weights * depths, axis=1) + through * depths[:, -1],
        opacity,
    )


def activate(features: Array, density: str = "softplus") -> Array:
    """Colours and densities of a field's raw values: [..., 4] -> [..., 4], (r, g, b, σ).

    Colours are sigmoids in [0, 1]; densities are ≥ 0. Raises UserError for an unknown `density`.
    """
    function = look_up("density", density, DENSITIES)
    return jnp.concatenate(
        [jax.nn.sigmoid(features[..., :3]), function(features[..., 3:])], axis=-1
    )


def _checked(background, density):
    return (
        look_up("background", background, BACKGROUNDS),
        look_up("density", density, DENSITIES),
    )


def _points(rays: RaySamples):
    """o + z·d, [n, s, 3]."""
    return rays.origins[:, None] + rays.depths[..., None] * rays.directions[:, None]


def _thickness(densities, depths, last_interval):
    """σ_k δ_k, no larger than what is opaque anyway: the product itself may overflow."""
    last = jnp.full_like(depths[:, :1], last_interval)
    intervals = jnp.concatenate([jnp.diff(depths, axis=1), last], axis=1)
    return jnp.minimum(densities, _OPAQUE / intervals) * intervals
