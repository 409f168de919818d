"""Every platform has its own products, in programs that are lowered for it elsewhere, too."""

import re

import jax
import jax.numpy as jnp
import pytest
from jax import export

from metainr import fields

COORDS = jax.ShapeDtypeStruct((8, 2), jnp.float32)


def _ways(compute_dtype: str, platform: str) -> list[set[str]]:
    """What the products of a field, its gradient and its Hessian-vector product are, as lowered.

    Of a SIREN of three layers; all but the middle one are float32 in any case.
    """
    field = fields.make("siren", fields.FieldOptions(width=6, depth=3, compute_dtype=compute_dtype))
    params = jax.eval_shape(field.init, jax.random.key(0))

    def loss(params, coords):
        return jnp.sum(jnp.square(field.apply(params, coords)))

    def product(params, coords):
        return jax.jvp(lambda p: jax.grad(loss)(p, coords), (params,), (params,))

    found = []
    for function in (field.apply, jax.grad(loss), product):
        exported = export.export(jax.jit(function), platforms=[platform])(params, COORDS)
        dots = [
            line for line in exported.mlir_module().splitlines() if "stablehlo.dot_general" in line
        ]
        found.append({_way(line) for line in dots})
    return found


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
