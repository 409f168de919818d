"""The page of what learning did to fields.

anatomy.json:

    {"experiment", "runs": {name: {"signal", "resolution", "inner_steps", "long_steps",
        "kernel": {init: Alignment, whose "energy" is kept at "places"},
        "changes": {init: {leaf: Change}}, "barriers": {kind: Barrier},
        "gap": {"train_signals", "seen", "unseen", "stderr"}, "bound": Bound or null}},
     "seconds", "config", "environment"}

Alignment, Change, Barrier and Bound are those of `metainr.evaluation.anatomy`, means over signals.
"""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metainr.files import write_bytes
from metainr.reporting.embedding import picture_html
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.lines import Line, plain_lines
from metainr.reporting.tables import NOTHING, Table, to_markdown

_PLACES = np.linspace(0, 1, 11)


def anatomy_tables(record: Mapping[str, Any]) -> list[Table]:
    """Of all runs: kernels, generalisation, bounds, barriers, and what fits change."""
    runs = record["runs"]
    tables = [_kernels(runs), _gaps(runs), _bounds(runs), _barriers(runs), _changes(runs)]
    return [table for table in tables if table.rows]


def write_anatomy_report(
    folder: str | Path,
    record: Mapping[str, Any],
    eigenvectors: Mapping[str, Mapping[str, np.ndarray]],
) -> list[Path]:
    """Writes anatomy.md, figures/ and report.html into a folder; returns their paths.

    `eigenvectors`: run -> init -> the leading ones as pictures [k, h, w].
    """
    folder = Path(folder)
    figures = {}
    for name, run in record["runs"].items():
        rows = [(init, [_grey(x) for x in found]) for init, found in eigenvectors[name].items()]
        columns = [f"u{i + 1}" for i in range(len(rows[0][1]))]
        figures[f"Leading eigenvectors of the tangent kernels, {name}"] = pictures_figure(
            columns, rows
        )
        figures[f"Energy of {run['signal']} in leading eigenvectors, {name}"] = _energy(run)
        figures[f"Along lines between fits, {name}"] = _landscape(run)
    if len(record["runs"]) > 1:
        figures["Seen and unseen signals by number of training signals"] = _generalisation(
            record["runs"]
        )
    body, paths = "".join(map(table_html, anatomy_tables(record))), []
    for i, (title, figure) in enumerate(figures.items()):
        paths.append(save_figure(figure, folder / "figures" / f"{i:02d}.png"))
        picture = picture_html(paths[-1].read_bytes(), title)
        body += f"<h2>{html.escape(title)}</h2>\n{picture}\n"
    page = render_page(
        title="What learning did to the field",
        verdict=_verdict(record["runs"]),
        results=record,
        body=body,
    )
    text = "\n".join(map(to_markdown, anatomy_tables(record)))
    return [
        write_bytes(folder / "anatomy.md", text.encode()),
        *paths,
        write_bytes(folder / "report.html", page.encode()),
    ]


def _kernels(runs):
    rows = tuple(
        (
            f"{name}: {init}",
            f"{100 * found['leading']:.1f} %",
            str(found["num_leading"]),
            f"{found['alignment']:.3f}",
            f"{found['shared']:.3f}",
        )
        for name, run in runs.items()
        for init, found in run["kernel"].items()
    )
    note = (
        "Energy: mean share of a test signal, less its mean, in eigenvectors whose eigenvalue is "
        "at least a tenth of the largest. Alignment: of the centred kernel with the covariance of "
        "the signals, 1 where they are proportional. Shared: energy of the 20 leading eigenvectors "
        "in the 20 leading principal components of the signals. Channels are signals of their own; "
        "the kernel has them summed."
    )
    header = ("run: init", "energy", "leading eigenvectors", "alignment", "shared")
    return Table("Tangent kernels and the class", header, rows, note)


def _gaps(runs):
    rows = tuple(
        (
            name,
            str(run["gap"]["train_signals"]),
            f"{run['gap']['seen']:.2f}",
            f"{run['gap']['unseen']:.2f} ± {run['gap']['stderr']:.2f}",
            f"{run['gap']['seen'] - run['gap']['unseen']:.2f}",
        )
        for name, run in runs.items()
    )
    steps = _shared(run["inner_steps"] for run in runs.values())
    header = ("run", "signals learned from", "PSNR, seen", "PSNR, unseen", "gap")
    return Table(f"Generalisation after {steps} steps", header, rows, "In dB.")


def _bounds(runs):
    rows = tuple(
        (
            name,
            f"{bound['bound']:.4f}",
            f"{bound['training']:.4f}",
            f"{bound['width']:g}",
            f"{bound['divergence']:.3g}",
            f"{bound['unseen']:.4f}",
        )
        for name, run in runs.items()
        if (bound := run["bound"]) is not None
    )
    note = (
        "For 95 % of training sets the mean squared error of unseen signals is below the bound, of "
        "weights with Gaussian noise of width σ. It assumes independent signals and losses in "
        "[0, 1]; it says something only where it is well below that of a constant picture."
    )
    header = ("run", "bound", "training loss in it", "σ", "KL divergence", "loss, unseen")
    return Table("PAC-Bayes bounds", header, rows, note)


def _barriers(runs):
    rows = tuple(
        (f"{name}: {kind}", f"{b['psnr'][0]:.1f}", f"{min(b['psnr']):.1f}", f"{b['drop']:.1f}")
        for name, run in runs.items()
        for kind, b in run["barriers"].items()
    )
    steps = _shared(run["long_steps"] for run in runs.values())
    note = (
        "PSNR along the straight line from one fit to the other, in dB. One signal twice: two fits "
        "that saw other random halves of the pixels. Two signals: the target is blended, too."
    )
    header = ("run: fits", "at the first", "lowest", "below the line")
    return Table(f"Barriers between fits of {steps} steps of Adam", header, rows, note)


def _changes(runs):
    rows = tuple(
        (
            f"{name}: {init}, {leaf}",
            f"{100 * change['size']:.2f} %" if np.isfinite(change["size"]) else NOTHING,
            f"{change['rank']:.1f}",
            f"{change['full_rank']:.0f}",
        )
        for name, run in runs.items()
        for init, leaves in run["changes"].items()
        for leaf, change in leaves.items()
    )
    note = (
        "By the run's own number of steps. Size: norm of the change by that of the weights. Rank: "
        "how many directions of equal size it is like."
    )
    header = ("run: init, leaf", "size", "rank", "most possible")
    return Table("What fits change", header, rows, note)


def _energy(run):
    lines = {
        init: Line(found["places"], found["energy"], dashed=init != "meta")
        for init, found in run["kernel"].items()
    }
    figure = plain_lines(lines, "number of eigenvectors", "share of the signals' energy")
    figure.axes[0].set_xscale("log")
    return figure


def _landscape(run):
    lines = {
        kind: Line(_PLACES, found["psnr"], dashed="meta" not in kind)
        for kind, found in run["barriers"].items()
    }
    return plain_lines(lines, "place on the line", "PSNR [dB]")


def _generalisation(runs):
    gaps = sorted((run["gap"] for run in runs.values()), key=lambda gap: gap["train_signals"])
    counts = [gap["train_signals"] for gap in gaps]
    lines = {name: Line(counts, [gap[name] for gap in gaps]) for name in ("seen", "unseen")}
    figure = plain_lines(lines, "signals learned from", "PSNR [dB]")
    figure.axes[0].set_xscale("log")
    return figure


def _shared(values):
    """One value of all, or several beside one another."""
    return " or ".join(str(value) for value in dict.fromkeys(values))


def _grey(picture):
    """A picture of a vector, 0 in the middle of the greys."""
    scale = max(float(np.abs(picture).max()), 1e-12)
    return (127.5 * (1 + picture / scale)).round().astype(np.uint8)


def _verdict(runs):
    name, run = next(iter(runs.items()))
    before, after = (run["kernel"][init]["alignment"] for init in ("standard", "meta"))
    gap = run["gap"]["seen"] - run["gap"]["unseen"]
    return (
        f"Learning took the alignment of the tangent kernel with {run['signal']} from {before:.3f} "
        f"to {after:.3f} ({name}); seen signals are {gap:.1f} dB above unseen ones."
    )
