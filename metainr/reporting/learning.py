"""How learning went: what a run wrote into metrics/metrics.jsonl.

{"step", NAME: value, …}    a line per record; what validation measured is validation_METRIC
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metainr.json_files import parsed
from metainr.reporting.measures import measure

VALIDATION = "validation_"
"""What the names of metrics that validation measured begin with."""
RECORDS = "metrics.jsonl"

_FOLDER = "metrics"
_MOST_POINTS = 300  # of a curve

Points = list[tuple[int, float]]
"""(outer step, value)."""


class Course(NamedTuple):
    """Curves that share axes: what they show, with its unit, and (step, value) by name."""

    label: str
    curves: dict[str, Points]


def whole_lines(path: Path, last: int) -> Iterator[str]:
    """The lines of a file of records up to a step that no kill cut short."""
    if not path.exists():
        return
    for line in path.read_text(errors="replace").splitlines(keepends=True):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if line.endswith("\n") and parsed(line)["step"] <= last:
                yield line


def validations(directory: Path, last: int) -> Points:
    """(step, what validation measured) of the records in a folder, up to a last step."""
    return [
        point
        for name, points in _curves(directory, last).items()
        if name.startswith(VALIDATION)
        for point in points
    ]


def courses(workdir: Path, results: Mapping[str, Any]) -> list[Course]:
    """How the trainings behind some results went; none where nothing was learned.

    One training shows what validation measured beside the same of training, or beside its loss;
    several, one for each setting, what validation measured of each.
    """
    last = results.get("train_steps") or 0
    variants = [name for name in results["settings"] if (workdir / name / _FOLDER).is_dir()]
    if not variants:
        return _drawn(_of_one(_curves(workdir / _FOLDER, last)))
    found = [
        (measured.removeprefix(VALIDATION), name, thinned(points))
        for name in variants
        for measured, points in _curves(workdir / name / _FOLDER, last).items()
        if measured.startswith(VALIDATION)
    ]
    shared = dict.fromkeys(metric for metric, *_ in found)
    return _drawn(
        Course(measure(metric).label, {name: points for m, name, points in found if m == metric})
        for metric in shared
    )


def _of_one(curves):
    validated = [name for name in curves if name.startswith(VALIDATION)]
    metrics = [name.removeprefix(VALIDATION) for name in validated]
    found = [
        Course(
            measure(metric).label,
            {
                kind: thinned(curves[name])
                for kind, name in (("training", f"train_{metric}"), ("validation", validation))
                if name in curves
            },
        )
        for metric, validation in zip(metrics, validated)
    ]
    losses = [(step, math.log10(loss)) for step, loss in curves.get("loss_after", ()) if loss > 0]
    if losses and not any("training" in course.curves for course in found):
        found.append(Course("loss, as power of 10", {"training": thinned(losses)}))
    return found


def _drawn(found):
    """Without curves, and courses, that have no points."""
    kept = (Course(label, {n: p for n, p in curves.items() if p}) for label, curves in found)
    return [course for course in kept if course.curves]


def thinned(points: Points) -> Points:
    """Of a curve's finite points 300 at most, each the mean of a stretch of them."""
    points = [point for point in points if math.isfinite(point[1])]
    size = max(1, -(-len(points) // _MOST_POINTS))
    stretches = (points[i : i + size] for i in range(0, len(points), size))
    return [(part[-1][0], sum(y for _, y in part) / len(part)) for part in stretches]


def _curves(directory, last):
    """{name: points} of all numbers in a folder's records."""
    curves: dict[str, Points] = {}
    for line in whole_lines(directory / RECORDS, last):
        record = parsed(line)
        step = record.pop("step")
        for name, value in record.items():
            if isinstance(value, int | float):
                curves.setdefault(name, []).append((step, value))
    return curves
