"""The outer step compiled ahead of the first one, and whether the machine has the memory for it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from metainr.errors import Option, UserError
from metainr.platforms import this_platform
from metainr.training.instruments import Cost
from metainr.training.step import TrainState, TrainStep
from metainr.types import Tree

_SMALL_CHUNK = 4096


class CompiledStep(NamedTuple):
    """A step that no longer compiles.

    run: (state, batch) -> (state, metrics);
    seconds: what tracing and compiling took;
    num_bytes: memory that a device needs for arguments, results and all between; 0 where XLA does
        not tell.
    """

    run: TrainStep
    seconds: float
    num_bytes: int


def compile_step(train_step: jax.stages.Wrapped, state: TrainState, batch: Tree) -> CompiledStep:
    """Compiles a jitted step for arguments of these shapes, dtypes and devices alone."""
    began = time.perf_counter()
    compiled = train_step.lower(state, batch).compile()
    seconds = time.perf_counter() - began
    memory = compiled.memory_analysis()
    num_bytes = (
        0
        if memory is None
        else (
            memory.argument_size_in_bytes
            + memory.output_size_in_bytes
            - memory.alias_size_in_bytes  # results that take over an argument's place
            + memory.temp_size_in_bytes
        )
    )
    return CompiledStep(compiled, seconds, num_bytes)


def available_memory(num_devices: int) -> int | None:
    """Free bytes for each of `num_devices` devices of this process; None where nothing tells.

    On CPU they share what Linux calls available; elsewhere the fullest device counts.
    """
    if this_platform().one_machine:
        file = Path("/proc/meminfo")
        lines = file.read_text().splitlines() if file.exists() else []
        kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        return kilobytes[0] * 1024 // num_devices if kilobytes else None
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    free = [s["bytes_limit"] - s["bytes_in_use"] for s in stats if "bytes_limit" in s]
    return min(free, default=None)


def check_memory(
    needed: int, available: int | None, cost: Cost, flags: Mapping[str, Any], num_devices: int
) -> None:
    """Raises UserError, naming what would fit, if a step needs more bytes than a device has.

    Args:
        needed: by a device.
        available: to it; None: unknown, and not checked.
        cost: of a step.
        flags: the run's, by name.
        num_devices: that the step runs on.
    """
    if available is not None and needed > available:
        remedy = _remedy(available / needed, cost, flags, num_devices)
        raise UserError(
            f"a training step needs {needed / 1e9:.3g} GB of memory per device and "
            f"{available / 1e9:.3g} GB are available; use ",
            *remedy,
        )


def _remedy(share, cost, flags, num_devices):
    """The least change that brings the need down to a share of it, as parts of a message.

    The need grows with the tasks and the points that are worked on at once.
    """
    tasks = -(-cost.tasks // num_devices)
    tasks_at_once = flags.get("task_microbatch") or this_platform().tasks_at_once or tasks
    points = cost.points // max(1, num_devices // cost.tasks)
    points_at_once = min(flags.get("chunk_size") or points, points)
    fewer_tasks, fewer_points = 1 / tasks_at_once, min(1, _SMALL_CHUNK / points_at_once)
    elsewhere = " in another ", Option("workdir")
    one, chunks = Option("task_microbatch", 1), Option("chunk_size", _SMALL_CHUNK)
    if fewer_tasks <= share:
        return (one,)
    if fewer_points <= share:
        return chunks, *elsewhere
    if fewer_tasks * fewer_points <= share:
        return one, " and ", chunks, *elsewhere
    sizes = Option("resolution"), ", ", Option("width"), " or ", Option("tasks_per_step")
    return "a smaller ", *sizes, *elsewhere
