"""The ways to take an outer step that are compared."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import machine, ours, recipe, torch_memory, torch_recipe
from benchmarks.comparison import OURS, Contender, if_it_fits
from benchmarks.programs import compile_program
from benchmarks.setting import Setting, make_images
from metainr.platforms import this_platform


def step_contenders(setting: Setting, variants: bool = False) -> dict[str, Contender]:
    """All contenders by name, ours in float32 first; `variants` has other versions of ours too."""
    found = {OURS: _ours(setting)}
    on_cpu = this_platform().one_machine
    if variants:
        found[f"{OURS}, bf16"] = _ours(setting, "bfloat16")
    if variants and not on_cpu:
        found[f"{OURS}, tasks vmapped"] = _ours(setting, microbatch=setting.tasks)
        found[f"{OURS}, tasks in sequence"] = _ours(setting, microbatch=1)
    found["recipe"] = _recipe(setting)
    if not on_cpu:
        found["recipe, full float32"] = _recipe(setting, "highest")
    return found | _torch(setting, on_cpu)


def _ours(setting, compute_dtype="float32", microbatch=None):
    return _compiled(setting, *ours.make_step(setting, compute_dtype, microbatch))


def _recipe(setting, precision=None):
    layers = recipe.layers(ours.first_params(setting))
    return _compiled(setting, *recipe.make_step(setting, layers, precision))


def _compiled(setting: Setting, step: Callable[..., Any], state: Any) -> Contender:
    images = jnp.asarray(make_images(setting.tasks, setting.side))
    program = compile_program(step, state, images)

    def run():
        nonlocal state
        state, info = program.call(state, images)
        jax.block_until_ready((state, info))

    contender = Contender(run, "", program.seconds, program.temp_bytes)
    return if_it_fits(contender, program.total_bytes, machine.available_bytes())


def _torch(setting, on_cpu):
    """PyTorch's two contenders; beside a GPU none if PyTorch has no use of it."""
    names = {"PyTorch": False, "PyTorch, bf16 autocast": True}
    if not torch_recipe.is_installed():
        return dict.fromkeys(names, Contender(None, "not installed"))
    if not on_cpu and not torch_recipe.has_gpu():
        return {}
    device = "cpu" if on_cpu else "cuda"
    layers = recipe.layers(ours.first_params(setting))
    images = make_images(setting.tasks, setting.side)
    found = {}
    for name, bf16 in names.items():
        run = torch_recipe.make_step(setting, layers, images, bf16, device)
        needed = torch_memory.predicted_bytes(setting, bf16)
        contender = Contender(run, bytes=needed)
        found[name] = if_it_fits(contender, needed, machine.available_bytes())
    return found
