"""What differential equations say of a field at points: the left-hand sides of wave problems.

Inputs are coordinates [n, d]. A left-hand side reads the field's value and its first and second
derivatives along every coordinate, all from 1 + 2d evaluations, and no mixed ones: with a the value
somewhere inside, an operation carries on a, its derivative along a coordinate and its second one.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from metainr.numerics import forward_laplacian, unit_directions
from metainr.types import Array, Measurement

ABSORPTION = 5.0


def helmholtz(
    wavenumber: float = 20.0, layer: float = 0.5, absorption: float = ABSORPTION
) -> Measurement:
    """The Helmholtz operator on [−1, 1]² with a perfectly matched layer inside its border.

        L u = ∂_x(e_y/e_x ∂_x u) + ∂_y(e_x/e_y ∂_y u) + e_x e_y k² u
            = e_y/e_x (u_xx − e_x′/e_x u_x) + e_x/e_y (u_yy − e_y′/e_y u_y) + e_x e_y k² u,
        e_x(x) = 1 − i a (max(|x| − 1 + l, 0) / l)²,    e_y(y) likewise,

    which is Δu + k² u where |x|, |y| ≤ 1 − l, with x stretched to x̃ = ∫ e_x dx in the layer. There
    a wave exp(−ikx) going right becomes exp(−ikx) exp(−k ∫ Im(−e_x) dx), weaker by exp(−k a l / 3)
    at the border: the layer absorbs what goes out if time is a factor exp(+iωt). A source of
    strength 1 at the origin, L u = −δ, then has u = −(i/4) H₀⁽²⁾(k r) between layers.

    Source: Sitzmann et al., NeurIPS 2020, supplement, whose layer has l = 0.5 and a = 5.

    Args:
        wavenumber: k, radians per unit of length.
        layer: l, the layer's width in (0, 1].
        absorption: a ≥ 0.

    Inputs are (x, y) [n, 2], the field's values Re u and Im u, predictions k⁻² L u [n, 2] likewise:
    in units of u, whatever k is.
    """

    def pool(features, coords):
        u, slopes, curvatures = _split(features[:, 0], 2)
        e, de = _stretch(jnp.asarray(coords), layer, absorption)
        total = e[:, 0] * e[:, 1] * _complex(u)
        for axis, other in ((0, 1), (1, 0)):
            bent = _complex(curvatures[axis]) - de[:, axis] / e[:, axis] * _complex(slopes[axis])
            total += e[:, other] / e[:, axis] * bent / wavenumber**2
        return jnp.stack([total.real, total.imag], -1)

    return Measurement(_points, value_slopes_curvatures, pool)


def wave(speed: float = 1.0, length: float = 1.0) -> Measurement:
    """The wave operator, (l/c)² (u_tt − c² Σ_i ∂_i² u), in units of u.

    Inputs are times and places (t, x, …) [n, 1 + d], predictions [n, c].

    Args:
        speed: c, lengths per time.
        length: l, over which solutions change by as much as themselves.
    """

    def pool(features, coords):
        _, _, curvatures = _split(features[:, 0], coords.shape[-1])
        return (length / speed) ** 2 * (curvatures[0] - speed**2 * sum(curvatures[1:]))

    return Measurement(_points, value_slopes_curvatures, pool)


def value_and_rate(unit: float = 1.0) -> Measurement:
    """What an initial condition is about: u and `unit` · ∂_t u.

    Inputs are times and places (t, x, …) [n, 1 + d], predictions [n, 2c], values first.
    """

    def local(field, coords):
        value, rate = jax.jvp(field, (coords,), (unit_directions(coords)[0],))
        return jnp.concatenate([value, unit * rate], -1)

    return Measurement(_points, local, lambda features, coords: features[:, 0])


def value_slopes_curvatures(field: Callable[[Array], Array], coords: Array) -> Array:
    """u, then ∂_i u for all i, then ∂_i² u: [..., (1 + 2d) c] of a field's c values.

    Costs 1 + 2d evaluations of the field once compiled: what the axes have in common counts once.
    """
    # One sweep per axis: its gradient in the weights is an eighth cheaper than that of two nested
    # directional derivatives, whose common parts a compiler finds on the way there alone.
    at = jnp.zeros_like(coords[..., :1])
    sweeps = [
        forward_laplacian(lambda s, e=e: field(coords + s * e), at) for e in unit_directions(coords)
    ]
    slopes = [sweep.slopes[0] for sweep in sweeps]
    return jnp.concatenate([sweeps[0].value, *slopes, *(s.laplacian for s in sweeps)], -1)


def _points(coords):
    return jnp.asarray(coords)[:, None, :]


def _split(features, d):
    """[n, (1 + 2d) c] -> u [n, c], its d first derivatives and its d second ones."""
    u, *rest = jnp.split(features, 1 + 2 * d, -1)
    return u, rest[:d], rest[d:]


def _complex(values):
    return jax.lax.complex(values[:, 0], values[:, 1])


def _stretch(x, layer, absorption):
    """e and e′ at every coordinate, complex, of the shape of x."""
    depth = jnp.maximum(jnp.abs(x) - (1 - layer), 0) / layer
    slope = 2 * absorption * depth * jnp.sign(x) / layer
    return jax.lax.complex(jnp.ones_like(x), -absorption * depth**2), jax.lax.complex(
        jnp.zeros_like(x), -slope
    )
