"""Every platform has its own products, in programs that are lowered for it elsewhere, too."""

import re
from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from jax import export

from metainr import fields
from metainr.types import Field, Params

COORDS = jax.ShapeDtypeStruct((8, 2), jnp.float32)


def _field(name: str, compute_dtype: str) -> Field:
    """Of four layers, of which only the two in the middle have another dtype than float32."""
    return fields.make(name, fields.FieldOptions(width=6, depth=4, compute_dtype=compute_dtype))


def _ways(compute_dtype: str, platform: str) -> list[set[str]]:
    """What the products of a field, its gradient and its Hessian-vector product are, as lowered."""
    field = _field("siren", compute_dtype)
    params = jax.eval_shape(field.init, jax.random.key(0))

    def loss(params, coords):
        return jnp.sum(jnp.square(field.apply(params, coords)))

    def product(params, coords):
        return jax.jvp(lambda p: jax.grad(loss)(p, coords), (params,), (params,))

    functions = (field.apply, jax.grad(loss), product)
    return [{*_lowered(function, params, platform)} for function in functions]


def _lowered(function: Callable, params: Params, platform: str) -> list[str]:
    """The ways of all products of a function of params and coordinates, in their order."""
    exported = export.export(jax.jit(function), platforms=[platform])(params, COORDS)
    lines = exported.mlir_module().splitlines()
    return [_way(line) for line in lines if "stablehlo.dot_general" in line]


def _way(line: str) -> str:
    algorithm = re.search(r"lhs_precision_type = (\w+)", line)
    if algorithm:
        return algorithm[1]
    factors = re.search(r": \(tensor<[^>]*x(\w+)>", line)
    precision = re.search(r"precision = \[(\w+)", line)
    assert factors
    return f"{factors[1]} {precision[1] if precision else 'DEFAULT'}"


@pytest.mark.parametrize(
    ("compute_dtype", "platform", "expected"),
    [
        ("float32", "cpu", {"f32 HIGHEST"}),
        ("float32", "cuda", {"f32 HIGHEST"}),
        ("float32", "tpu", {"f32 HIGHEST", "f32 HIGH"}),
        ("bfloat16", "cuda", {"f32 HIGHEST", "bf16"}),
        ("bfloat16", "tpu", {"f32 HIGHEST", "f32 HIGH", "bf16"}),
    ],
)
def test_products_are_those_of_the_platform(compute_dtype, platform, expected):
    assert _ways(compute_dtype, platform) == [expected] * 3


def test_on_cpu_bfloat16_is_for_the_form_that_is_fast_there():
    forward, gradient, _ = _ways("bfloat16", "cpu")
    assert forward == {"f32 HIGHEST", "bf16 DEFAULT"}
    assert "bf16" not in gradient


@pytest.mark.parametrize("name", ["siren", "mlp"])
@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_only_factors_of_hidden_layers_are_rounded(name, platform):
    field = _field(name, "bfloat16")
    first, *hidden, last = _lowered(
        field.apply, jax.eval_shape(field.init, jax.random.key(0)), platform
    )
    assert [way.split()[0] for way in hidden] == ["bf16"] * 2
    assert first == "f32 HIGHEST" and last.split()[0] == "f32"
