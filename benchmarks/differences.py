"""Whether contenders compute the same: their meta-gradients against the recipe's."""

import contextlib
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from benchmarks import machine, ours, recipe, torch_memory, torch_recipe
from benchmarks.programs import compile_program
from benchmarks.setting import Setting, make_images


def largest_differences(setting: Setting, dtype: str = "float32") -> dict[str, float | None]:
    """‖g − g_recipe‖ / ‖g_recipe‖ of every contender's meta-gradient, the largest over the leaves.

    None where it, or the recipe, does not fit into memory. `dtype` "float64" computes in it, from
    the float32 weights; contenders of lower precision sit that out.
    """
    with _precision(dtype):
        params = jax.tree.map(lambda x: np.asarray(x, dtype), ours.first_params(setting))
        images = make_images(setting.tasks, setting.side).astype(dtype)
        layers = recipe.layers(params)
        reference = _run(recipe.make_meta_gradient(setting), layers, images)
        found = {}
        for name, compute_dtype in _own(dtype).items():
            gradient = _run(ours.make_meta_gradient(setting, compute_dtype), params, images)
            found[name] = gradient and recipe.layers(gradient)
    for name, bf16 in _torch(dtype).items():
        found[name] = _run_torch(setting, bf16, layers, images)
    return {name: _distance(gradient, reference) for name, gradient in found.items()}


def _own(dtype):
    bf16 = {"ours, bf16": "bfloat16"} if dtype == "float32" else {}
    return {"ours": "float32"} | bf16


def _torch(dtype):
    if not torch_recipe.is_installed():
        return {}
    bf16 = {"PyTorch, bf16 autocast": True} if dtype == "float32" else {}
    return {"PyTorch": False} | bf16


def _run(meta_gradient, params, images):
    """The meta-gradient, or None if it does not fit."""
    program = compile_program(jax.jit(meta_gradient), params, images)
    if program.total_bytes > machine.available_bytes():
        return None
    return jax.tree.map(np.asarray, program.call(params, images))


def _run_torch(setting, bf16, layers, images):
    """PyTorch's meta-gradient, or None if it does not fit; float64 takes twice the memory."""
    scale = images.itemsize / 4
    if scale * torch_memory.predicted_bytes(setting, bf16) > machine.available_bytes():
        return None
    leaves = torch_recipe.to_parameters(layers)
    slopes = torch_recipe.make_meta_gradient(setting, bf16)(leaves, images)
    return [slope.numpy() for slope in slopes]


def _distance(gradient: Sequence | None, reference: Sequence | None) -> float | None:
    if gradient is None or reference is None:
        return None
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(reference))
    return max(float(np.linalg.norm(g - r) / np.linalg.norm(r)) for g, r in pairs)


@contextlib.contextmanager
def _precision(dtype: str) -> Iterator[None]:
    """Computes in a dtype, with full products also where JAX rounds their factors by default."""
    previous = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        with jax.default_matmul_precision("highest"):
            yield
    finally:
        jax.config.update("jax_enable_x64", previous)
