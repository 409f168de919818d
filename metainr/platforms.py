"""How platforms differ in what is decided before a program is made: one row for each.

What can be decided where a program is lowered is decided there: sines and products
(`metainr.numerics.sine`, `metainr.numerics.products`). docs/devices.md has all rules in one table.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax


class Platform(NamedTuple):
    """What suits a kind of device.

    chunk_values: activations of one layer that a chunk of observations has; None: by the memory.
    tasks_at_once: tasks side by side on a device; None: all.
    peak_sides: of the square products by which its peak is measured.
    one_machine: whether its devices are parts of one machine, and share memory and cores.
    compiler_options: what its compiler is told of outer steps and of fits.
    """

    chunk_values: int | None
    tasks_at_once: int | None
    peak_sides: tuple[int, ...]
    one_machine: bool = False
    compiler_options: Mapping[str, str] = {}


PLATFORMS = {
    # A chunk's activations stay in a core's second-level cache. Per-task weights under `vmap` make
    # batched products, which run at half the speed of plain ones.
    "cpu": Platform(2**18, 1, (1024, 2048), one_machine=True),
    # All activations of a chunk stay in the fast memory of 100 MB; larger ones compile much longer
    # to larger programs (benchmarks/RESULTS.md). Layers of one shape are one routine, which halves
    # the program: unasked, each is written out.
    "tpu": Platform(
        2**18,
        1,
        (4096, 8192),
        compiler_options={"xla_tpu_enable_deduplicated_calls": "true"},
    ),
    "gpu": Platform(None, None, (4096, 8192)),
}
_BYTES_PER_VALUE = 2**11  # 128 for all that a step keeps, of up to 8 tasks, in half the memory
_LITTLE_MEMORY = 2**34  # assumed of devices that do not tell theirs


def this_platform() -> Platform:
    """The platform of this process' devices, where whatever it traces is going to run."""
    return PLATFORMS.get(jax.default_backend(), PLATFORMS["gpu"])


def chunk_values(platform: Platform) -> int:
    """Activations of one layer that a chunk of observations has on a platform."""
    if platform.chunk_values is not None:
        return platform.chunk_values
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    return min(s.get("bytes_limit", _LITTLE_MEMORY) for s in stats) // _BYTES_PER_VALUE


def known_options(options: Mapping[str, str]) -> dict[str, str]:
    """Options of this process' compiler; none where its version does not know one of them."""
    if options:
        try:
            jax.jit(lambda: 0, compiler_options=dict(options)).lower().compile()
        except jax.errors.JaxRuntimeError:
            return {}
    return dict(options)
