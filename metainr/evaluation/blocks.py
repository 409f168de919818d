"""Blocks of fits: the compiled steps and measurements under every fit of a signal.

The fits of a block lie in slots side by side. They share a contender; each has its own signal, key
and number of steps. Memory grows with the slots alone, and what a contender's steps only read is
there once for all of them.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from metainr.devices import TASK, spread_tasks
from metainr.platforms import known_options, this_platform
from metainr.types import (
    Array,
    Contender,
    Held,
    Hyper,
    Inner,
    InnerState,
    Key,
    MakeOptimizer,
    Params,
    Signal,
    Support,
    Tree,
)

_MOST_PROGRAMS = 32  # of an engine, which may outlive what they were compiled for

Measure = Callable[[Params, Signal], Any]
"""`(params, signal) -> arrays`: something to know of a fit."""

Record = Callable[[Params, Signal, Array], Mapping[str, Array]]
"""`(params, signal, loss) -> arrays by name`: what to keep of a fit before a step."""


class Block(NamedTuple):
    """Fits on their way; but for the contender and `held` all are stacks over the slots.

    contender: whose init and loop they have.
    held: what its steps read and leave as it is.
    states: of the loops, without what is held.
    signals, supports, keys: what a fit is measured by, and what its steps are given.
    """

    contender: Contender
    held: Held
    states: InnerState
    signals: Tree
    supports: Support
    keys: Key


class Programs(NamedTuple):
    """The compiled programs of one loop and optimizer.

    start: (meta_params, rate, slots) -> (held, states);
    advance: ((held, rate), states, signals, supports, keys, counts of steps) -> (states, records);
        takes over the old states' buffers;
    look: (names, held, states, signals) -> measures by name.
    """

    start: Callable[..., tuple[Held, InnerState]]
    advance: Callable[..., tuple[InnerState, dict[str, Array]]]
    look: Callable[..., dict[str, Any]]


class Engine(NamedTuple):
    """What becomes of blocks; slots without a signal repeat the last one and take no step.

    programs: contender -> Programs, those of its loop and optimizer;
    begin: (contender, signals, numbers, key, slots) -> Block of at most `slots` signals; the key of
        a fit is the key folded with its number in [0, 2^32), whatever else is in its block;
    advance: (block, each fit's number of steps) -> (block, records by name [slots, num_records]);
        takes over the old block's buffers;
    look: (block, names of measures) -> what they give, stacked, by name.
    """

    programs: Callable[[Contender], Programs]
    begin: Callable[[Contender, Sequence[Any], Sequence[int] | np.ndarray, Key, int], Block]
    advance: Callable[[Block, Sequence[int] | np.ndarray], tuple[Block, dict[str, Array]]]
    look: Callable[[Block, tuple[str, ...]], dict[str, Any]]


def make_engine(
    make_support: Callable[[Signal, Key], Support],
    measures: Mapping[str, Measure],
    record: Record,
    num_records: int = 1,
    mesh: Mesh | None = None,
) -> Engine:
    """The engine for one kind of signals.

    Args:
        make_support: (signal, key) -> what steps are given.
        measures: what `look` may be asked for.
        record: what to keep of the first `num_records` steps of every advance.
        mesh: of this process' devices, which share the slots of a block equally; None: one device.
    """
    keys_of = jax.jit(jax.vmap(jax.random.fold_in, (None, 0)))
    supports_of = jax.jit(spread_tasks(make_support, mesh))

    @functools.lru_cache(maxsize=_MOST_PROGRAMS)
    def compiled(make_inner: Callable[[Hyper], Inner], optimizer: str | MakeOptimizer) -> Programs:
        def inner_of(rate):
            return make_inner(Hyper(optimizer, rate))

        return _compile(inner_of, measures, record, num_records, mesh)

    def programs(contender):
        return compiled(contender.make_inner, contender.hyper.optimizer)

    def begin(contender, signals, numbers, key, slots):
        rows = np.minimum(np.arange(slots), len(signals) - 1)
        stacked = jax.tree.map(lambda *x: np.stack(x), *(signals[row] for row in rows))
        data = jax.device_put(stacked)
        keys = keys_of(key, np.asarray(numbers, np.uint32)[rows])
        rate = contender.hyper.learning_rate
        held, states = programs(contender).start(contender.meta_params, rate, slots)
        return Block(contender, held, states, data, supports_of(data, keys), keys)

    def advance(block, counts):
        contender, held, states, *data = block
        counts = np.pad(np.asarray(counts, np.int32), (0, len(block.keys) - len(counts)))
        shared = held, contender.hyper.learning_rate
        states, records = programs(contender).advance(shared, states, *data, counts)
        return block._replace(states=states), records

    def look(block, names):
        return programs(block.contender).look(names, block.held, block.states, block.signals)

    return Engine(programs, begin, advance, look)


def shared_slots(num: int, mesh: Mesh | None) -> int:
    """At least `num` slots, as many as the devices of a mesh share equally."""
    devices = 1 if mesh is None else mesh.shape[TASK]
    return -(-num // devices) * devices


def _compile(inner_of, measures, record, num_records, mesh):
    def start(meta_params, rate, slots):
        state = inner_of(rate).init(meta_params)
        moving = state._replace(held=())
        return state.held, jax.tree.map(lambda x: jnp.broadcast_to(x, (slots, *x.shape)), moving)

    def advance(shared, state, signal, support, key, count):
        held, rate = shared
        inner = inner_of(rate)

        def step(state):
            whole = state._replace(held=held)
            state, info = inner.step(whole, support, key)
            kept = dict(record(inner.params(whole), signal, info["loss"]))
            return state._replace(held=()), kept

        def body(i, carry):
            state, table = carry
            state, row = step(state)
            return state, jax.tree.map(lambda rows, x: rows.at[i].set(x, mode="drop"), table, row)

        _, shapes = jax.eval_shape(step, state)
        table = jax.tree.map(lambda x: jnp.zeros((num_records, *x.shape), x.dtype), shapes)
        return lax.fori_loop(0, count, body, (state, table))

    def look(names, held, states, signals):
        def one(held, state, signal):
            params = inner_of(0.0).params(state._replace(held=held))
            return {name: measures[name](params, signal) for name in names}

        return spread_tasks(one, mesh, num_shared=1)(held, states, signals)

    return Programs(
        jax.jit(start, static_argnums=2),
        jax.jit(
            spread_tasks(advance, mesh, num_shared=1),
            donate_argnums=1,
            compiler_options=known_options(this_platform().compiler_options),
        ),
        jax.jit(look, static_argnums=0),
    )
