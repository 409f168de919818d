"""The options of all coordinate networks together, as flags and configurations hold them."""

from typing import NamedTuple


class FieldOptions(NamedTuple):
    """The shape and scales of a field; each field takes those that are keywords of its function.

    in_dim, out_dim: number of coordinates d and of values c.
    width, depth: hidden units per layer, and number of linear layers, the last one included.
    omega, first_omega: ω0 of the hidden layers of sine networks (SIREN, FINER, WIRE) and of their
        first one (radians per unit); the latter bounds a filter network's frequencies, too.
    first_bias: k of FINER, whose first layer's biases start at U(−k, k).
    sigma: standard deviation of Gaussian activations and of WIRE's windows, in units of what a
        linear layer returns.
    activation: of the MLPs, one of `metainr.fields.ACTIVATIONS` by its name.
    output_activation: likewise, for the last layer ("identity" for none).
    output_offset: added to the values; 0.5 centres a field of images on grey.
    octaves, frequencies: the positional encoding's highest octave s and its number of frequencies.
    fourier_scale, fourier_seed: standard deviation and seed of the random Fourier matrix B.
    levels, coarsest, finest: number of a hash grid's levels, and cells along an axis of the first
        and of the last of them.
    table_size: most entries in a level's table.
    compute_dtype: "float32", or "bfloat16" for the factors of the hidden layers' products, which
        are still summed in float32; first and last layer and encodings are always float32.
    """

    in_dim: int = 2
    out_dim: int = 3
    width: int = 256
    depth: int = 5
    omega: float = 200.0
    first_omega: float = 200.0
    first_bias: float = 1.0
    sigma: float = 0.1
    activation: str = "relu"
    output_activation: str = "identity"
    output_offset: float = 0.5
    octaves: float = 8.0
    frequencies: int = 20
    fourier_scale: float = 30.0
    fourier_seed: int = 0
    levels: int = 16
    coarsest: int = 16
    finest: int = 512
    table_size: int = 2**14
    compute_dtype: str = "float32"
