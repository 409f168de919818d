"""What a run leaves of its comparisons: results.json, samples/ and fits/."""

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from metainr import reporting
from metainr.errors import UserError
from metainr.json_files import read_json
from metainr.output import say
from metainr.reporting.results import read_results, write_json
from metainr.reporting.samples import write_samples
from metainr.runs.comparison import Comparison
from metainr.runs.earlier import set_aside
from metainr.training.instruments import INSTRUMENTS
from metainr.training.workdir import environment

_RESULTS, _SAMPLES, _FITS = "results.json", "samples", "fits"
_NAMED = 5  # flags in a message
_LONGEST = 40  # characters of a user's file in the names of its fits; file systems take 255 bytes


def resumed(workdir: Path, config: Mapping[str, Any], neutral: set[str]) -> dict[str, Any]:
    """The results that the workdir holds for these very flags but the neutral ones, or empty ones.

    Results for other flags are set aside, and that is said. Raises UserError if they are damaged.
    """
    learns = config["algorithm"] != "none" and not config.get("init")
    fresh = {
        "experiment": config["experiment"],
        "signal": config["signal"],
        "num_test": config["num_test"],
        "train_steps": config["train_steps"] if learns else 0,
        "seconds": {"training": 0.0, "evaluation": 0.0, "total": 0.0},
        "config": dict(config),
        "environment": environment(),
        "instruments": {},
        "settings": {},
    }
    found = _found(workdir / _RESULTS)
    if found is None:
        return fresh
    differing = [
        name
        for name, value in fresh["config"].items()
        if name not in neutral and found["config"].get(name) != value
    ]
    if differing:
        flags = [f"--{name}" for name in differing[:_NAMED]] + ["…"] * (len(differing) > _NAMED)
        set_aside(workdir, f"results for other values of {', '.join(flags)}")
        return fresh
    return fresh | {name: found[name] for name in ("settings", "seconds", "instruments")}


def of_fits(
    experiment: str,
    config: Mapping[str, Any],
    began: float,
    steps: Sequence[int] = (),
    inits: Mapping[str, Any] = {},
) -> dict[str, Any]:
    """What results.json holds of fits without a comparison on test signals.

    Args:
        experiment: the program.
        config: its flags.
        began: when, by `time.perf_counter`.
        steps, inits: after how many steps what was measured of them, by `compare.entry`.
    """
    results = {
        "experiment": experiment,
        "seconds": {"total": time.perf_counter() - began},
        "config": dict(config),
        "environment": environment(),
    }
    if inits:
        results["settings"] = {"default": {"steps": list(steps), "inits": dict(inits)}}
    return results


def record(
    results: dict[str, Any], workdir: Path, name: str, folder: Path, comparison: Comparison
) -> None:
    """Adds a setting to the results, see `write`, and prints its table."""
    write(results, workdir, name, folder, comparison)
    say(reporting.to_text(reporting.init_table(results, name)))


def write(
    results: dict[str, Any], workdir: Path, name: str, folder: Path, comparison: Comparison
) -> None:
    """Adds a setting to the results, and writes them with its samples and fits.

    `folder`: of the setting's training.
    """
    steps, targets = comparison.entry["steps"], list(comparison.targets)
    generated = [f"test signal {i}" for i in range(len(targets))]
    labels = [_readable(name) for name in comparison.names] or generated
    files = _write_fits(workdir / _FITS / _plain(name), comparison)
    write_samples(workdir / _SAMPLES, name, steps, labels, targets, comparison.frames, files)
    results["settings"][name] = comparison.entry
    results["instruments"] |= _instruments(name, folder)
    write_json(workdir / _RESULTS, results)


def _write_fits(folder, comparison):
    """Writes the files of all fits; returns per signal those of each init and of the target."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run with other flags
    stems = [f"{_stem(name)}_" for name in comparison.names] or [""] * len(comparison.targets)
    names = [{"target": f"{i:03d}_original"} for i in range(len(stems))]
    for init, exports in comparison.exports.items():
        for i, (stem, export) in enumerate(zip(stems, exports)):
            folder.mkdir(parents=True, exist_ok=True)
            names[i][init] = f"{i:03d}_{stem}{_plain(init)}"
            export(folder / names[i][init])
    written = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        {init: [path for path in written if path.stem == name] for init, name in each.items()}
        for each in names
    ]


def _readable(name):
    """A file's name as text that can be written, whatever bytes the file system holds."""
    return name.encode(errors="replace").decode()


def _stem(name):
    """A file's name without its folders and ending, made plain; no dot may look like an ending."""
    return _plain(PurePosixPath(name).stem).replace(".", "-")[:_LONGEST]


def _plain(name):
    """A name without what some file systems do not take."""
    return re.sub(r"[^\w.=-]+", "-", name)


def _instruments(name, folder):
    """How the training of a setting went, if it was ever ended and its record can be read."""
    try:
        return {name: read_json(folder / INSTRUMENTS, "")}
    except UserError:
        return {}


def _found(path):
    """The results in a file, None if there is none. Raises UserError if it is damaged."""
    if not path.exists():
        return None
    try:
        results = read_results(path)
        instruments = dict(results.get("instruments", {}))
        parts = {"config": dict(results["config"]), "seconds": dict(results["seconds"])}
        return results | parts | {"instruments": instruments}
    except (UserError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}); move it away and run the same command again: the "
            "training is kept, the evaluation is done anew"
        ) from error
