"""What an exported field says of itself: what it is, and how its numbers are to be read."""

from collections.abc import Mapping
from typing import NamedTuple


class Convention(NamedTuple):
    """How a kind of signal is read off its field.

    coordinates, values: in words, axes and channels in their order.
    low, high: where coordinates lie along each axis.
    """

    coordinates: str
    values: str
    low: float = 0.0
    high: float = 1.0


class Notes(NamedTuple):
    """What is written into an exported field.

    about: one sentence.
    details: texts by name.
    low, high: where coordinates lie along each axis.
    """

    about: str
    details: Mapping[str, str]
    low: float
    high: float

    def as_texts(self) -> dict[str, str]:
        """All notes as metadata of a file."""
        return {"about": self.about, **self.details}


_RAW = (
    "raw colour and density: red, green, blue are sigmoid(values[:, :3]), density is "
    "softplus(values[:, 3]) per unit of length, relu where --density=relu"
)
_BALL = {"low": -1.0, "high": 1.0}
_CONVENTIONS = {
    "image_regression": Convention(
        "(row / height, column / width) in [0, 1)², rows from the top",
        "red, green, blue in [0, 1], not clipped",
    ),
    "regression": Convention("index / size along each axis, in [0, 1)", "those of the arrays"),
    "ct_reconstruction": Convention(
        "(column / n, row / n) in [0, 1)², rows from the top",
        "the slice's, scaled to [0, 1] as --window says",
    ),
    "view_synthesis": Convention("(x, y, z) in the cameras' world", _RAW, **_BALL),
    "phototourism": Convention(
        "(x, y, z) in the cameras' world, times --scene_scale", _RAW, **_BALL
    ),
    "poisson": Convention("(row, column) in [−1, 1]², rows from the top", "2 · grey − 1", **_BALL),
    "shapes": Convention(
        "(x, y, z) in [−1, 1]³, the shape's longest side filling [−0.9, 0.9]",
        "signed distance, negative inside",
        **_BALL,
    ),
    "waves": Convention(
        "Helmholtz: (x, y) in [−1, 1]²; in time: (t, x, y), t in [0, 0.4], x and y in [−1, 1]",
        "Helmholtz: real and imaginary part; in time: the wave",
        **_BALL,
    ),
    "audio": Convention("time, from −1 to 1 over the recording", "channels, peak 1", **_BALL),
    "video": Convention(
        "(t, y, x) in [−1, 1]³: t from the first frame to the last, y and x at pixels' centres",
        "red, green, blue in [0, 1], not clipped",
        **_BALL,
    ),
}
_OWN = Convention("those that the field was fitted at", "those that it was fitted to")


def convention_of(experiment: str) -> Convention:
    """That of an experiment's fields, by the name that records have of it."""
    return _CONVENTIONS.get(experiment, _OWN)
