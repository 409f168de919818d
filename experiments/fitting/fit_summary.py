"""What the fits of a folder come to: results.json and the line that `experiments.fit` ends with."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.fitting.fit_record import Outcome
from experiments.fitting.fit_setup import Job, contenders
from metainr.evaluation import compare
from metainr.training.workdir import environment


class Course(NamedTuple):
    """What one run did: pictures and fields that it fitted, its seconds, and of the pictures that
    it could not read, the reason by name.
    """

    pictures: int
    fields: int
    seconds: float
    unreadable: dict[str, str]


def results(job: Job, outcome: Outcome, course: Course) -> dict[str, Any]:
    """What results.json holds, but for the names of the figures."""
    inits, settings = contenders(job), {}
    for kind, curves in outcome.psnr.items():
        settings[kind if len(outcome.psnr) > 1 else "default"] = {
            "steps": list(range(job.options.steps + 1)),
            "inits": {
                init: _entry(inits[init], values, init in outcome.dead)
                for init, values in curves.items()
            },
        }
    return {
        "experiment": "fit",
        "pictures": {
            "fitted": outcome.num_fitted,
            "failed": len(outcome.failed),
            "unreadable": len(course.unreadable),
        },
        "config": job.record,
        "environment": environment(),
        "settings": settings,
        "files": {},
    }


def _entry(contender, psnr, is_dead):
    with np.errstate(invalid="ignore"):  # a perfect fit's is infinite
        entry = compare.entry({"psnr": psnr}, contender.hyper, is_dead)
    del entry["metrics"]["psnr"]["per_signal"]  # results.jsonl has them
    return entry


def summary(outcome: Outcome, course: Course, directory: Path) -> str:
    """How it went, in one line."""
    means = []
    for kind, curves in outcome.psnr.items():
        for init, psnr in curves.items():
            words = [init] * (len(curves) > 1) + [kind] * (len(outcome.psnr) > 1)
            means.append(" ".join([*words, f"{psnr[:, -1].mean():.2f} dB"]))
    psnr = f", mean PSNR after the last step {', '.join(means)}" if means else ""
    rate = f" at {course.fields / course.seconds:.3g} fields/s" if course.pictures else ""
    files = sorted(
        path.name + "/" * path.is_dir() for path in directory.iterdir() if path.name[0] != "."
    )
    return (
        f"pictures fitted: {outcome.num_fitted}, now {course.pictures}{rate}{psnr}; written to "
        f"{directory}: {', '.join(files)}"
    )
