"""What a run works with: devices, and how sums are taken on them."""

import jax
from jax.sharding import Mesh

from experiments.config import Config
from metainr import devices
from metainr.errors import UserError
from metainr.numerics import Summation, default_chunk_size
from metainr.runs.options import Machine


def make_mesh(config: Config) -> Mesh | None:
    """The mesh of the devices to use, on which the tasks of a step can be divided."""
    found = jax.devices()
    available = len(jax.local_devices())
    per_process = config.run.num_devices or available
    if per_process > available:
        raise UserError(
            f"--num_devices={per_process} is more than the {available} there are; leave it out to "
            "use all"
        )
    used = [
        device
        for process in range(jax.process_count())
        for device in [d for d in found if d.process_index == process][:per_process]
    ]
    tasks = config.outer.tasks_per_step if config.run.learns else len(used)
    return devices.make_mesh(tasks, used)


def make_summation(config: Config, axis_name: str | None = None) -> Summation:
    """How sums over observations are to be taken; `axis_name` as in `Summation`."""
    size = config.run.chunk_size
    size = default_chunk_size(config.field.options.width) if size is None else size or None
    return Summation(size, axis_name)


def make_machine(config: Config, mesh: Mesh | None = None) -> Machine:
    """What a run is to work with."""
    summation = make_summation(config, devices.observation_axis(mesh))
    return Machine(mesh, summation, config.run.task_microbatch)
