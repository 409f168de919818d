"""The mesh of devices that tasks and, where those are few, observations are divided over."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from metainr.errors import Option, UserError
from metainr.types import Device, Tree

TASK, OBSERVATION = "task", "observation"


def make_mesh(num_tasks: int, devices: Sequence[Device]) -> Mesh | None:
    """The mesh [task, observation] for steps of `num_tasks` tasks; None for a single device.

    With fewer tasks than devices each task's observations are divided over equally many devices.
    Raises UserError, naming what would do, where tasks or devices would be left over.
    """
    num_devices = len(devices)
    if max(num_tasks, num_devices) % min(num_tasks, num_devices):
        tasks = sorted({n for n in range(1, num_devices) if num_devices % n == 0} | {num_devices})
        fewer = max(n for n in range(1, num_devices) if max(n, num_tasks) % min(n, num_tasks) == 0)
        raise UserError(
            f"{num_tasks} tasks cannot be divided equally over {num_devices} devices; use ",
            Option("tasks_per_step", _listed(tasks)),
            f" or a multiple of {num_devices}, or ",
            Option("num_devices", fewer),
        )
    if num_devices == 1:
        return None
    rows = min(num_tasks, num_devices)
    grid = np.asarray(devices).reshape(rows, num_devices // rows)
    return Mesh(grid, (TASK, OBSERVATION), axis_types=(AxisType.Auto,) * 2)


def local_mesh(mesh: Mesh | None) -> Mesh | None:
    """The part of a mesh that is this process' own: with it a process works by itself."""
    if mesh is None or jax.process_count() == 1:
        return mesh
    devices = np.asarray(mesh.local_devices)
    columns = min(mesh.shape[OBSERVATION], len(devices))
    return Mesh(devices.reshape(-1, columns), mesh.axis_names, axis_types=(AxisType.Auto,) * 2)


def observation_axis(mesh: Mesh | None) -> str | None:
    """The axis to sum observations over (`Summation.axis_name`), None if they are not divided."""
    return OBSERVATION if mesh is not None and mesh.shape[OBSERVATION] > 1 else None


def replicated_sharding(mesh: Mesh | None) -> NamedSharding | None:
    """That of arrays of which every device holds a copy; None, as `jit` has it, for one device."""
    return None if mesh is None else NamedSharding(mesh, P())


def replicate(tree: Tree, mesh: Mesh | None) -> Tree:
    """Puts a copy of every array on each device of the mesh."""
    if mesh is None:
        return tree
    sharding = replicated_sharding(mesh)

    def copies(x):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            data = copies(jax.random.key_data(x))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
        # A copy: the result may otherwise share the buffer that a step is going to give away.
        return jax.make_array_from_process_local_data(sharding, np.array(x))

    return jax.tree.map(copies, tree)


def divide(tree: Tree, mesh: Mesh | None) -> Tree:
    """Divides arrays along their leading axis, the tasks; each process passes its own rows."""
    if mesh is None:
        return tree
    sharding = NamedSharding(mesh, P(TASK))
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), tree)


def own_rows(num_tasks: int, mesh: Mesh | None) -> slice:
    """Which tasks of a step this process has to read."""
    if mesh is None:
        return slice(0, num_tasks)
    held = NamedSharding(mesh, P(TASK)).addressable_devices_indices_map((num_tasks,)).values()
    bounds = [index[0].indices(num_tasks)[:2] for index in held if index is not None]
    return slice(min(start for start, _ in bounds), max(stop for _, stop in bounds))


def _listed(numbers):
    return ", ".join(map(str, numbers[:-1])) + f" or {numbers[-1]}"
