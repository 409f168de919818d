"""The field observed directly: M(f, x) = f(x)."""

from metainr.types import Measurement


def value() -> Measurement:
    """Inputs are coordinates [n, d], predictions the field's values there [n, c]."""
    return Measurement(
        points=lambda coords: coords[:, None, :],
        local=lambda field, coords: field(coords),
        pool=lambda features, coords: features[:, 0],
    )
