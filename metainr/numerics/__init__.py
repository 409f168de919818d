"""What makes metainr fast and exact: sine, chunked sums, mixed-mode gradients, task batching."""

from metainr.numerics.chunks import default_chunk_size, map_over_chunks, sum_over_chunks
from metainr.numerics.forward_laplacian import Sweep, forward_laplacian, unit_directions
from metainr.numerics.gradients import (
    hessian_vector_product,
    inner_gradient,
    inner_product,
    num_points,
    objective_gradient,
)
from metainr.numerics.sine import sin, sin_cos
from metainr.numerics.softplus import softplus
from metainr.numerics.terms import Summation

__all__ = [
    "Summation",
    "Sweep",
    "default_chunk_size",
    "forward_laplacian",
    "hessian_vector_product",
    "inner_gradient",
    "inner_product",
    "map_over_chunks",
    "num_points",
    "objective_gradient",
    "sin",
    "sin_cos",
    "softplus",
    "sum_over_chunks",
    "unit_directions",
]
