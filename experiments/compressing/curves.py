"""Rate and quality of codecs on the same signals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from experiments.compressing.choosing import Aim, written
from experiments.compressing.rivals import Rival
from experiments.signal_files.kind import Kind
from metainr.codec import Base, Codec
from metainr.codec.codec import About
from metainr.keys import branch
from metainr.runs.as_data.frames import Frame
from metainr.runs.learners import make_algorithm
from metainr.runs.options import Machine

Signals = Sequence[tuple[np.ndarray, About]]


def own_curve(
    codec: Codec, kind: Kind, signals: Signals, all_bits: Sequence[int], steps: int
) -> Iterator[dict[str, Any]]:
    """A point for each number of bits: means over the signals, which are fitted once."""
    originals = (values for values, _ in signals)
    fits = [vectors for _, vectors in codec.fits(enumerate(originals), steps)]
    for bits in all_bits:
        found = [
            written(codec, kind, vectors, values, about, Aim(bits))
            for vectors, (values, about) in zip(fits, signals)
        ]
        yield _point(f"{bits} bits", [len(one.data) for one in found], [one.psnr for one in found])


def rival_curve(
    settings: Sequence[tuple[str, Rival]], frame: Frame, signals: Signals
) -> Iterator[dict[str, Any]]:
    """A point for each setting of a codec that others made."""
    for setting, code in settings:
        found = [code(values) for values, _ in signals]
        psnr = [frame.psnr(one.values, values) for one, (values, _) in zip(found, signals)]
        yield _point(setting, [one.size for one in found], psnr)


def nobody_learned(base: Base, seed: int) -> Base:
    """A base whose weights are those that its algorithm begins to learn with."""
    algorithm = make_algorithm(base.init.learner, base.field, (), (), Machine())
    start = algorithm.init(branch(jax.random.key(seed), "init"))
    return base._replace(init=base.init._replace(meta_params=start))


def bytes_at(points: Sequence[Mapping[str, Any]], psnr: float) -> float | None:
    """Bytes of a codec at a PSNR, by lines between its points on a logarithmic axis.

    None where all of its points lie above or below.
    """
    ordered = sorted((point["psnr"], point["bytes"]) for point in points)
    levels, sizes = np.array(ordered).T
    if not levels[0] <= psnr <= levels[-1]:
        return None
    return float(np.exp(np.interp(psnr, levels, np.log(sizes))))


def _point(setting, sizes, psnr):
    return {
        "setting": setting,
        "bytes": float(np.mean(sizes)),
        "psnr": float(np.mean(psnr)),
        "psnr_stderr": float(np.std(psnr) / max(len(psnr) - 1, 1) ** 0.5),
    }
