"""Ways to keep a signal that arrives in parts: one field with a memory, or modules."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax

from metainr.checks import Range
from metainr.errors import Option, UserError
from metainr.numerics import Summation
from metainr.registry import look_up
from metainr.streams.descent import Steps, descend, start_optimizer
from metainr.streams.division import Division, Frame, predictor
from metainr.streams.memory import Memory, consolidation, everything, nothing, replay
from metainr.streams.modular import stacked
from metainr.types import Array, Field, Key, Observations, Params

State = Any
"""A pytree of arrays: all that is known of a stream so far."""

_STEPS = 0  # of a part's key, the branch that its steps draw by; memories keep by the key itself


class MethodOptions(NamedTuple):
    """What methods may be told.

    buffer: points that replay keeps.
    summation: how sums over observations are taken; None: as suits the machine.
    """

    buffer: Annotated[int, Range(1, 2**30)] = 256
    summation: Summation | None = None


_DEFAULTS = MethodOptions()


class Method(NamedTuple):
    """A way to keep a stream, all parts' observations, each leaf [parts, n, ...].

    frame: where it sees the parts.
    start: (params, stream, how) -> what is known before the first part; of the stream only the
        shape is read;
    learn: (state, stream, number, key, how) -> what is known after part `number`;
    ask: (state, part, inputs) -> predictions by what stands for that part.
    """

    frame: Frame
    start: Callable[[Params, Observations, Steps], State]
    learn: Callable[[State, Observations, Array, Key, Steps], State]
    ask: Callable[[State, Array, Any], Array]


def one_field(
    field: Field, division: Division, memory: Memory, summation: Summation | None
) -> Method:
    """One field for all parts, in the coordinates of the whole.

    Its optimizer goes on from part to part.
    """
    predict = predictor(field, division, summation)

    def start(params, stream, how):
        return params, start_optimizer(params, how), memory.start(params, stream)

    def learn(state, stream, number, key, how):
        params, opt_state, kept = state
        rows = memory.rows(kept, stream, number)
        strength = how.pull * how.hyper.learning_rate
        params, opt_state = descend(
            *(field, division, params, opt_state, rows, jax.random.fold_in(key, _STEPS), how),
            lambda params: memory.pulled(kept, params, strength),
            summation,
        )
        part = jax.tree.map(lambda x: x[number], stream)
        return params, opt_state, memory.keep(kept, params, part, key)

    return Method(
        division.whole, start, learn, lambda state, part, inputs: predict(state[0], inputs)
    )


def modules(field: Field, division: Division, options: MethodOptions) -> Method:
    """A field for each part, in the coordinates of that part; all start from one init.

    Part i moves the weights of module i alone: nothing is ever forgotten.
    """
    predict = predictor(field, division, options.summation)

    def own(state, number):
        return jax.tree.map(lambda x: x[number], state)

    def learn(state, stream, number, key, how):
        rows, key = own(stream, number), jax.random.fold_in(key, _STEPS)
        new = learn_module(field, division, own(state, number), rows, key, how, options.summation)
        return jax.tree.map(lambda x, new: x.at[number].set(new), state, new)

    return Method(
        division.own,
        lambda params, stream, how: stacked(params, division.num_parts),
        learn,
        lambda state, part, inputs: predict(own(state, part), inputs),
    )


def learn_module(
    field: Field,
    division: Division,
    params: Params,
    rows: Observations,
    key: Key,
    how: Steps,
    summation: Summation | None = None,
) -> Params:
    """The weights of a module after it was fitted to the observations of its part."""
    opt_state = start_optimizer(params, how)
    return descend(field, division, params, opt_state, rows, key, how, summation=summation)[0]


def _remembering(memory: Callable[[Field, Division, MethodOptions], Memory]):
    def make(field: Field, division: Division, options: MethodOptions) -> Method:
        return one_field(field, division, memory(field, division, options), options.summation)

    return make


def _replay(field, division, options):
    points = division.num_points
    if options.buffer > points:
        raise UserError(
            Option("buffer", options.buffer),
            f" is larger than the stream, which has {points} points; give fewer",
        )
    return replay(options.buffer)


METHODS: dict[str, Callable[[Field, Division, MethodOptions], Method]] = {
    "modules": modules,
    "sequential": _remembering(lambda field, division, options: nothing()),
    "replay": _remembering(_replay),
    "ewc": _remembering(lambda field, division, options: consolidation(field, division.term)),
    "offline": _remembering(lambda field, division, options: everything()),
}
"""By name, what makes a method for a field and a division."""


def make_method(
    name: str, field: Field, division: Division, options: MethodOptions = _DEFAULTS
) -> Method:
    """The method of that name.

    Raises UserError for an unknown one, and for a buffer larger than the stream.
    """
    return look_up("method", name, METHODS)(field, division, options)
