"""The field observed directly: M(f, x) = f(x)."""

from metainr.types import Measurement


def value() -> Measurement:
    """Inputs are coordinates [n, d], predictions the field's values there [n, c].

    >>> metainr.measurements.value().local(lambda x: 3 * x, jnp.ones((1, 1, 2))).tolist()
    [[[3.0, 3.0]]]
    """
    return Measurement(
        points=lambda coords: coords[:, None, :],
        local=lambda field, coords: field(coords),
        pool=lambda features, coords: features[:, 0],
    )
