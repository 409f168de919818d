"""A fit of one signal that can be looked at while it is made."""

from collections.abc import Iterator

import jax

from metainr.evaluation.blocks import make_engine
from metainr.types import Contender, Key, Params, Support


def fit_in_pieces(
    contender: Contender, support: Support, key: Key, num_steps: int, piece: int
) -> Iterator[tuple[int, Params]]:
    """Yields (steps taken, the field's weights) after every `piece` steps and after the last.

    The weights are those of `fit_each` with this support alone, whatever the pieces.
    """
    engine = make_engine(
        lambda support, key: support,
        {"params": lambda params, support: params},
        lambda params, support, loss: {},
    )
    block, taken = engine.begin(contender, [support], [0], key, 1), 0
    while taken < num_steps:
        count = min(piece, num_steps - taken)
        block, _ = engine.advance(block, [count])
        taken += count
        params = engine.look(block, ("params",))["params"]
        yield taken, jax.tree.map(lambda x: x[0], params)
