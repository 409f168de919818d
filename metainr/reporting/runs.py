"""The page of finished runs side by side: what differs, what they reach, what learning took."""

import html
import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from metainr.errors import UserError
from metainr.files import expanded, write_bytes
from metainr.reporting import results as reading
from metainr.reporting.embedding import picture_html
from metainr.reporting.figures import save_figure
from metainr.reporting.frame import render_page, table_html, title
from metainr.reporting.lines import Line, plain_lines, step_lines
from metainr.reporting.measures import Measure
from metainr.reporting.tables import (
    NOTHING,
    Table,
    in_steps,
    in_unit,
    marked,
    over_signals,
    to_markdown,
)

COMPARED = "compared.md"
"""The file that tells the page of several runs from a run."""

_PAGE = (COMPARED, "figures", "report.html")

_ALIKE = ("experiment", "signal", "num_test")
_PLACE = ("workdir", "profile", "num_devices", "task_microbatch", "checkpoint_every")


class FinishedRun(NamedTuple):
    """A run: its name on the page, its folder and its results.json."""

    name: str
    path: Path
    results: Mapping[str, Any]


def read_runs(workdirs: Sequence[str | Path]) -> list[FinishedRun]:
    """Reads finished runs, two at least, named by their folders; pages of several are left out.

    So `runs/*` may hold such pages, and may be the folder of one, as a sweep's is.

    Raises:
        UserError: a run is not finished or damaged, or runs cannot be compared: they differ in
            experiment, class of signals, number of test signals, settings or metric.
    """
    paths = dict.fromkeys(expanded(workdir) for workdir in workdirs)
    paths = [path for path in paths if not _is_of_page(path)]
    if len(paths) < 2:
        raise UserError(
            f"{len(paths)} runs are no comparison; name two workdirs or more, such as runs/*"
        )
    above = os.path.commonpath([path.absolute().parent for path in paths])
    runs = []
    for path in paths:
        if path.is_dir() and not (path / "results.json").exists():
            raise UserError(f"{path} holds no finished run; leave it out, or let it end")
        name = os.path.relpath(path.absolute(), above)
        runs.append(FinishedRun(name, path, reading.read_results(path)))
    for name in _ALIKE:
        _check_alike(runs, f"--{name}", [run.results.get(name) for run in runs])
    _check_alike(runs, "settings", [", ".join(run.results["settings"]) for run in runs])
    for name in runs[0].results["settings"]:
        metrics = [_setting(run, name).get("metric") or "psnr" for run in runs]
        _check_alike(runs, "metric", metrics)
    return runs


def run_tables(runs: Sequence[FinishedRun]) -> list[Table]:
    """What differs, the metric after some steps by setting, and what learning took."""
    names = runs[0].results["settings"]
    return [_differences(runs), *(_quality(runs, name) for name in names), _costs(runs)]


def write_runs_report(
    folder: str | Path,
    runs: Sequence[FinishedRun],
    courses: Mapping[str, Sequence[tuple[int, float]]],
) -> list[Path]:
    """Writes compared.md, figures/ and report.html into a folder; returns their paths.

    `courses`: run -> (outer step, what validation measured) while it learned.
    """
    folder = expanded(folder)
    tables = run_tables(runs)
    pictures = []
    for setting in runs[0].results["settings"]:
        measure, lines = _measure(runs, setting), {}
        for run in runs:
            data = _setting(run, setting)
            for label, init in _learned(run, data).items():
                values = data["inits"][init]["metrics"][measure.key]["mean"]
                lines[label] = Line(data["steps"], values)
        path = folder / "figures" / f"steps_{setting.replace('=', '-')}.png"
        where = "" if setting == "default" else f", {setting}"
        pictures.append((f"{measure.name} by step{where}", step_lines(lines, measure.label), path))
    lines = {}
    for name, course in courses.items():
        if course:
            steps, values = zip(*course)
            lines[name] = Line(steps, values)
    if lines:
        label = _measure(runs, next(iter(runs[0].results["settings"]))).label
        figure = plain_lines(lines, "outer step", f"{label} on validation")
        pictures.append(("Validation while learning", figure, folder / "figures" / "learning.png"))
    body = "".join(map(table_html, tables))
    for heading, figure, path in pictures:
        png = save_figure(figure, path).read_bytes()
        body += f"<h2>{html.escape(heading)}</h2>\n{picture_html(png, heading)}\n"
    results = {name: runs[0].results.get(name) for name in ("num_test", "environment")}
    page = render_page(
        title=f"{title(runs[0].results)}, {len(runs)} runs",
        verdict=_verdict(runs),
        results=results,
        body=body,
        links={f"page of {run.name}": _page_of(run, folder) for run in runs},
    )
    text = "\n".join(map(to_markdown, tables))
    return [
        write_bytes(folder / COMPARED, text.encode()),
        *(path for *_, path in pictures),
        write_bytes(folder / "report.html", page.encode()),
    ]


def _is_of_page(path):
    """Whether a path is the folder of a page of several runs, or what lies beside that page."""
    beside = path.name in _PAGE and (path.parent / COMPARED).exists()
    return beside or (path / COMPARED).exists()


def _page_of(run, folder):
    """The address of a run's own page, seen from a folder."""
    path = os.path.relpath(run.path.absolute() / "report.html", folder.absolute())
    return quote(os.fsencode(path))


def _check_alike(runs, what, values):
    for run, value in zip(runs, values):
        if value != values[0]:
            raise UserError(
                f"{runs[0].name} and {run.name} differ in {what}, {values[0]} and {value}, so that "
                "their numbers do not compare; leave one out"
            )


def _setting(run, name):
    return run.results["settings"][name]


def _measure(runs, setting) -> Measure:
    return reading.headline_measure(_setting(runs[0], setting))


def _learned(run, data):
    """{label: init} of what a run learned; of one that learned nothing, all that it compared."""
    if "meta" in data["inits"]:
        return {run.name: "meta"}
    return {f"{run.name}: {init}": init for init in data["inits"]}


def _differences(runs):
    flags = [run.results.get("config") or {} for run in runs]
    names = [name for name in dict.fromkeys(n for f in flags for n in f) if name not in _PLACE]
    names = [name for name in names if any(f.get(name) != flags[0].get(name) for f in flags)]
    rows = tuple(
        (run.name, *(str(f.get(name, NOTHING)) for name in names)) for run, f in zip(runs, flags)
    )
    note = "" if names else "All flags are alike."
    return Table("What differs", ("run", *names), rows, note)


def _quality(runs, setting):
    measure = _measure(runs, setting)
    shared = set.intersection(*(set(_setting(run, setting)["steps"]) for run in runs))
    steps = reading.shown_steps(sorted(shared))
    learned = [
        (label, _setting(run, setting), init)
        for run in runs
        for label, init in _learned(run, _setting(run, setting)).items()
    ]
    found = [
        [reading.metric_at(data, init, measure.key, step) for _, data, init in learned]
        for step in steps
    ]
    columns = (marked(measure, column) for column in found)
    rows = zip((label for label, *_ in learned), *columns)
    where = "" if setting == "default" else f", {setting}"
    note = f"{in_unit(measure)}{over_signals(runs[0].results.get('num_test'))}."
    header = ("run", *(f"step {step}" for step in steps))
    return Table(f"{measure.label} of what was learned{where}", header, tuple(rows), note)


def _costs(runs):
    rows = []
    for run in runs:
        told = next(iter((run.results.get("instruments") or {}).values()), {})
        seconds = (run.results.get("seconds") or {}).get("training")
        speed, flops = told.get("steps_per_second"), told.get("flops_per_second")
        memory = told.get("step_memory_bytes")
        rows.append(
            (
                run.name,
                str(run.results.get("train_steps") or 0),
                NOTHING if not seconds else f"{seconds:.0f}",
                NOTHING if not speed or not flops else f"{flops / speed / 1e9:.3g}",
                NOTHING if not memory else f"{memory / 1e6:.1f}",
            )
        )
    header = ("run", "outer steps", "seconds", "GFLOP of a step", "memory of a step, MB")
    note = "A step is the last one, where they differ; operations are those of matrix products."
    return Table("What learning took", header, tuple(rows), note)


def _verdict(runs):
    """Which run is best after as many steps as the last of them was learned for."""
    setting = reading.headline(runs[0].results)
    measure = _measure(runs, setting)
    step = max(reading.match_step(_setting(run, setting)) for run in runs)
    found = {}
    for run in runs:
        data = _setting(run, setting)
        for label, init in _learned(run, data).items():
            value, _ = reading.metric_at(data, init, measure.key, step)
            if value is not None:
                found[label] = value
    if not found:
        return f"No run has a {measure.name} after {in_steps(step)}."
    best = (min if measure.lower_is_better else max)(found, key=found.__getitem__)
    reached = f"{measure.written(found[best])} {measure.unit}".rstrip()
    return f"After {in_steps(step)} {best} leads with {reached}."
