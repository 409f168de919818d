"""What `experiments.fit` leaves behind: pictures, curves and numbers of one picture's fits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.observed import Observed
from experiments.pictures_io import Picture, encode_png, quantised
from metainr.evaluation.metrics import psnr
from metainr.files import write_bytes
from metainr.reporting.figures import write_figures
from metainr.reporting.results import write_json
from metainr.reporting.tables import Table

_TITLES = {"meta": "learned init", "standard": "standard init"}
_UNSEEN_GREY = 0.5


class Fit(NamedTuple):
    """A fit of the whole picture from one init.

    picture: float32 [scale·h, scale·w, 3], after the last step, not clipped.
    psnr: in dB, [steps + 1], by kind of pixel: "seen" and, if there are any, "unseen".
    optimizer, learning_rate, seconds: what took the steps, and how long they took.
    """

    picture: np.ndarray
    psnr: dict[str, np.ndarray]
    optimizer: str
    learning_rate: float
    seconds: float


Fits = Mapping[str, Fit]


def psnr_table(fits: Fits) -> Table:
    """PSNR by step, a column per kind of pixel and init."""
    kinds = list(fits["meta"].psnr)
    suffix = {kind: f", {kind}" if len(kinds) > 1 else "" for kind in kinds}
    columns = {_TITLES[i] + suffix[k]: fits[i].psnr[k] for k in kinds for i in fits}
    steps = zip(*columns.values())
    rows = ((str(step), *(f"{x:.2f}" for x in values)) for step, values in enumerate(steps))
    return Table("PSNR in dB by step", ("step", *columns), tuple(rows))


def settings(fits: Fits) -> dict[str, Any]:
    """`settings` of results.json: "default", or "seen" and "unseen" where a part is shown."""
    kinds = list(fits["meta"].psnr)
    return {
        kind if len(kinds) > 1 else "default": {
            "steps": list(range(len(fits["meta"].psnr[kind]))),
            "inits": {init: _entry(fit, fit.psnr[kind]) for init, fit in fits.items()},
        }
        for kind in kinds
    }


def _entry(fit, psnr):
    values = [float(x) if np.isfinite(x) else None for x in psnr]  # a perfect fit's is infinite
    metric = {"mean": values, "stderr": [None] * len(values), "per_signal": [values]}
    return {
        "optimizer": fit.optimizer,
        "learning_rate": fit.learning_rate,
        "seconds": fit.seconds,
        "metrics": {"psnr": metric},
    }


def write_pictures(
    directory: Path, fits: Fits, observed: Observed, source: Picture, scale: int
) -> dict[str, dict[str, float]]:
    """Writes target, observed, fitted and scaled pictures at the bit depth of the source.

    Returns {file: PSNR in dB by kind of pixel}, measured on the levels that are written; it is
    empty for files that are no fits of the target.
    """
    partial = not observed.seen.all()
    pictures = {"target": observed.values}
    if partial:
        pictures["observed"] = np.where(observed.seen[..., None], observed.values, _UNSEEN_GREY)
    pictures |= {init: fit.picture[::scale, ::scale] for init, fit in fits.items()}
    if scale > 1:
        pictures |= {f"{init}_x{scale}": fit.picture for init, fit in fits.items()}
    levels = {
        name: quantised(values, source.bits, source.is_grey) for name, values in pictures.items()
    }
    for name, values in levels.items():
        write_bytes(directory / f"{name}.png", encode_png(values))
    kinds = {"seen": observed.seen} | ({"unseen": ~observed.seen} if partial else {})
    measured = {
        init: {kind: _psnr(levels[init], levels["target"], kinds[kind]) for kind in kinds}
        for init in fits
    }
    return {f"{name}.png": measured.get(name, {}) for name in levels}


def write_numbers(directory: Path, results: dict[str, Any]) -> list[str]:
    """Draws the curves and writes results.json; returns the names of these files."""
    names = [path.name for path in write_figures(directory, results, {})] + ["results.json"]
    files = results["files"] | {name: {} for name in names}
    write_json(directory / names[-1], results | {"files": files})
    return names


def listing(files: Mapping[str, Mapping[str, float]]) -> str:
    """The names of files, with what `write_pictures` measured of them."""
    texts = []
    for name, measured in files.items():
        parts = [f"{kind} {value:.2f} dB" for kind, value in measured.items()]
        if len(parts) == 1:
            parts = [parts[0].removeprefix("seen ")]
        texts.append(f"{name} ({', '.join(parts)})" if parts else name)
    return ", ".join(texts)


def _psnr(levels, target, chosen):
    largest = np.iinfo(levels.dtype).max
    return float(psnr(*(x[chosen].astype(np.float64) / largest for x in (levels, target))))
