"""The options of all coordinate networks together, as flags and configurations hold them."""

from typing import Annotated, NamedTuple

from metainr.checks import Choice, Range, Text

_FREQUENCY = Range(1e-6, 1e6, real=True)
_CELLS = Range(1, 2**24)  # float32 tells no more places in [0, 1] apart
_ACTIVATION = Text("the name of an elementwise function, such as relu")


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
    latent_cells, latent_channels: cells along an axis of a grid of latents, and numbers at each of
        its vertices.
    compute_dtype: "float32", or "bfloat16" for the factors of the hidden layers' products, which
        are still summed in float32; first and last layer and encodings are always float32.
    """

    in_dim: Annotated[int, Range(1, 2**10)] = 2
    out_dim: Annotated[int, Range(1, 2**16)] = 3
    width: Annotated[int, Range(1, 2**16)] = 256
    depth: Annotated[int, Range(2, 2**8)] = 5
    omega: Annotated[float, _FREQUENCY] = 200.0
    first_omega: Annotated[float, _FREQUENCY] = 200.0
    first_bias: Annotated[float, Range(0, 1e6, real=True)] = 1.0
    sigma: Annotated[float, Range(1e-6, 1e6, real=True)] = 0.1
    activation: Annotated[str, _ACTIVATION] = "relu"
    output_activation: Annotated[str, _ACTIVATION] = "identity"
    output_offset: Annotated[float, Range(-1e6, 1e6, real=True)] = 0.5
    octaves: Annotated[float, Range(0, 64, real=True)] = 8.0
    frequencies: Annotated[int, Range(1, 2**12)] = 20
    fourier_scale: Annotated[float, Range(0, 1e6, real=True)] = 30.0
    fourier_seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    levels: Annotated[int, Range(1, 2**6)] = 16
    coarsest: Annotated[int, _CELLS] = 16
    finest: Annotated[int, _CELLS] = 512
    table_size: Annotated[int, _CELLS] = 2**14
    latent_cells: Annotated[int, Range(1, 2**10)] = 8
    latent_channels: Annotated[int, Range(1, 2**12)] = 16
    compute_dtype: Annotated[str, Choice(("float32", "bfloat16"))] = "float32"
