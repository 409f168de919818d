"""What can be said of any coordinate network."""

from typing import NamedTuple


class FieldOptions(NamedTuple):
    """The shape and scales of a field; each field reads those that concern it.

    in_dim, out_dim: number of coordinates d and of values c.
    width, depth: hidden units per layer, and number of linear layers, the last one included.
    omega, first_omega: ω0 of a SIREN's hidden layers and of its first one (radians per unit).
    activation: of the MLPs, any elementwise function of `jax.nn` or `jax.numpy` by its name.
    output_activation: likewise, for the last layer ("identity" for none).
    output_offset: added to the values; 0.5 centres a field of images on grey.
    octaves, frequencies: the positional encoding's highest octave s and its number of frequencies.
    fourier_scale, fourier_seed: standard deviation and seed of the random Fourier matrix B.
    compute_dtype: "float32", or "bfloat16" for the factors of the hidden layers' products, which
        are still summed in float32; first and last layer and encodings are always float32.
    """

    in_dim: int = 2
    out_dim: int = 3
    width: int = 256
    depth: int = 5
    omega: float = 200.0
    first_omega: float = 200.0
    activation: str = "relu"
    output_activation: str = "identity"
    output_offset: float = 0.5
    octaves: float = 8.0
    frequencies: int = 20
    fourier_scale: float = 30.0
    fourier_seed: int = 0
    compute_dtype: str = "float32"
