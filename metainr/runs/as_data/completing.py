"""Completion: fields that agree with a part of a signal, drawn from a prior over them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.errors import UserError
from metainr.generation import make_guided
from metainr.keys import branch
from metainr.measurements import projection
from metainr.numerics.residuals import objective_residuals
from metainr.objectives import squared_error
from metainr.runs.as_data.generating import Generator
from metainr.runs.as_data.reading import FieldSet
from metainr.types import Array, Objective, Observations, Support, Term

_LARGEST = 2048  # numbers of a vector, above which its Gaussians are too large to draw from


class Completion(NamedTuple):
    """Samples of the posterior of one signal.

    vectors: [n, d].
    values: rendered on the set's grid [n, *shape, c].
    """

    vectors: np.ndarray
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Of the samples' values [*shape, c]: the best guess in mean squared error."""
        return self.values.mean(axis=0)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of the values over the samples, mean over channels [*shape]."""
        return self.values.std(axis=0).mean(axis=-1)


Complete = Callable[..., Completion]


def make_completer(generator: Generator, objective: Objective, steps: int = 25) -> Complete:
    """Builds `complete(support, *, count=8, noise=0.01, label=None, seed=0) -> Completion`.

    The measurement is any objective of the library, whose draw must not be random: pixels, views of
    a slice, renderings. `noise` is the standard deviation of what is measured, with what fields
    cannot show of it: choose it on validation signals.

    Args:
        generator: the prior.
        objective: terms, the residuals of which are to be small.
        steps: noise levels.

    Raises UserError for fields of so many numbers that their Gaussians cannot be drawn from.
    """
    fields, size = generator.fields, generator.fields.about.size
    check_size(fields)
    errors = objective_residuals(objective, fields.run.field)
    mean, std = (jnp.asarray(x) for x in fields.standard)

    def residuals(vector: Array, support: Support) -> Array:
        params = fields.params(vector * std + mean)
        terms = errors(params, support, jax.random.key(0), 0)
        weighed = [
            (term.errors * jnp.sqrt(_as_columns(term.weights, term.errors))).reshape(-1)
            for term in terms
        ]
        return jnp.concatenate(weighed)

    guided = make_guided(generator.predict, generator.prior.schedule, size, residuals, steps)

    def complete(
        support: Support,
        *,
        count: int = 8,
        noise: float = 0.01,
        label: str | None = None,
        seed: int = 0,
    ) -> Completion:
        number = jnp.asarray(fields.label_number(label), jnp.int32)
        key = branch(jax.random.key(seed), "sample")
        keys = [jax.random.fold_in(key, i) for i in range(count)]
        level = jnp.asarray(noise, jnp.float32)
        found = np.stack([np.asarray(guided(k, number, support, level)) for k in keys])
        vectors = np.asarray(fields.standard.restored(found))
        return Completion(vectors, fields.render(vectors))

    return complete


def check_size(fields: FieldSet) -> None:
    """Raises UserError for fields of so many numbers that their Gaussians cannot be drawn from."""
    if fields.about.size > _LARGEST:
        raise UserError(
            f"fields of {fields.about.size} numbers are too large to complete, the most is "
            f"{_LARGEST}; take a base of fewer, such as one that modulations learned"
        )


class Views(NamedTuple):
    """What a scanner saw of a slice: projections [v, d] at angles [v] in radians."""

    angles: Array
    values: Array


def views_objective(side: int) -> Objective:
    """Projections of a picture's grey, the mean of its channels; supports are `Views`.

    Pictures have (row, column) coordinates, and the scanner's are (x, y).
    """
    scanner = projection(side)

    def grey(field, coords):
        return field(coords[..., ::-1]).mean(axis=-1, keepdims=True)

    def draw(params, views, key, step):
        return Observations(views.angles, views.values, jnp.ones(len(views.angles)))

    return (Term(draw, scanner._replace(local=grey), squared_error),)


def view_angles(count: int) -> np.ndarray:
    """Angles of so many views, evenly over half a turn, the first at 0."""
    return (np.arange(count) * np.pi / count).astype(np.float32)


def seen_mask(shape: Sequence[int], share: float, seed: int) -> np.ndarray:
    """Which points of a grid are seen: a random share of them, at least one."""
    total = int(np.prod(shape))
    chosen = np.random.default_rng(seed).permutation(total)[: max(1, round(share * total))]
    seen = np.zeros(total, np.float32)
    seen[chosen] = 1
    return seen.reshape(tuple(shape))


def _as_columns(weights, errors):
    return weights.reshape(-1, *(1 for _ in errors.shape[1:]))
