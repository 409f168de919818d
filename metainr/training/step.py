"""One outer step: per-task meta-gradients, averaged, through an optax optimizer."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from metainr.devices import mean_over_tasks, replicated_sharding
from metainr.keys import branch
from metainr.platforms import known_options, this_platform
from metainr.types import Algorithm, Array, Key, MetaParams, Signal, Task


class Numbered(NamedTuple):
    """A training signal and its number among them; of a batch, stacks of these."""

    signal: Signal
    number: Array


TrainStep = Callable[["TrainState", Numbered], tuple["TrainState", dict[str, Array]]]


class TrainState(NamedTuple):
    """All that the next outer step needs; the data position is the step count."""

    step: Array
    meta_params: MetaParams
    opt_state: optax.OptState
    key: Key


def init_state(
    algorithm: Algorithm,
    optimizer: optax.GradientTransformation,
    key: Key,
    start: MetaParams | None = None,
) -> TrainState:
    """The state before the first outer step; `key` is the run's root.

    `start`: the meta-parameters to begin with; None: random ones.
    """
    # A copy, because steps reuse the buffers of their state.
    random = start is None
    meta_params = algorithm.init(branch(key, "init")) if random else jax.tree.map(jnp.array, start)
    step, opt_state = jnp.zeros((), jnp.int32), optimizer.init(meta_params)
    return TrainState(step, meta_params, opt_state, branch(key, "train"))


def make_train_step(
    algorithm: Algorithm,
    optimizer: optax.GradientTransformation,
    make_task: Callable[[Signal, Key], Task],
    mesh: Mesh | None = None,
    microbatch: int | None = None,
) -> jax.stages.Wrapped:
    """Compiles θ₀ ← θ₀ + update(mean_tasks meta_gradient).

    Returns a function of (state, `Numbered` signals with a leading task axis) that gives the next
    state (the old one's buffers are reused) and metrics: task means of the algorithm's info,
    `gradient_norm`, and `finite`, whether the losses and all numbers of the new state are.

    Args:
        algorithm: the meta-learner.
        optimizer: the outer one.
        make_task: (signal, key) -> task.
        mesh: of devices to divide the tasks over (`metainr.devices.make_mesh`); None: one device.
        microbatch: tasks that a device works on at once; None: what suits it.
    """

    def task_gradient(learned, entry, key):
        meta_params, step = learned
        task_key, gradient_key = jax.random.split(key)
        task = make_task(entry.signal, task_key)
        task = task._replace(number=entry.number, outer_step=step)
        return algorithm.meta_gradient(meta_params, task, gradient_key)

    mean_gradient = mean_over_tasks(task_gradient, mesh, microbatch)

    def train_step(state, batch):
        num_tasks = len(batch.number)
        keys = jax.random.split(jax.random.fold_in(state.key, state.step), num_tasks)
        gradient, info = mean_gradient((state.meta_params, state.step), batch, keys)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.meta_params)
        meta_params = optax.apply_updates(state.meta_params, updates)
        metrics = info | {
            "gradient_norm": optax.tree.norm(gradient),
            "finite": _all_finite((meta_params, opt_state, info)),
        }
        return TrainState(state.step + 1, meta_params, opt_state, state.key), metrics

    return jax.jit(
        train_step,
        donate_argnums=0,
        out_shardings=replicated_sharding(mesh),
        compiler_options=known_options(this_platform().compiler_options),
    )


def _all_finite(tree):
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()
