"""Figures for papers and READMEs, drawn from results and samples.

Every function returns a matplotlib figure, and `save_figure` writes it in the format that the
file's name asks for (png, pdf, svg). Text is sized for a page about 8 inches wide.
"""

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metainr.plotting import matplotlib
from metainr.reporting import results as reading
from metainr.reporting.colours import MARKERS, colours
from metainr.reporting.samples import Samples, load_frames, load_picture

Rows = list[tuple[str, list[np.ndarray]]]  # of a grid: a name and its pictures
WIDTH = 8.3  # inches; at 200 dots per inch twice the width of a README's column
MAX_ROWS = 4  # signals in one grid
_SHORT_FIT = 100  # steps


def save_figure(figure: Any, path: str | Path) -> Path:
    """Writes a figure, atomically, in the format of the path's extension."""
    path, buffer = Path(path), io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:], dpi=200)
    return reading.write_bytes(path, buffer.getvalue())


def write_figures(
    folder: str | Path,
    results: Mapping[str, Any],
    samples: Mapping[str, Samples],
    extension: str = "png",
) -> list[Path]:
    """Draws what the results and samples allow into a folder and returns the files' paths."""
    figures = {}
    for name in results["settings"]:
        metric = reading.headline_measure(results["settings"][name]).key
        figures[f"{metric}{_suffix(name)}"] = metric_figure(results, name)
    for family, group in reading.families(results).items():
        if family != "seed" and len(group) > 1 and all(map(reading.is_number, group)):
            figures[re.sub(r"[^\w.-]+", "-", family)] = family_figure(results, family)
    pictured = [name for name in results["settings"] if name in samples and samples[name].signals]
    if pictured:
        opening = reading.headline(results)
        name = opening if opening in pictured else pictured[0]
        figures["filmstrip"] = filmstrip_figure(samples[name], 0)
    for name in pictured:
        step = reading.match_step(results["settings"][name])
        figures[f"signals{_suffix(name)}"] = signals_figure(samples[name], step)
    return [save_figure(item, Path(folder) / f"{n}.{extension}") for n, item in figures.items()]


def _suffix(setting: str) -> str:
    return "" if setting == "default" else "_" + re.sub(r"[^\w.-]+", "-", setting)


def new_plot(size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure of a size in inches with one pair of axes, in the style of all figures."""
    with _style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots()


def _style() -> contextlib.AbstractContextManager[None]:
    return matplotlib().rc_context(
        {
            "font.size": 11,
            "axes.labelsize": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#888888",
            "axes.grid": True,
            "grid.color": "#e4e4e4",
            "svg.fonttype": "none",
            "pdf.fonttype": 42,
        }
    )


def metric_figure(results: Mapping[str, Any], setting: str) -> Any:
    """The metric of comparison by inner step, one labelled line per init with a band of ± one
    standard error.
    """
    data = results["settings"][setting]
    measure = reading.headline_measure(data)
    figure, axes = new_plot((WIDTH, 4.2))
    ends = {}
    for init, (colour, _) in colours(reading.ordered_inits(data)).items():
        points = _known(data["steps"], data["inits"][init]["metrics"].get(measure.key))
        if not points.size:
            continue
        steps, mean, error = points
        style = {"marker": MARKERS.get(init, "v") if len(steps) <= 30 else None, "markersize": 4.5}
        width = 2.6 if init == "meta" else 1.8
        axes.plot(steps, mean, color=colour, linewidth=width, clip_on=False, **style)
        axes.fill_between(steps, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        ends[init] = (steps[-1], mean[-1], colour)
    step = reading.match_step(data)
    if ends and data["steps"][0] < step < data["steps"][-1]:
        axes.axvline(step, color="#888888", linewidth=1, linestyle=":", zorder=0)
    axes.set(xlabel="inner step", ylabel=measure.label)
    axes.set_xlim(data["steps"][0], max(data["steps"][-1], data["steps"][0] + 1))
    axes.xaxis.get_major_locator().set_params(integer=True)
    _label_ends(axes, ends)
    return figure


def family_figure(results: Mapping[str, Any], family: str) -> Any:
    """The metric after the step of reference by a family's value, such as training signals."""
    group = reading.families(results)[family]
    measure = reading.headline_measure(next(iter(group.values())))
    figure, axes = new_plot((WIDTH, 4.2))
    values, ends = [float(value) for value in group], {}
    for init, (colour, _) in colours(reading.all_inits({"settings": group})).items():
        found = [
            (value, *reading.metric_at(data, init, measure.key, reading.match_step(data)))
            for value, data in zip(values, group.values())
        ]
        points = np.array([(x, y, e or 0.0) for x, y, e in found if y is not None]).T
        if not points.size:
            continue
        x, y, error = points
        axes.errorbar(
            x, y, error, color=colour, marker=MARKERS.get(init, "v"), ms=5, capsize=4, lw=2
        )
        ends[init] = (x[-1], y[-1], colour)
    if min(values) >= 0:
        axes.set_xscale("symlog" if min(values) == 0 else "log")
        axes.minorticks_off()
    axes.set_xticks(values, list(group))
    steps = {reading.match_step(data) for data in group.values()}
    when = f"{steps.pop()} steps" if len(steps) == 1 else "the step of comparison"
    if all(reading.match_step(data) == data["steps"][-1] for data in group.values()):
        when = "the last step"
    axes.set(xlabel=family.replace("_", " "), ylabel=f"{measure.label} after {when}")
    _label_ends(axes, ends)
    return figure


def filmstrip_figure(samples: Samples, signal: int) -> Any:
    """One signal's fits: a row per init, a column per step, then the target.

    Of a short fit the early steps are shown, of a long one steps from all of the listed ones.
    """
    item, count = samples.signals[signal], len(samples.steps)
    early = [step for step in (0, 1, 2, 5, 10) if step in samples.steps]
    spread = [samples.steps[i] for i in np.linspace(0, count - 1, min(count, 6)).astype(int)]
    is_short = len(early) > 2 and samples.steps[-1] <= _SHORT_FIT
    steps = list(dict.fromkeys([*early, samples.steps[-1]] if is_short else spread))
    target, rows = load_picture(item.target), []
    for init in reading.ordered_inits({"inits": item.frames}):
        frames = load_frames(item.frames[init], len(samples.steps))
        pictures = [frames[samples.steps.index(step)] for step in steps]
        rows.append((init, [*pictures, target]))
    return pictures_figure([f"step {step}" for step in steps] + ["target"], rows)


def signals_figure(samples: Samples, step: int) -> Any:
    """Several signals after a step: a row per signal, a column per init, then the target."""
    at = max(i for i, s in enumerate(samples.steps) if s <= step or i == 0)
    inits = reading.ordered_inits({"inits": samples.signals[0].frames})
    rows = []
    for item in samples.signals[:MAX_ROWS]:
        strips = [load_frames(item.frames[init], len(samples.steps)) for init in inits]
        # Of a path the end tells more than the beginning.
        label = item.label if len(item.label) <= 16 else "…" + item.label[-15:]
        rows.append((label, [*(strip[at] for strip in strips), load_picture(item.target)]))
    title = f"after {samples.steps[at]} inner steps"
    return pictures_figure([*inits, "target"], rows, title)


def _known(steps: Sequence[int], metric: Mapping[str, Any] | None) -> np.ndarray:
    """Rows of steps, means and errors where the metric was computed: [3, n]."""
    if metric is None:
        return np.zeros((3, 0))
    rows = zip(steps, metric["mean"], metric["stderr"])
    return np.array([(s, m, e or 0.0) for s, m, e in rows if m is not None], float).reshape(-1, 3).T


def _label_ends(axes: Any, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Names each line beside its last point, moved apart where names would overlap."""
    inits = sorted(ends, key=lambda init: ends[init][1])
    low, high = axes.get_ylim()
    places, gap = np.array([ends[init][1] for init in inits]), (high - low) / 17
    for _ in range(100):
        overlap = np.maximum(gap - np.diff(places), 0) / 2
        places[:-1] -= overlap
        places[1:] += overlap
    for init, place in zip(inits, places):
        axes.annotate(
            init,
            (axes.get_xlim()[1], place),
            xytext=(10, 0),
            textcoords="offset points",
            color=ends[init][2],
            weight="bold" if init == "meta" else "normal",
            va="center",
            annotation_clip=False,
        )


def pictures_figure(columns: Sequence[str], rows: Rows, title: str = "") -> Any:
    """A grid of pictures, uint8, with names above the columns and left of the rows."""
    margin = 0.25 + 0.085 * max(len(name) for name, _ in rows)  # inches, for the names of the rows
    cell = (WIDTH - margin) / len(columns)
    tall, top = cell * _aspect(rows), 0.66 if title else 0.36
    height = top + tall * len(rows) + 0.05
    palette = colours([name for name in [*dict(rows), *columns] if name in MARKERS])
    with _style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, height))
    figure.text(0.5, 1 - 0.2 / height, title, ha="center", va="center", size=12)
    for i, (name, pictures) in enumerate(rows):
        bottom = height - top - (i + 1) * tall
        place = ((margin - 0.1) / WIDTH, (bottom + tall / 2) / height)
        text = figure.text(*place, name, ha="right", va="center", parse_math=False)
        text.set(**_ink(palette, name))
        for j, picture in enumerate(pictures):
            corner = ((margin + j * cell) / WIDTH, bottom / height)
            axes = figure.add_axes((*corner, (cell - 0.06) / WIDTH, (tall - 0.06) / height))
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="#bbbbbb", linewidth=0.6)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            if i == 0:
                axes.set_title(columns[j], size=11, pad=5).set(**_ink(palette, columns[j]))
    return figure


def _aspect(rows: Rows) -> float:
    height, width = rows[0][1][0].shape[:2]
    return height / width


def _ink(palette: Mapping[str, tuple[str, str]], name: str) -> dict[str, str]:
    weight = "bold" if name == "meta" else "normal"
    return {"color": palette[name][0] if name in palette else "#222222", "weight": weight}
