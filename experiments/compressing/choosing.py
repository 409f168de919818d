"""How many bits a signal's numbers get: as told, or as a rate or a quality asks for."""

import math
from typing import NamedTuple

import numpy as np

from experiments.signal_files.kind import Kind
from metainr.codec import Codec
from metainr.codec.codec import About
from metainr.codec.quantiser import BITS


class Aim(NamedTuple):
    """bits: of a number, unless `rate` (bits a point) or `psnr` (dB) is given to be reached."""

    bits: int
    rate: float | None = None
    psnr: float | None = None


class Written(NamedTuple):
    """A signal's file, the bits of its numbers, the PSNR of what is decoded of it, and whether the
    aim was reached.
    """

    data: bytes
    bits: int
    psnr: float
    reached: bool


def written(
    codec: Codec, kind: Kind, vectors: np.ndarray, original: np.ndarray, about: About, aim: Aim
) -> Written:
    """The file of a signal's fits: of the most bits below the rate, or of the fewest that reach the
    PSNR; if none do, of the fewest bits, or of those with the highest PSNR.

    Raises UserError if a fit diverged.
    """
    shape = original.shape[:-1]

    def made(bits):
        return codec.write(vectors, shape, bits, about)

    def measured(data, bits, reached=True):
        _, decoded = codec.read(data)
        values = kind.stored(codec.render(decoded, shape, shape), about)
        return Written(data, bits, codec.base.frame.psnr(values, original), reached)

    choices = range(int(BITS.least), int(BITS.most) + 1)
    if aim.rate is not None:
        most = aim.rate * math.prod(shape) / 8
        for bits in reversed(choices):
            data = made(bits)
            if len(data) <= most:
                return measured(data, bits)
        return measured(made(choices[0]), choices[0], reached=False)
    if aim.psnr is not None:
        found = []
        for bits in choices:
            found.append(measured(made(bits), bits))
            if found[-1].psnr >= aim.psnr:
                return found[-1]
        return max(found, key=lambda one: one.psnr)._replace(reached=False)
    return measured(made(aim.bits), aim.bits)
