"""The page of algorithms that were compared by one protocol.

algorithms.json:

    {"experiment", "steps": [K], "classes": {class: {name: {"runs": [run per seed], …}}},
     "num_test", "seconds", "config", "environment"}

A name is that of an algorithm, or of a baseline that learns nothing. A run holds "inits", the mean
PSNR and its standard error over the test signals after each step. Those of an algorithm also hold
"transfer", the same for every other class that was tested on, by its name; what they cost:
"outer_steps", "flops", "training_seconds", "memory" of a step in bytes, and "adapted", the numbers
that stand for a signal; and the "curve" of its training: (outer step, PSNR on validation).
"""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.json_files import read_json
from metainr.reporting.embedding import picture_html
from metainr.reporting.figures import save_figure
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.lines import Line, plain_lines, step_lines
from metainr.reporting.measures import measure
from metainr.reporting.results import shown_steps
from metainr.reporting.tables import NOTHING, Table, counted, marked, to_markdown

_BITS = 32  # of a number
_TITLES = {
    "steps": "PSNR on {} by test-time step",
    "compute": "Validation on {} while learning",
    "fits": "PSNR on {} by the operations of a fit",
    "memory": "PSNR on {} against memory",
}


def read_algorithms(path: str | Path) -> dict[str, Any]:
    """Reads algorithms.json, or the one in a folder; a UserError if it is missing or damaged."""
    path = Path(path)
    path = path / "algorithms.json" if path.is_dir() else path
    remedy = "run the comparison of algorithms again"
    record = read_json(path, remedy)
    try:
        whole = all(
            len(run["inits"]["mean"]) == len(record["steps"])
            for entries in record["classes"].values()
            for entry in entries.values()
            for run in entry["runs"]
        )
    except (AttributeError, KeyError, TypeError):
        whole = False
    if not whole or not record["classes"]:
        raise UserError(f"{path} lacks classes, or values for all of its steps; {remedy}")
    return record


def algorithm_tables(record: Mapping[str, Any]) -> list[Table]:
    """By class: PSNR after some steps on it, on the other class, and what learning took."""
    tables = []
    for name, entries in record["classes"].items():
        tables.append(_quality(record, entries, None, f"PSNR on {name}"))
        for other in _others(entries):
            tables.append(_quality(record, entries, other, f"PSNR on {other}, learned on {name}"))
        tables.append(_costs(entries, name))
    return tables


def write_algorithms_report(directory: str | Path) -> list[Path]:
    """Writes algorithms.md, figures/ and report.html into a folder; returns their paths.

    Raises UserError if algorithms.json is missing or damaged.
    """
    directory = Path(directory)
    record = read_algorithms(directory)
    tables = algorithm_tables(record)
    pictures = []
    for name, entries in record["classes"].items():
        for kind, figure in (
            ("steps", _steps_figure(record, entries)),
            ("compute", _compute_figure(entries)),
            ("fits", _fits_figure(record, entries)),
            ("memory", _memory_figure(record, entries)),
        ):
            path = directory / "figures" / f"{kind}_{name.replace(',', '+')}.png"
            pictures.append((_TITLES[kind].format(name), save_figure(figure, path)))
    body = "".join(
        f"<h2>{html.escape(title)}</h2>\n{picture_html(path.read_bytes(), title)}\n"
        for title, path in pictures
    )
    page = render_page(
        title="Algorithms compared at equal compute",
        verdict=_verdict(record),
        results=record,
        body="".join(map(table_html, tables)) + body,
    )
    text = "\n".join(map(to_markdown, tables))
    return [
        write_bytes(directory / "algorithms.md", text.encode()),
        *(path for _, path in pictures),
        write_bytes(directory / "report.html", page.encode()),
    ]


def _others(entries):
    """The classes that were tested on besides the one learned from."""
    runs = [run for entry in entries.values() for run in entry["runs"]]
    return [*dict.fromkeys(other for run in runs for other in run.get("transfer", {}))]


def _runs(entry, other):
    """What became of the fits of all seeds, on the class itself or, if named, on another one."""
    if other is None:
        return [run["inits"] for run in entry["runs"]]
    return [found for run in entry["runs"] if (found := run.get("transfer", {}).get(other))]


def _mean(entry, other, steps, step):
    """(mean over seeds, its standard error: of the signals for one seed, else of the seeds)."""
    runs = _runs(entry, other)
    index = steps.index(step)
    values = np.array([run["mean"][index] for run in runs], float)  # null becomes NaN
    if not len(values) or not np.isfinite(values).all():
        return None, None
    if len(values) == 1:
        return values[0], runs[0]["stderr"][index]
    return values.mean(), values.std(ddof=1) / len(values) ** 0.5


def _quality(record, entries, other, title):
    steps = shown_steps(record["steps"])
    found = {}
    for name, entry in entries.items():
        if _runs(entry, other):
            found[name] = [_mean(entry, other, record["steps"], step) for step in steps]
    columns = (marked(measure("psnr"), column) for column in zip(*found.values()))
    rows = []
    for name, *cells in zip(found, *columns):
        first = _runs(entries[name], other)[0]
        rows.append((name, f"{first['optimizer']} {first['learning_rate']:g}", *cells))
    header = ("algorithm", "test-time optimizer", *(f"step {step}" for step in steps))
    seeds = max(len(entry["runs"]) for entry in entries.values())
    error = "the test signals" if seeds == 1 else f"{seeds} seeds"
    note = (
        f"In dB, over {counted(record['num_test'], 'test signal')}; ± standard error over {error}."
    )
    return Table(title, header, tuple(rows), note)


def _costs(entries, name):
    rows = []
    for algorithm, entry in entries.items():
        run = entry["runs"][0]
        if "flops" not in run:
            continue
        best = entry["trials"][entry["best"]]
        rows.append(
            (
                algorithm,
                f"{best['inner_learning_rate']:g}",
                f"{best['outer_learning_rate']:g}",
                str(run["outer_steps"]),
                f"{run['flops'] / 1e12:.3g}",
                f"{np.mean([r['training_seconds'] for r in entry['runs']]):.0f}",
                f"{run['memory'] / 1e6:.1f}" if run["memory"] else NOTHING,
                str(run["adapted"]),
                str(_BITS * run["adapted"]),
            )
        )
    header = (
        *("algorithm", "inner rate", "outer rate", "outer steps", "TFLOP", "seconds"),
        *("memory of a step, MB", "numbers per signal", "bits per signal"),
    )
    note = (
        "Rates are the best of the trials on validation. Operations are those of the matrix "
        f"products of a training. A signal's numbers are what its fit adapts, {_BITS} bits each, "
        "uncompressed."
    )
    return Table(f"What learning on {name} takes", header, tuple(rows), note)


def _verdict(record):
    """Which algorithm is best early and late, on the first class."""
    name, entries = next(iter(record["classes"].items()))
    early = min(2, record["steps"][-1])
    leads = {}
    for step in dict.fromkeys((early, record["steps"][-1])):
        means = (
            (_mean(entry, None, record["steps"], step)[0], key) for key, entry in entries.items()
        )
        values = [(float(mean), key) for mean, key in means if mean is not None]
        if values:
            most, best = max(values)
            leads.setdefault(best, []).append(f"{most:.1f} dB after {step} steps")
    parts = [f"{best} leads with {' and '.join(found)}" for best, found in leads.items()]
    return f"On {name}, {', and '.join(parts)}." if parts else f"No fit on {name} stayed finite."


def _steps_figure(record, entries):
    return step_lines(_fit_lines(record, entries), "PSNR [dB]")


def _fits_figure(record, entries):
    lines = {
        name: Line(
            np.array(_runs(entries[name], None)[0]["flops"][1:]) / 1e9, line.y[1:], line.dashed
        )
        for name, line in _fit_lines(record, entries).items()
    }
    figure = plain_lines(lines, "operations of a fit [GFLOP]", "PSNR [dB]")
    figure.axes[0].set_xscale("log")
    return figure


def _fit_lines(record, entries):
    """By init, PSNR by test-time step."""
    lines = {}
    for name, entry in entries.items():
        means = [_mean(entry, None, record["steps"], step)[0] for step in record["steps"]]
        values = [np.nan if value is None else value for value in means]
        lines[name] = Line(record["steps"], values, dashed="trials" not in entry)
    return lines


def _compute_figure(entries):
    lines = {}
    for name, entry in _learned(entries).items():
        run = entry["runs"][0]
        steps, values = np.array(run["curve"], float).reshape(-1, 2).T
        lines[name] = Line(steps / run["outer_steps"] * run["flops"] / 1e12, values)
    figure = plain_lines(lines, "operations while learning [TFLOP]", "PSNR on validation [dB]")
    figure.axes[0].set_xlim(left=0)
    return figure


def _memory_figure(record, entries):
    step, points = min(2, record["steps"][-1]), {}
    for name, entry in _learned(entries).items():
        value, _ = _mean(entry, None, record["steps"], step)
        memory = entry["runs"][0]["memory"]
        if value is not None and memory:
            points[name] = Line([memory / 1e6], [value])
    figure = plain_lines(points, "memory of a training step [MB]", f"PSNR after {step} steps [dB]")
    figure.axes[0].set_xlim(left=0)
    return figure


def _learned(entries):
    return {name: entry for name, entry in entries.items() if "trials" in entry}
