"""The base: all that the files of a class have in common, as one file.

It holds what was learned (the shared weights), the statistics of training signals, and how a field
is laid over a signal. A fingerprint of these stands in every file that is written with it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr.checks import Range
from metainr.codec.container import FINGERPRINT_BYTES
from metainr.codec.loop import Loop, make_loop
from metainr.codec.objective import objective_of
from metainr.codec.quantiser import REACHES, Scales
from metainr.codec.statistics import TOP_BITS, Statistics
from metainr.errors import UserError
from metainr.fields import FieldOptions
from metainr.json_files import parsed
from metainr.runs.as_data.frames import Frame
from metainr.runs.inits import Init
from metainr.runs.saved import field_of, in_file, init_of, learner_of, learner_record
from metainr.types import Field
from metainr.weights import load_metadata, load_weights, save_weights
from metainr.weights.naming import flat_leaves

_ABOUT, _FLAGS = "codec", "flags"
_STEPS = Range(0, 10**6)
_SIDE, _MOST_POINTS = Range(1, 2**24), 2**24


class Base(NamedTuple):
    """What coder and decoder share.

    field, init: the network, and what was learned for it.
    frame: how a field is laid over a signal.
    steps: of the fits that the statistics are of, and of the coder's unless it is told others.
    statistics: of training signals.
    record: how it was learned, by the names of the command line's flags.
    """

    field: Field
    init: Init
    frame: Frame
    steps: int
    statistics: Statistics
    record: Mapping[str, Any]

    def loop(self) -> Loop:
        """The loop that fits, and makes weights of what a file holds."""
        return make_loop(self.init, self.field, objective_of(self.frame))

    @property
    def fingerprint(self) -> bytes:
        """Of everything that a decoder computes with."""
        names = ("field", *FieldOptions._fields)
        told = {name: self.record[name] for name in names if name in self.record}
        about = [told, learner_record(self.init.learner), self.frame]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for name, leaf in sorted(_leaves(self).items()):
            array = np.asarray(leaf)
            digest.update(f"{name}{array.dtype}{array.shape}".encode() + array.tobytes())
        return digest.digest()[:FINGERPRINT_BYTES]


def save_base(path: str | Path, base: Base) -> None:
    """Writes a base to a .safetensors file, whole or not at all.

    Raises UserError if it cannot be written, or its field is one that a file cannot name.
    """
    if not isinstance(base.record.get("field"), str):
        raise UserError(
            "a base of a field of one's own cannot be written: its file could not say which field "
            "it is; give field= of learn a name"
        )
    about = {"steps": base.steps, "frame": base.frame._asdict()}
    texts = {_FLAGS: json.dumps(dict(base.record)), _ABOUT: json.dumps(about)}
    save_weights(path, _leaves(base), texts)


def is_base(path: str | Path) -> bool:
    """Whether a file is a base, and not an init without statistics."""
    path = Path(path)
    return path.is_file() and path.suffix == ".safetensors" and _ABOUT in load_metadata(path)


def load_base(path: str | Path) -> Base:
    """Reads what `save_base` wrote. Raises UserError if it is none, or damaged."""
    if not is_base(path):
        raise UserError(
            f"{path} is no base of compressed fields; give the base.safetensors that compress wrote"
        )
    texts, source = load_metadata(path), str(path)
    leaves = load_weights(path)
    try:
        record, about = parsed(texts[_FLAGS]), parsed(texts[_ABOUT])
        weights, found = leaves["weights"], leaves["statistics"]
        frame = _frame(about["frame"])
        steps = int(_STEPS.plain(about["steps"]))
        statistics = Statistics(Scales(found["mean"], found["deviation"]), found["counts"])
        _check_statistics(statistics)
        field = field_of(record, weights, source, len(frame.shape))
        learner = in_file(source, lambda: learner_of(record))
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is a damaged base ({type(error).__name__}: {error}); take it from its source "
            "again"
        ) from error
    base = Base(field, init_of(weights, learner, field, source), frame, steps, statistics, record)
    size = base.loop().size
    if statistics.scales.mean.shape != (size,):
        raise UserError(
            f"{path} is a damaged base: statistics of {statistics.scales.mean.size} numbers where "
            f"fits have {size}; take it from its source again"
        )
    return base


def _leaves(base):
    scales, counts = base.statistics
    statistics = {"mean": scales.mean, "deviation": scales.deviation, "counts": counts}
    return flat_leaves({"weights": base.init.meta_params, "statistics": statistics})


def _frame(told):
    shape = tuple(int(_SIDE.plain(side)) for side in told["shape"])
    low, span = (tuple(float(x) for x in told[name]) for name in ("low", "span"))
    least, most = float(told["least"]), float(told["most"])
    scale = float(told["scale"])
    ends = np.array([*low, *span, least, most, scale])
    axes = len(shape)
    if not 1 <= axes <= 4 or len(low) != axes or len(span) != axes or np.prod(shape) > _MOST_POINTS:
        raise ValueError(f"a frame of shape {shape}")
    if not np.isfinite(ends).all() or least >= most or scale <= 0:
        raise ValueError("a frame of values that are none")
    channels = int(Range(1, 8).plain(told["channels"]))
    return Frame(shape, channels, low, span, least, most, scale)


def _check_statistics(statistics):
    (mean, deviation), counts = statistics
    fits = mean.shape == deviation.shape and counts.shape == (len(REACHES), 2**TOP_BITS)
    kinds = mean.dtype == deviation.dtype == np.float32 and counts.dtype == np.int64
    if not (fits and kinds and (deviation > 0).all()):
        raise ValueError("statistics of another shape or type")
    if (counts < 0).any() or counts.max() > 2**40:
        raise ValueError("counts that are none")
