"""The page of streams: signals that arrived in parts, and what each method kept of them.

stream.json:

    {"experiment", "signal",
     "layout": {"shape", "counts", "overlap", "part_shape",
                "unit": of what "part_shape" counts, where that is not points,
                "drawn": observations that a step draws, where that is not all},
     "steps": of a part, "targets": file of pictures, "num_test", "seconds", "config",
     "methods": {METHOD: {INIT: {"weights", "kept", "frames": file of pictures,
        "budgets": {STEPS: {"optimizer", "learning_rate", "pull", "seconds_per_part",
            "matrix": [parts, parts],
            "end", "best", "forgetting", "whole": {"mean", "stderr", "values": [signals]}}}}}}}

a_ij of the matrix is the mean PSNR on part j after part i. Files of pictures are .npz archives of
"frames", uint8 [signals, parts, h, w, c], the signals as they were known after each part.
"""

import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.json_files import read_json
from metainr.plotting import matplotlib
from metainr.reporting.embedding import picture_html
from metainr.reporting.figures import WIDTH, pictures_figure, save_figure
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.measures import measure
from metainr.reporting.tables import NOTHING, Table, marked, over_signals, plus_minus, to_markdown

LEARNED, OFFLINE = "learned", "offline"
_PICTURED = 6  # parts of a strip
_REMEDY = "run the stream experiment again"


def read_stream(path: str | Path) -> dict[str, Any]:
    """Reads stream.json, or the one in a folder; a UserError if it is missing or damaged."""
    path = Path(path)
    path = path / "stream.json" if path.is_dir() else path
    record = read_json(path, _REMEDY)
    try:
        parts = int(np.prod(record["layout"]["counts"]))
        last = str(record["steps"])
        whole = all(
            np.shape(entry["budgets"][last]["matrix"]) == (parts, parts)
            for inits in record["methods"].values()
            for entry in inits.values()
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        whole = False
    if not whole or not record["methods"]:
        raise UserError(f"{path} lacks methods, or a matrix of one; {_REMEDY}")
    return record


def stream_tables(record: Mapping[str, Any]) -> list[Table]:
    """What each method from each init came to, and what it takes."""
    return [_quality(record), _costs(record)]


def write_stream_report(directory: str | Path) -> list[Path]:
    """Writes stream.md, figures/ and report.html into a folder; returns their paths.

    Raises UserError if stream.json is missing or damaged.
    """
    directory = Path(directory)
    record = read_stream(directory)
    figures = {
        "PSNR of each part (columns) after each part (rows)": ("matrices", _matrices(record)),
        "The first signal after each part, from learned inits": (
            "course",
            _course(directory, record),
        ),
    }
    pictures = {
        title: save_figure(figure, directory / "figures" / f"{name}.png")
        for title, (name, figure) in figures.items()
    }
    body = "".join(
        f"<h2>{html.escape(title)}</h2>\n{picture_html(path.read_bytes(), title)}\n"
        for title, path in pictures.items()
    )
    tables = stream_tables(record)
    page = render_page(
        title=f"Streams: {record['signal']} in parts",
        verdict=_verdict(record),
        results=record,
        body="".join(map(table_html, tables)) + body,
    )
    return [
        write_bytes(directory / "stream.md", "\n".join(map(to_markdown, tables)).encode()),
        *pictures.values(),
        write_bytes(directory / "report.html", page.encode()),
    ]


def _rows(record):
    """(method, init, entry) in the order of the record."""
    return [
        (method, init, entry)
        for method, inits in record["methods"].items()
        for init, entry in inits.items()
    ]


def _quality(record):
    last = str(record["steps"])
    columns = {
        "after 1 step a part": ("1", "end"),
        f"best, {last} steps": (last, "best"),
        f"at the end, {last} steps": (last, "end"),
        "forgotten": (last, "forgetting"),
        "whole": (last, "whole"),
    }
    rows = _rows(record)
    cells = []
    for budget, name in columns.values():
        found = [(e["budgets"][budget][name]["mean"], e["budgets"][budget][name]["stderr"])
                 for _, _, e in rows]  # fmt: skip
        if name == "forgetting":
            lost = zip(rows, found)
            cells.append([NOTHING if m == OFFLINE else plus_minus(*x, 2) for (m, *_), x in lost])
        else:
            cells.append(_marked(rows, found))
    note = (
        f"PSNR in dB, mean over parts{over_signals(record['num_test'])}. "
        "Best: the highest that each part ever was. Forgotten: best less end, 0 if nothing is. "
        f"Whole: of the signal, parts put together.{_passes(record)}"
    )
    shape = " × ".join(map(str, record["layout"]["part_shape"]))
    unit = record["layout"].get("unit", "points")
    title = f"{record['signal']} in {len(_first(record)['matrix'])} parts of {shape} {unit}"
    names = (f"{method}, {init}" for method, init, _ in rows)
    return Table(title, ("method, init", *columns), tuple(zip(names, *cells)), note)


def _marked(rows, found):
    """Cells of which the best among streams stands out; offline is none."""
    streams = [x for (method, *_), x in zip(rows, found) if method != OFFLINE]
    cells = iter(marked(measure("psnr"), streams))
    return [
        marked(measure("psnr"), [x])[0] if method == OFFLINE else next(cells)
        for (method, *_), x in zip(rows, found)
    ]


def _passes(record):
    """What offline comes to when it has seen each point as often as a stream shows it."""
    entry = record["methods"].get(OFFLINE, {}).get(LEARNED)
    if entry is None or "drawn" in record["layout"]:  # then all see as many in a step
        return ""
    first = entry["budgets"][str(record["steps"])]["matrix"][0]
    if None in first:
        return ""
    return (
        f" Offline sees all parts at once, and each {len(first)} times as often as the others; "
        f"from its learned init it is at {np.mean(first):.1f} dB once it has seen them as often."
    )


def _costs(record):
    rows = []
    for method, init, entry in _rows(record):
        one, last = entry["budgets"]["1"], entry["budgets"][str(record["steps"])]
        rows.append(
            (
                f"{method}, {init}",
                _rate(one),
                _rate(last),
                str(entry["weights"]),
                str(entry["kept"]),
                f"{1000 * last['seconds_per_part']:.0f}",
            )
        )
    header = (
        *("method, init", "optimizer, 1 step", f"{record['steps']} steps", "weights"),
        *("numbers kept beside them", "ms a part"),
    )
    note = (
        "Optimizers and rates are the best on validation signals, of ewc with the strength of its "
        f"pull. Time is that of {record['steps']} steps on a part, and of keeping it."
    )
    return Table("What it takes", header, tuple(rows), note)


def _rate(how):
    pull = f", pull {how['pull']:g}" if how["pull"] else ""
    return f"{how['optimizer']} {how['learning_rate']:g}{pull}"


def _first(record):
    return _rows(record)[0][2]["budgets"][str(record["steps"])]


def _verdict(record):
    """How modules compare with the best of one field in sequence."""
    last = str(record["steps"])
    end = {
        method: inits[LEARNED]["budgets"][last]["end"]["mean"]
        for method, inits in record["methods"].items()
        if LEARNED in inits
    }
    modules = end.pop("modules", None)
    offline = end.pop(OFFLINE, None)
    if modules is None:
        return f"Streams of {record['signal']}, without modules."
    parts = [f"At the end modules from a learned init hold {modules:.1f} dB and forget nothing"]
    if end:
        name = max(end, key=end.__getitem__)
        parts.append(f"the best one field in sequence, {name}, holds {end[name]:.1f} dB")
    if offline is not None:
        parts.append(f"one that sees all at once {offline:.1f} dB")
    return "; ".join(parts) + "."


def _matrices(record):
    """Heat maps of all methods and inits on one scale."""
    last = str(record["steps"])
    inits = list(dict.fromkeys(init for _, init, _ in _rows(record)))
    methods = list(record["methods"])
    tables = {(m, i): np.array(e["budgets"][last]["matrix"], float) for m, i, e in _rows(record)}
    finite = np.concatenate([t[np.isfinite(t)] for t in tables.values()] or [np.zeros(1)])
    figure_class, context = _figure()
    with context:
        size = WIDTH / len(methods)
        figure = figure_class(
            figsize=(WIDTH, 0.5 + (size + 0.35) * len(inits)), layout="constrained"
        )
        axes = figure.subplots(len(inits), len(methods), squeeze=False)
        for (row, column), place in np.ndenumerate(axes):
            table = tables.get((methods[column], inits[row]))
            if table is None:
                place.set_axis_off()
                continue
            image = place.imshow(table, cmap="Oranges", vmin=finite.min(), vmax=finite.max())
            if len(table) <= 6:
                for (i, j), value in np.ndenumerate(table):
                    ink = "white" if image.norm(value) > 0.6 else "black"
                    place.text(j, i, f"{value:.0f}", ha="center", va="center", color=ink, size=9)
            ticks = range(len(table)) if len(table) <= 6 else []
            place.set_xticks(ticks, [str(i + 1) for i in ticks])
            place.set_yticks(ticks, [str(i + 1) for i in ticks])
            place.tick_params(length=0)
            place.spines[:].set_visible(False)
            place.set_title(methods[column] if row == 0 else "", size=11)
            if column == 0:
                place.set_ylabel(f"{inits[row]} init\nafter part", size=10)
        figure.supxlabel("PSNR in dB on part", size=10)
    return figure


def _figure():
    context = matplotlib().rc_context({"font.size": 10})
    from matplotlib.figure import Figure

    return Figure, context


def _course(directory, record):
    """The first signal after each part by every method, from its learned init."""
    target = _frames(directory / record["targets"])[0, 0]
    courses = {
        method: _frames(directory / entry["frames"])[0]
        for method, init, entry in _rows(record)
        if init == LEARNED
    }
    count = len(_first(record)["matrix"])
    shown = np.linspace(0, count - 1, min(count, _PICTURED)).astype(int)
    rows = [(method, [*frames[shown], target]) for method, frames in courses.items()]
    return pictures_figure([*(f"after part {i + 1}" for i in shown), "target"], rows)


def _frames(path):
    try:
        with np.load(io.BytesIO(path.read_bytes())) as archive:
            return archive["frames"]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); {_REMEDY}") from error
