"""Compresses what is not compressed yet of a folder: what `experiments.compress` does.

NAME.mnr          a file for each signal NAME
base.safetensors  what all of them share; `decompress` needs it
results.jsonl     a line per signal, written as soon as its file is
results.json      means and sums; results.csv: the lines as a table
"""

import contextlib
import signal as signals_of_unix
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from experiments.cli import command
from experiments.compressing.bases import opened_base, size_told
from experiments.compressing.choosing import Written, written
from experiments.compressing.compress_options import Request
from experiments.fitting.fit_inputs import listed
from experiments.fitting.fit_record import Record
from experiments.fitting.fit_setup import made_folder
from experiments.signal_files.kind import Kind
from experiments.signal_files.kinds import names_of
from metainr.codec import Codec, load_base, make_codec, save_base
from metainr.codec.codec import About
from metainr.codec.container import SUFFIX
from metainr.errors import UserError
from metainr.evaluation.ahead import map_ahead
from metainr.files import remove_unfinished, write_bytes
from metainr.output import say
from metainr.progress import progress
from metainr.reporting import write_json
from metainr.reporting.data_files import csv_text
from metainr.training.interrupts import Interrupted
from metainr.training.workdir import environment, open_workdir

BASE = "base.safetensors"
_THREADS = 2
_AHEAD = 16
_MORE = 4  # times the steps, for signals that do not reach the PSNR asked for
_COLUMNS = ("name", "bytes", "points", "bits_per_point", "psnr", "bits", "steps")


class _Signal(NamedTuple):
    name: str
    values: np.ndarray
    about: About


def compress_folder(request: Request) -> None:
    """Compresses, sums up and says how it went.

    Raises UserError if nothing could be compressed, and at the end if a fit diverged; Interrupted
    by Ctrl-C or SIGTERM.
    """
    directory = made_folder(str(request.output))
    with open_workdir(directory, request.record, {"output_dir"}, flag="output_dir"):
        remove_unfinished(directory)
        base, kind = _base(request, directory)
        names = names_of(kind, request.source)
        codec = make_codec(base)
        with Record(directory) as record, _interruptible(record, names):
            unreadable = _compress(request, codec, kind, names, record)
            chosen = set(names)
            entries = [entry for entry in record.entries() if entry["name"] in chosen]
        failed = sorted(entry["name"] for entry in entries if "failed" in entry)
        found = [entry for entry in entries if "failed" not in entry]
        results = _results(found, directory) | {
            "config": request.record,
            "environment": environment(),
            "command": command(),
            "failed": failed,
            "unreadable": unreadable,
        }
        write_json(directory / "results.json", results)
        rows = ([entry[column] for column in _COLUMNS] for entry in found)
        write_bytes(directory / "results.csv", csv_text(_COLUMNS, rows).encode())
    if unreadable:
        worst = min(unreadable)
        logging.warning(
            "%s: skipped %d of %d: %s (of the first, %s)",
            *(request.source, len(unreadable), len(names), listed(sorted(unreadable))),
            unreadable[worst],
        )
    if not found:
        raise UserError(f"--input={request.source}: nothing of it could be compressed")
    say(_summary(results, directory))
    if failed:
        raise UserError(
            f"{len(failed)} of {len(names)} fits diverged and have no files: {listed(failed)}; "
            "take fewer --steps"
        )


def _base(request: Request, directory: Path):
    """The base in the folder, made first if it is not there yet, and the kind of its files."""
    own = directory / BASE
    if own.exists():
        return opened_base(str(own), None, 0, None)
    base, kind = opened_base(request.base, request.train_folder, request.num_train, request.steps)
    save_base(own, base)
    return load_base(own), kind


def _compress(
    request: Request, codec: Codec, kind: Kind, names: Sequence[str], record: Record
) -> dict[str, str]:
    """Writes the files that are missing; returns why signals were left out, by name."""
    done = {entry["name"] for entry in record.entries()}
    left = [name for name in names if name not in done]
    steps = codec.base.steps if request.steps is None else request.steps
    unreadable: dict[str, str] = {}
    with progress(len(names), "file", initial=len(names) - len(left)) as bar:

        def once(left, steps, keep_all):
            """Fits those that are left; returns the names of those that are to be fitted again."""
            write = _writer(request, codec, kind, record, steps, keep_all)
            read = _read(left, request.root, kind, codec, unreadable)
            fits = codec.fits(((one, one.values) for one in read), steps)
            missed = []
            with contextlib.closing(map_ahead(write, fits, _THREADS, _AHEAD)) as items:
                for name, is_done in items:
                    bar.update(is_done)
                    missed += [] if is_done else [name]
            return missed

        if request.aim.psnr is not None:
            left, steps = once(left, steps, keep_all=False), _MORE * steps
        once(left, steps, keep_all=True)
    return unreadable


def _writer(request, codec, kind, record, steps, keep_all):
    """(signal, its fits) -> (its name, whether its file and then its line are written)."""

    def write(item: tuple[_Signal, np.ndarray]) -> tuple[str, bool]:
        one, vectors = item
        began = time.perf_counter()
        try:
            found = written(codec, kind, vectors, one.values, one.about, request.aim)
        except UserError as error:
            record.add({"name": one.name, "failed": str(error)})
            return one.name, True
        if keep_all or found.reached:
            write_bytes(request.output / (one.name + SUFFIX), found.data)
            record.add(_entry(one, found, steps, time.perf_counter() - began))
        return one.name, keep_all or found.reached

    return write


def _read(
    names: Iterable[str], root: Path, kind: Kind, codec: Codec, unreadable: dict[str, str]
) -> Iterator[_Signal]:
    """Yields signals as they are read, ahead of who needs them; notes what cannot be."""

    def read(name):
        try:
            values, about = kind.read(root / name)
            return _Signal(name, codec.checked(values), about)
        except UserError as error:
            return name, str(error)

    for found in map_ahead(read, names, _THREADS, _AHEAD):
        if isinstance(found, _Signal):
            yield found
        else:
            unreadable.update([found])


@contextlib.contextmanager
def _interruptible(record: Record, names: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        count = len({entry["name"] for entry in record.entries()} & set(names))
        raise Interrupted(
            f"stopped after {count} of {len(names)}; run the same command again to go on",
            interrupt.args[0] if interrupt.args else signals_of_unix.SIGINT,
        ) from interrupt


def _entry(one: _Signal, found: Written, steps: int, seconds: float) -> dict[str, Any]:
    points = int(np.prod(one.values.shape[:-1]))
    return {
        "name": one.name,
        "bytes": len(found.data),
        "points": points,
        "bits_per_point": 8 * len(found.data) / points,
        "psnr": found.psnr if np.isfinite(found.psnr) else None,
        "bits": found.bits,
        "steps": steps,
        "reached": found.reached,
        "seconds": round(seconds, 6),
    }


def _results(entries: Sequence[dict[str, Any]], directory: Path) -> dict[str, Any]:
    total = sum(entry["bytes"] for entry in entries)
    points = sum(entry["points"] for entry in entries)
    finite = [entry["psnr"] for entry in entries if entry["psnr"] is not None]
    size = (directory / BASE).stat().st_size
    return {
        "experiment": "compress",
        "bytes": total,
        **size_told(size, total, len(entries), points),
        "psnr": float(np.mean(finite)) if finite else None,
        "missed": [entry["name"] for entry in entries if not entry["reached"]],
    }


def _summary(results: dict[str, Any], directory: Path) -> str:
    psnr = "" if results["psnr"] is None else f", mean PSNR {results['psnr']:.2f} dB"
    missed = f"; {len(results['missed'])} did not reach the aim" if results["missed"] else ""
    return (
        f"{results['files']} files of {results['bytes']} bytes together, "
        f"{results['bits_per_point']:.4g} bits a point{psnr}{missed}; with the base's "
        f"{results['base_bytes']} bytes {results['with_base']:.4g} bits a point; written to "
        f"{directory}"
    )
