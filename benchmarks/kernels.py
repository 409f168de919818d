"""The matrix products and elementary functions of a chunked SIREN, one kind at a time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from metainr.numerics import sin, sin_cos
from metainr.types import Array

Run = Callable[[], object]


class Shape(NamedTuple):
    """`chunks` chunks of `rows` points each, and a layer `width` units wide."""

    chunks: int
    rows: int
    width: int


class Operands(NamedTuple):
    """Activations x, their cotangents g, both once more transposed, and weights.

    x, g: [chunks, rows, width]; xt, gt: [chunks, width, rows]; w: [width, width]; all row-major.
    """

    x: np.ndarray
    g: np.ndarray
    xt: np.ndarray
    gt: np.ndarray
    w: np.ndarray


# Names of the operands, and whether each enters transposed by the program.
_PRODUCTS = {
    "x @ W": ("x", "", "w", ""),
    "g @ Wᵀ": ("g", "", "w", "T"),
    "xᵀ @ g": ("x", "T", "g", ""),
    "xt @ g": ("xt", "", "g", ""),
    "W @ xt": ("w", "", "xt", ""),
    "Wᵀ @ gt": ("w", "T", "gt", ""),
    "xt @ gtᵀ": ("xt", "", "gt", "T"),
}

PRODUCTS = tuple(_PRODUCTS)
"""Products by name; `xt` and `gt` are arguments that already lie transposed in memory."""


def _cast(a, b):
    a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    return jnp.dot(a, b, preferred_element_type=jnp.float32)


def _preset(a, b):
    return jnp.dot(a, b, precision=lax.DotAlgorithmPreset.BF16_BF16_F32)


DOTS: Mapping[str, Callable[[Array, Array], Array]] = {
    "float32": jnp.dot,
    "bf16, cast": _cast,
    "bf16, preset": _preset,
}
"""Ways to multiply float32 matrices in XLA: as they are, cast to bf16, and as the preset says."""

TORCH_DOTS = {"PyTorch float32": False, "PyTorch bf16": True}
"""PyTorch's ways: whether factors are cast to bf16, and with them the result."""

FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "2 x": lambda x: 2 * x,
    "sin": jnp.sin,
    "sin, metainr's": sin,
    "sin + cos": lambda x: jnp.sin(x) + jnp.cos(x),
    "sin + cos, metainr's": lambda x: jnp.add(*sin_cos(x)),
    "tanh": jnp.tanh,
    "exp": jnp.exp,
    "exp(−x²)": lambda x: jnp.exp(-x * x),
}
"""Elementary functions; the first one is nothing but reading and writing."""


def make_operands(shape: Shape) -> Operands:
    """Normal numbers, the same on every call; weights small enough to keep a layer's scale."""
    rng = np.random.default_rng(0)
    size = (shape.chunks, shape.rows, shape.width)
    x, g = (rng.standard_normal(size, np.float32) for _ in range(2))
    w = rng.standard_normal((shape.width, shape.width), np.float32) / np.sqrt(shape.width)
    xt, gt = (np.ascontiguousarray(a.swapaxes(1, 2)) for a in (x, g))
    return Operands(x, g, xt, gt, w.astype(np.float32))


def jax_product(name: str, dot: Callable[[Array, Array], Array], operands: Operands) -> Run:
    """Compiles a product of every chunk in turn, within a scan."""
    left, left_turned, right, right_turned = _PRODUCTS[name]

    def one(a, b):
        return dot(a.T if left_turned else a, b.T if right_turned else b)

    return _scanned(one, getattr(operands, left), getattr(operands, right))


def jax_function(function: Callable[[Array], Array], operands: Operands) -> Run:
    """Compiles an elementary function of every chunk in turn, within a scan."""
    return _scanned(function, operands.x)


def torch_product(name: str, bf16: bool, operands: Operands) -> Run:
    """A product of every chunk in turn, into the same memory."""
    import torch

    left, left_turned, right, right_turned = _PRODUCTS[name]
    a, b = (torch.from_numpy(getattr(operands, name)) for name in (left, right))

    def factor(whole, number, turned):
        chunk = whole[number] if whole.ndim == 3 else whole
        chunk = chunk.bfloat16() if bf16 else chunk
        return chunk.T if turned else chunk

    def run():
        for number in range(len(operands.x)):
            torch.mm(factor(a, number, left_turned), factor(b, number, right_turned))

    return run


def jax_square(dot: Callable[[Array, Array], Array], size: int) -> Run:
    """Compiles one product of two square matrices."""
    matrix = jax.random.normal(jax.random.key(0), (size, size))
    return _compiled(dot, matrix, matrix)


def torch_square(bf16: bool, size: int) -> Run:
    """One product of two square matrices."""
    import torch

    matrix = torch.randn(size, size, dtype=torch.bfloat16 if bf16 else torch.float32)
    return lambda: torch.mm(matrix, matrix)


def rounding(dot: Callable[[Array, Array], Array], operands: Operands) -> float:
    """‖x W − exact‖ / ‖exact‖ of the first chunk: about 1e-7 in float32, 2e-3 with bf16 factors."""
    x, w = operands.x[0], operands.w
    exact = x.astype(np.float64) @ w.astype(np.float64)
    return float(np.linalg.norm(np.asarray(jax.jit(dot)(x, w)) - exact) / np.linalg.norm(exact))


def _scanned(function: Callable[..., Array], *operands: np.ndarray) -> Run:
    """Compiles a loop over chunks; operands of two dimensions are the same for all of them."""
    chunks = max(len(x) for x in operands if x.ndim == 3)

    def program(*operands):
        def one(number):
            return function(*(_chunk(x, number) for x in operands))

        result = jax.eval_shape(one, 0)
        empty = jnp.zeros(result.shape, result.dtype)
        return lax.fori_loop(0, chunks, lambda number, _: one(number), empty)

    return _compiled(program, *map(jnp.asarray, operands))


def _chunk(x, number):
    return lax.dynamic_index_in_dim(x, number, keepdims=False) if x.ndim == 3 else x


def _compiled(function: Callable[..., Array], *operands: Array) -> Run:
    jitted = jax.jit(function)
    return lambda: jax.block_until_ready(jitted(*operands))
