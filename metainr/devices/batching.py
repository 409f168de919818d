"""How a function of one task becomes a function of many: the one place that decides it."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from metainr.devices.mesh import TASK
from metainr.errors import Option, UserError
from metainr.platforms import this_platform
from metainr.types import Tree


def map_tasks(function: Callable[..., Any], *batched: Tree, microbatch: int | None = None) -> Any:
    """Applies `function` to every entry along the leading axis of its arguments and stacks.

    As many side by side as suits the platform (`metainr.platforms`), or as a `microbatch` says, one
    group after another. Raises UserError if it does not divide their number.
    """
    num = jax.tree.leaves(batched)[0].shape[0]
    size = microbatch or this_platform().tasks_at_once or num
    if num % size:
        fitting = [n for n in range(1, num + 1) if num % n == 0]
        raise UserError(
            Option("task_microbatch", size),
            f" does not divide the {num} tasks of a device; use one of {fitting}",
        )
    if size == num > 1:
        return jax.vmap(function)(*batched)
    if size == 1:
        return lax.map(lambda arguments: function(*arguments), batched)
    groups = jax.tree.map(lambda x: x.reshape(num // size, size, *x.shape[1:]), batched)
    results = lax.map(lambda group: jax.vmap(function)(*group), groups)
    return jax.tree.map(lambda x: x.reshape(num, *x.shape[2:]), results)


def spread_tasks(
    function: Callable[..., Any],
    mesh: Mesh | None,
    num_shared: int = 0,
    microbatch: int | None = None,
) -> Callable[..., Any]:
    """Builds `(*shared, *batched) -> stacked results`, the tasks divided over a mesh's devices.

    Args:
        function: of shared arguments, the first `num_shared`, and of one task's.
        mesh: of `make_mesh`; None: one device.
        num_shared: arguments that all tasks have in common.
        microbatch: see `map_tasks`.
    """

    def on_device(*arguments):
        shared, batched = arguments[:num_shared], arguments[num_shared:]
        return map_tasks(lambda *task: function(*shared, *task), *batched, microbatch=microbatch)

    def spread(*arguments):
        num_batched = len(arguments) - num_shared
        return _on_mesh(on_device, mesh, (P(),) * num_shared + (P(TASK),) * num_batched, P(TASK))(
            *arguments
        )

    return on_device if mesh is None else spread


def mean_over_tasks(
    function: Callable[..., Any], mesh: Mesh | None, microbatch: int | None = None
) -> Callable[..., Any]:
    """Builds `(shared, *batched) -> mean over tasks`, leaf by leaf; arguments as above."""

    def on_device(shared, *batched):
        results = map_tasks(lambda *task: function(shared, *task), *batched, microbatch=microbatch)
        return jax.tree.map(lambda x: x.mean(0), results)

    def spread(shared, *batched):
        return _on_mesh(
            lambda *arguments: lax.pmean(on_device(*arguments), TASK),
            mesh,
            (P(), *(P(TASK) for _ in batched)),
            P(),
        )(shared, *batched)

    return on_device if mesh is None else spread


def _on_mesh(function, mesh, in_specs, out_specs):
    # With its checks on, shard_map adds up derivatives with respect to what all devices share, in
    # every inner step; here each device differentiates its own tasks.
    return jax.shard_map(
        function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )
