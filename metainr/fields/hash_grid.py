"""A multi-resolution hash grid: values of grids' vertices in tables, read by a small MLP.

Source: Müller et al., "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding",
SIGGRAPH 2022.
"""

import functools
import itertools
import math
import operator

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from metainr.errors import UserError
from metainr.fields.adapters import of_flax
from metainr.fields.dense import dense, uniform
from metainr.fields.keywords import checked_keywords
from metainr.types import Array, Field

_FEATURES = 2  # per entry of a table
_PRIMES = (1, 2654435761, 805459861, 3674653429)


class Table(nn.Module):
    """[..., d] in [0, 1] -> [..., 2 levels]: d-linear interpolation between vertices' features.

    Level l has N_l = ⌊coarsest · b^l⌋ cells along an axis, b such that the last level has `finest`.
    Where its (N_l + 1)^d vertices fit into `table_size` entries each has its own, a dense grid;
    else vertex v uses entry (v_1 π_1 xor … xor v_d π_d) mod table_size, and vertices share entries.
    Coordinates outside [0, 1] count as those nearest to them in it. All levels' entries are the
    rows of one param `table`, which starts at U(±1e-4).
    """

    cells: tuple[int, ...]
    table_size: int

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., d] to features [..., 2 levels]."""
        d = coords.shape[-1]
        sizes = [min((n + 1) ** d, self.table_size) for n in self.cells]
        table = self.param("table", uniform(1e-4), (sum(sizes), _FEATURES), jnp.float32)
        corners = np.array(list(itertools.product((0, 1), repeat=d)))
        # From here on the axes are [points, levels, corners, d].
        cells = jnp.asarray(self.cells, coords.dtype)[None, :, None, None]
        place = _clamped(coords).reshape(-1, 1, 1, d) * cells
        low = jnp.clip(jnp.floor(place), 0, cells - 1)  # the last vertex ends the last cell
        ends = jnp.where(corners[None, None] == 1, place - low, 1 - (place - low))
        weights = functools.reduce(operator.mul, (ends[..., axis] for axis in range(d)))
        vertices = low.astype(jnp.uint32) + corners[None, None].astype(np.uint32)
        rows = table_rows(vertices, self.cells, self.table_size)
        found = table.at[rows].get(mode="promise_in_bounds")
        features = jnp.sum(weights[..., None] * found, -2)
        return features.reshape(*coords.shape[:-1], -1)


class HashGrid(nn.Module):
    """f = W_L h_L + b_L + c, h_{k+1} = relu(W_k h_k + b_k), h_0 = table(x).

    Weights start Glorot-uniform, as published, biases at 0.
    """

    cells: tuple[int, ...]
    table_size: int
    out_dim: int
    width: int
    depth: int
    output_offset: float
    compute_dtype: str

    @nn.compact
    def __call__(self, coords):
        """Maps coords [..., d] to values [..., out_dim]."""
        x = Table(self.cells, self.table_size, name="encoding")(coords)
        init = nn.initializers.glorot_uniform()
        for index in range(self.depth - 1):
            dtype = self.compute_dtype if index else "float32"
            x = nn.relu(dense(self.width, index, init, dtype)(x))
        self.sow("intermediates", "hidden", x)
        return dense(self.out_dim, self.depth - 1, init)(x) + self.output_offset


@checked_keywords
def hash_grid(
    *,
    in_dim: int = 2,
    out_dim: int = 3,
    width: int = 256,
    depth: int = 5,
    levels: int = 16,
    coarsest: int = 16,
    finest: int = 512,
    table_size: int = 2**14,
    output_offset: float = 0.5,
    compute_dtype: str = "float32",
) -> Field:
    """A hash grid before `depth` linear layers (published: 3, of width 64).

    Raises UserError if there are more than four coordinates or finest is below coarsest.
    """
    if in_dim > len(_PRIMES):
        raise UserError(
            f"a hash grid has at most {len(_PRIMES)} coordinates, not {in_dim}; use siren"
        )
    if not 1 <= coarsest <= finest:
        raise UserError(
            f"finest {finest} of a hash grid is below its coarsest {coarsest}; swap them"
        )
    cells = level_cells(levels, coarsest, finest)
    module = HashGrid(cells, table_size, out_dim, width, depth, output_offset, compute_dtype)
    return of_flax(module, in_dim)


def level_cells(levels: int, coarsest: int, finest: int) -> tuple[int, ...]:
    """Cells along an axis of each level: ⌊coarsest · b^l⌋, b = (finest/coarsest)^(1/(levels−1))."""
    growth = math.log(finest / coarsest) / max(levels - 1, 1)
    # Rounding must not take a cell from the last level.
    return tuple(math.floor(coarsest * math.exp(growth * level) + 1e-6) for level in range(levels))


def table_rows(vertices: Array, cells: tuple[int, ...], table_size: int) -> Array:
    """Rows [..., levels, corners] of the table that uint32 vertices [..., levels, corners, d] use.

    The tables of the levels, of min((N_l + 1)^d, table_size) rows each, lie one after another.
    """
    d = vertices.shape[-1]
    counts = [(n + 1) ** d for n in cells]
    sizes = np.minimum(counts, table_size).astype(np.uint32)
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.uint32)

    def by_level(values):
        values = np.asarray(values).reshape(*[1] * (vertices.ndim - 3), -1, 1)
        return jnp.broadcast_to(values, vertices.shape[:-1])

    own, shared = 0, 0
    for axis in range(d):
        vertex = vertices[..., axis]
        # Where vertices share entries this product may overflow; it is not used there.
        own += vertex * by_level(np.array([(n + 1) ** axis % 2**32 for n in cells], np.uint32))
        shared ^= vertex * np.uint32(_PRIMES[axis])
    is_dense = by_level([count <= table_size for count in counts])
    rows = jnp.where(is_dense, own, shared % by_level(sizes)) + by_level(starts)
    return rows.astype(jnp.int32)


def _clamped(coords):
    """Unlike a clip, it has derivative 1 at 0 and 1 themselves."""
    return jnp.where(coords < 0, 0, jnp.where(coords > 1, 1, coords))
