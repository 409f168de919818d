"""What an inner loop adapts, as a vector: what stands for a signal in files and sets."""

from collections.abc import Callable
from typing import NamedTuple

from metainr.fieldsets import Layout, layout_of
from metainr.types import Adapted, Array, Inner, MetaParams, Params


class Vectors(NamedTuple):
    """How a loop's fits are vectors [d].

    layout: how what is adapted lies in one.
    start: what is adapted, before any step.
    params: such a vector -> the field's weights; may be traced.
    """

    layout: Layout
    start: Adapted
    params: Callable[[Array], Params]


def vectors_of(inner: Inner, meta_params: MetaParams) -> Vectors:
    """Those of the fits that a loop makes of what was learned."""
    state = inner.init(meta_params)
    layout = layout_of(state.adapted)

    def params(vector: Array) -> Params:
        return inner.params(state._replace(adapted=layout.unflatten(vector)))

    return Vectors(layout, state.adapted, params)
