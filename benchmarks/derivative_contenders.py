"""The ways to fit a SIREN to values or derivatives that are compared: loss and its gradient."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import machine, recipe, torch_recipe
from benchmarks.comparison import OURS, Contender, if_it_fits
from benchmarks.programs import compile_program
from benchmarks.setting import Setting
from metainr import fields, measurements
from metainr.numerics import Summation, default_chunk_size, objective_gradient
from metainr.numerics.flops import forward_flops
from metainr.objectives import Samples, all_points, squared_error
from metainr.types import Field, Params, Term

KINDS = ("value", "gradient", "laplacian")
# Of a field of one value of two coordinates.
_EVALUATIONS = {"value": 1, "gradient": 2, "laplacian": 4}
_WITH_WEIGHT_GRADIENT = 3  # times as much


def make_contenders(setting: Setting, kind: str) -> dict[str, Contender]:
    """Contenders by name; a run returns the gradient as [(kernel, bias)], first layer first.

    Args:
        setting: side² points, and the SIREN, which has one value.
        kind: what is supervised, one of KINDS.
    """
    field, params = _network(setting)
    layers = recipe.layers(params)
    coords, targets = _data(setting, kind)
    torch = Contender(None, "not installed")
    if torch_recipe.is_installed():
        torch = Contender(_torch(setting, kind, layers, coords, targets))
    return {
        OURS: _compiled(_ours(setting, kind, field, coords), params, targets),
        "nested JAX": _compiled(_nested(setting, kind, coords), layers, targets),
        "nested PyTorch": torch,
    }


def flops(setting: Setting, kind: str) -> int:
    """Operations of matrix products in ours."""
    field, params = _network(setting)
    evaluations = setting.side**2 * _EVALUATIONS[kind] * _WITH_WEIGHT_GRADIENT
    return evaluations * forward_flops(field.apply, params, 2)


def _network(setting) -> tuple[Field, Params]:
    options = fields.FieldOptions(
        out_dim=1,
        width=setting.width,
        depth=setting.depth,
        omega=setting.omega,
        first_omega=setting.omega,
    )
    field = fields.make("siren", options)
    return field, jax.jit(field.init)(jax.random.key(0))


def _data(setting, kind):
    """A grid on [−1, 1]² and smooth derivatives there."""
    axis = np.linspace(-1, 1, setting.side, dtype=np.float32)
    coords = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    return coords, np.cos(3 * coords) if kind == "gradient" else np.cos(3 * coords[:, :1])


def _ours(setting, kind, field, coords):
    term = Term(all_points(coords), measurements.REGISTRY[kind](), squared_error)
    summation = Summation(default_chunk_size(setting.width))
    slope = objective_gradient((term,), field.apply, summation)
    key = jax.random.key(0)

    def run(params, targets):
        loss, found = slope(params, Samples(targets, jnp.ones(len(targets))), key, 0)
        return loss, recipe.layers(found)

    return run


def _nested(setting, kind, coords):
    """As one writes it from JAX's manual: derivatives at one point, and a `vmap` of them."""

    def read(layers, point):
        def value(point):
            return recipe.apply(layers, point[None], setting.omega)[0, 0]

        if kind == "value":
            return value(point)[None]
        if kind == "gradient":
            return jax.grad(value)(point)
        return jnp.trace(jax.hessian(value)(point))[None]

    def loss(layers, targets):
        found = jax.vmap(lambda point: read(layers, point))(coords)
        return jnp.mean((found - targets) ** 2)

    return jax.value_and_grad(loss)


def _compiled(function: Callable[..., Any], params: Any, targets: np.ndarray) -> Contender:
    program = compile_program(jax.jit(function), params, targets)
    contender = Contender(
        lambda: jax.block_until_ready(program.call(params, targets))[1],
        compile_seconds=program.seconds,
        bytes=program.temp_bytes,
    )
    return if_it_fits(contender, program.total_bytes, machine.available_bytes())


def _torch(setting, kind, layers, coords, targets):
    """Nested `torch.autograd.grad`, each building the graph of the next."""
    import torch

    params = torch_recipe.to_parameters(layers)
    points = torch.tensor(coords).requires_grad_()
    known = torch.tensor(targets)

    def slope(values):
        return torch.autograd.grad(values.sum(), points, create_graph=True)[0]

    def run():
        x = points
        *hidden, (w, b) = zip(params[::2], params[1::2])
        for kernel, bias in hidden:
            x = torch.sin(setting.omega * torch.addmm(bias, x, kernel))
        found = torch.addmm(b, x, w) + 0.5
        if kind != "value":
            found = slope(found)
        if kind == "laplacian":
            found = sum(slope(found[:, i])[:, i : i + 1] for i in range(2))
        loss = ((found - known) ** 2).mean()
        # The last bias has no part in derivatives.
        gradient = torch.autograd.grad(loss, params, allow_unused=True, materialize_grads=True)
        return list(zip(gradient[::2], gradient[1::2]))

    return run
