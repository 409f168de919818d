"""Pictures: any that are read, and PNGs of their bit depth."""

import numpy as np

from experiments.fitting.pictures_io import encode_png, quantised
from experiments.signal_files.kind import Kind
from metainr.codec.codec import About
from metainr.files import write_bytes
from metainr.media.images.pictures import SUFFIXES, read_picture

NAMES = {
    ("colour", "grey")[is_grey] if bits == 8 else ("deep colour", "deep grey")[is_grey]: (
        bits,
        is_grey,
    )
    for bits in (8, 16)
    for is_grey in (False, True)
}
"""What files call them -> (bits, whether they are grey)."""


def pictures() -> Kind:
    """The kind."""

    def read(path):
        picture = read_picture(path)
        name = {told: name for name, told in NAMES.items()}[picture.bits, picture.is_grey]
        return picture.values, About(name)

    def stored(values, about):
        bits, is_grey = NAMES[about.kind]
        levels = quantised(values, bits, is_grey).astype(np.float32) / np.float32(2**bits - 1)
        return np.broadcast_to(levels, values.shape)

    def write(path, values, about):
        write_bytes(path, encode_png(quantised(values, *NAMES[about.kind])))

    return Kind(
        "picture",
        SUFFIXES,
        ".png",
        read,
        of_signal=lambda signal: signal,
        told=lambda values: About("grey" if (values == values[..., :1]).all() else "colour"),
        stored=stored,
        write=write,
        picture=lambda values: values,
    )
