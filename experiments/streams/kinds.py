"""The kinds of signals that may be streams, by the names of their classes."""

from experiments.streams.grids import GRIDS
from experiments.streams.kind import Kind
from experiments.streams.photographs import SCENES
from metainr import signals
from metainr.registry import look_up


def kind_of(signal: str) -> Kind:
    """The kind that a class, or a mixture of classes, is of. Raises UserError for other names."""
    name = signal.partition(",")[0].partition(":")[0]
    known = {name: kind for kind in GRIDS for name in signals.FAMILIES[kind.options].classes}
    return look_up("class of pictures, sounds, clips or photographs", name, known | SCENES)
