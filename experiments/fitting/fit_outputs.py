"""What `experiments.fit` leaves behind: pictures, weights, curves and numbers, and their names."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.fitting.fit_inputs import Target
from experiments.fitting.pictures_io import encode_png, quantised
from experiments.fitting.tile_fits import PictureFit, decibels
from metainr.evaluation.compare import entry
from metainr.files import write_bytes
from metainr.reporting.figures import write_figures
from metainr.reporting.results import shown_steps, write_json
from metainr.reporting.tables import Table
from metainr.types import Hyper

_TITLES = {"meta": "learned init", "standard": "standard init"}
_UNSEEN_GREY = 0.5

Fits = Mapping[str, PictureFit]


def picture_file(name: str | None, kind: str) -> str:
    """Where a picture goes: KIND.png, or KIND/NAME.png for NAME in a folder.

    NAME keeps its own suffix, so that a.png and a.jpg do not meet.
    """
    return f"{kind}.png" if name is None else f"{kind}/{name}.png"


def weights_file(name: str | None, mode: str, tile: tuple[int, int]) -> str:
    """Where the weights of a fit go: one file, or with mode "tile" one by row and column."""
    stem = "weights" if name is None else f"weights/{name}"
    return (
        f"{stem}.safetensors"
        if mode == "resize"
        else "{}/{:03d}_{:03d}.safetensors".format(stem, *tile)
    )


def psnr_table(fits: Fits) -> Table:
    """PSNR by step, a column per kind of pixel and init; of many steps 0, 1, 2, 5, 10, …"""
    kinds = list(fits["meta"].psnr)
    suffix = {kind: f", {kind}" if len(kinds) > 1 else "" for kind in kinds}
    columns = {_TITLES[i] + suffix[k]: fits[i].psnr[k] for k in kinds for i in fits}
    steps = shown_steps(range(len(fits["meta"].psnr[kinds[0]])))
    rows = ((str(s), *(f"{psnr[s]:.2f}" for psnr in columns.values())) for s in steps)
    return Table("PSNR in dB by step", ("step", *columns), tuple(rows))


def settings(fits: Fits, hypers: Mapping[str, Hyper], dead: Collection[str]) -> dict[str, Any]:
    """`settings` of results.json: "default", or "seen" and "unseen" where a part is shown.

    hypers: how they were fitted, by init. dead: the inits whose fits are constants.
    """
    kinds = list(fits["meta"].psnr)
    return {
        kind if len(kinds) > 1 else "default": {
            "steps": list(range(len(fits["meta"].psnr[kind]))),
            "inits": {
                init: _entry(fit, kind, hypers[init], init in dead) for init, fit in fits.items()
            },
        }
        for kind in kinds
    }


def _entry(fit, kind, hyper, is_dead):
    return entry({"psnr": fit.psnr[kind][None]}, hyper, is_dead) | {"seconds": fit.seconds}


def finite(psnr: Iterable[float]) -> list[float | None]:
    """Numbers as JSON has them: None for the PSNR of a perfect fit, which is infinite."""
    return [float(x) if np.isfinite(x) else None for x in psnr]


def write_pictures(
    directory: Path, fits: Fits, target: Target, scale: int
) -> dict[str, dict[str, float]]:
    """Writes target, observed, fitted and scaled pictures at the bit depth of the source.

    Returns {file: PSNR in dB by kind of pixel}, measured on the levels that are written; it is
    empty for files that are no fits of the target.
    """
    observed, source = target.observed, target.source
    partial = not observed.seen.all()
    pictures = {"target": observed.values}
    if partial:
        pictures["observed"] = np.where(observed.seen[..., None], observed.values, _UNSEEN_GREY)
    pictures |= {init: fit.picture[::scale, ::scale] for init, fit in fits.items()}
    if scale > 1:
        pictures |= {f"{init}_x{scale}": fit.picture for init, fit in fits.items()}
    files = {kind: picture_file(target.name, kind) for kind in pictures}
    levels = {
        kind: quantised(values, source.bits, source.is_grey) for kind, values in pictures.items()
    }
    for kind, values in levels.items():
        write_bytes(directory / files[kind], encode_png(values))
    kinds = {"seen": observed.seen} | ({"unseen": ~observed.seen} if partial else {})
    measured = {
        init: {kind: _psnr(levels[init], levels["target"], kinds[kind]) for kind in kinds}
        for init in fits
    }
    return {files[kind]: measured.get(kind, {}) for kind in levels}


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
    errors = (levels[chosen].astype(np.float64) - target[chosen]) / largest
    return float(decibels(np.mean(np.square(errors))))
