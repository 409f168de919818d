"""Ways to keep a signal that arrives in parts: one field with a memory, or modules."""

import math
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from metainr.checks import Range
from metainr.errors import Option, UserError
from metainr.numerics import Summation
from metainr.objectives import pixel_grid
from metainr.registry import look_up
from metainr.streams.descent import Steps, descend, observed, start_optimizer
from metainr.streams.layout import Layout, whole_coords
from metainr.streams.memory import Memory, consolidation, everything, nothing, replay
from metainr.streams.modular import stacked
from metainr.types import Array, Field, Key, Params

State = Any
"""A pytree of arrays: all that is known of a stream so far."""


class MethodOptions(NamedTuple):
    """What methods may be told.

    buffer: points that replay keeps.
    summation: how sums over observations are taken; None: as suits the machine.
    """

    buffer: Annotated[int, Range(1, 2**30)] = 256
    summation: Summation | None = None


_DEFAULTS = MethodOptions()


class Method(NamedTuple):
    """A way to keep a stream.

    start: (params, values [parts, n, c], how) -> what is known before the first part; of the values
        only the shape is read;
    learn: (state, values, number, key, how) -> what is known after part `number`;
    values: state -> what the parts are held to be, [parts, n, c].
    """

    start: Callable[[Params, Array, Steps], State]
    learn: Callable[[State, Array, Array, Key, Steps], State]
    values: Callable[[State], Array]


def one_field(field: Field, layout: Layout, memory: Memory, summation: Summation | None) -> Method:
    """One field for all parts, at coordinates in [0, 1)^d of the whole.

    Its optimizer goes on from part to part.
    """
    coords = whole_coords(layout)

    def start(params, values, how):
        kept = memory.start(params, _stream(coords, values))
        return params, start_optimizer(params, how), kept

    def learn(state, values, number, key, how):
        params, opt_state, kept = state
        stream = _stream(coords, values)
        rows = memory.rows(kept, stream, number)
        strength = how.pull * how.hyper.learning_rate
        params, opt_state = descend(
            *(field, params, opt_state, rows, how),
            lambda params: memory.pulled(kept, params, strength),
            summation,
        )
        part = jax.tree.map(lambda x: x[number], stream)
        return params, opt_state, memory.keep(kept, params, part, key)

    def values_of(state):
        return lax.map(lambda x: field.apply(state[0], x), jnp.asarray(coords))

    return Method(start, learn, values_of)


def modules(field: Field, layout: Layout, options: MethodOptions) -> Method:
    """A field for each part, at coordinates in [0, 1)^d of that part; all start from one init.

    Part i moves the weights of module i alone: nothing is ever forgotten.
    """

    def learn(state, values, number, key, how):
        own = jax.tree.map(lambda x: x[number], state)
        own = learn_module(field, own, layout, values[number], how, options.summation)
        return jax.tree.map(lambda x, new: x.at[number].set(new), state, own)

    coords = pixel_grid(layout.part_shape)
    return Method(
        lambda params, values, how: stacked(params, layout),
        learn,
        lambda state: lax.map(lambda params: field.apply(params, coords), state),
    )


def learn_module(
    field: Field,
    params: Params,
    layout: Layout,
    values: Array,
    how: Steps,
    summation: Summation | None = None,
) -> Params:
    """The weights of a module after it was fitted to the values [n, c] of its part."""
    rows = observed(pixel_grid(layout.part_shape), values)
    opt_state = start_optimizer(params, how)
    return descend(field, params, opt_state, rows, how, summation=summation)[0]


def _stream(coords, values):
    return jax.vmap(observed)(jnp.asarray(coords), values)


def _remembering(memory: Callable[[Field, Layout, MethodOptions], Memory]):
    def make(field: Field, layout: Layout, options: MethodOptions) -> Method:
        return one_field(field, layout, memory(field, layout, options), options.summation)

    return make


def _replay(field, layout, options):
    points = math.prod(layout.shape)
    if options.buffer > points:
        raise UserError(
            Option("buffer", options.buffer),
            f" is larger than the stream, which has {points} points; give fewer",
        )
    return replay(options.buffer)


METHODS: dict[str, Callable[[Field, Layout, MethodOptions], Method]] = {
    "modules": modules,
    "sequential": _remembering(lambda field, layout, options: nothing()),
    "replay": _remembering(_replay),
    "ewc": _remembering(lambda field, layout, options: consolidation(field)),
    "offline": _remembering(lambda field, layout, options: everything()),
}
"""By name, what makes a method for a field and a layout."""


def make_method(
    name: str, field: Field, layout: Layout, options: MethodOptions = _DEFAULTS
) -> Method:
    """The method of that name.

    Raises UserError for an unknown one, and for a buffer larger than the stream.
    """
    return look_up("method", name, METHODS)(field, layout, options)
