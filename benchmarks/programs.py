"""Compiled programs: how long compiling took, and how much memory a run will take."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Program(NamedTuple):
    """A jitted function compiled for arguments of given shapes.

    call: the function, for arguments of these shapes alone.
    seconds: taken to trace and compile it.
    temp_bytes: scratch memory of a call.
    total_bytes: that with its arguments and results.
    """

    call: Callable[..., Any]
    seconds: float
    temp_bytes: int
    total_bytes: int


def compile_program(jitted: Callable[..., Any], *arguments: Any) -> Program:
    """Compiles a `jax.jit` function ahead of its first call, which this does not make."""
    began = time.perf_counter()
    compiled = jitted.lower(*arguments).compile()
    seconds = time.perf_counter() - began
    memory = compiled.memory_analysis()
    sizes = (memory.temp_size_in_bytes, memory.argument_size_in_bytes, memory.output_size_in_bytes)
    return Program(compiled, seconds, sizes[0], sum(sizes) - memory.alias_size_in_bytes)
