"""Transfer: inits learned on one class of signals, tested on others.

transfer.json:

    {"experiment", "kind", "metric", "step", "rows": [R], "columns": [C], "mean": [[C] per row],
     "stderr": [[C] per row], "num_test", "seconds", "config", "environment"}

A row is a class that was trained on, a column one that was tested on; means are in dB for PSNR.
Of "kind" "modalities" `metainr.reporting.modalities` says what rows are, and columns tell steps.
"""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.json_files import read_json
from metainr.reporting.figures import WIDTH, new_plot, save_figure
from metainr.reporting.frame import cell_html, render_page
from metainr.reporting.modalities import NOTE, TITLE, gains, modal_verdict
from metainr.reporting.tables import Table, counted, plus_minus, to_markdown

CORNER = "trained on ↓, tested on →"


def read_transfer(path: str | Path) -> dict[str, Any]:
    """Reads transfer.json, or the one in a folder; a UserError if it is missing or damaged."""
    path = Path(path)
    path = path / "transfer.json" if path.is_dir() else path
    remedy = "run the transfer experiment again"
    transfer = read_json(path, remedy)
    try:
        shape = (len(transfer["rows"]), len(transfer["columns"]))
        fits = all(_matrix(transfer, key).shape == shape for key in ("mean", "stderr"))
        complete = min(shape) > 0 and fits and {"metric", "step"} <= set(transfer)
    except (KeyError, TypeError, ValueError):
        complete = False
    if not complete:
        raise UserError(f"{path} lacks rows, columns or values for all of them; {remedy}")
    return transfer


def transfer_table(transfer: Mapping[str, Any]) -> Table:
    """The means and standard errors as a table, trained on by tested on."""
    rows = tuple(
        (row, *(plus_minus(mean, error, 2) for mean, error in zip(means, errors)))
        for row, means, errors in zip(transfer["rows"], transfer["mean"], transfer["stderr"])
    )
    unit = "in dB; " if transfer["metric"] == "psnr" else ""
    note = f"{_metric(transfer)} {unit}mean ± standard error over {_signals(transfer)}."
    note = f"{note} {NOTE}" if _is_modal(transfer) else note
    return Table(_title(transfer), (CORNER, *transfer["columns"]), rows, note)


def transfer_figure(transfer: Mapping[str, Any]) -> Any:
    """A heat map with its numbers; the best init of each column is in bold type."""
    mean = _matrix(transfer, "mean")
    height = min(1.2 + 0.75 * len(mean), WIDTH)
    figure, axes = new_plot((WIDTH, height))
    image = axes.imshow(_heat(transfer), cmap="Oranges", aspect="auto")
    gained = " gained over random weights" if _is_modal(transfer) else ""
    bar = figure.colorbar(image, label=_metric(transfer) + gained + _unit(transfer), pad=0.02)
    bar.outline.set_visible(False)
    for (i, j), value in np.ndenumerate(mean):
        if np.isfinite(value):
            weight = "bold" if i in _best(mean, j) else "normal"
            ink = "white" if image.norm(_heat(transfer)[i, j]) > 0.6 else "black"
            style = {"color": ink, "weight": weight, "size": 13}
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", **style)
    axes.set_xticks(range(len(transfer["columns"])), transfer["columns"])
    axes.set_yticks(range(len(transfer["rows"])), transfer["rows"])
    axes.set(xlabel="tested on", ylabel="trained on")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def write_transfer_report(directory: str | Path) -> list[Path]:
    """Writes transfer.md, figures/transfer.png and report.html; returns their paths.

    Raises:
        UserError: transfer.json is missing or damaged.
    """
    directory = Path(directory)
    transfer = read_transfer(directory)
    page = render_page(
        title=_title(transfer),
        verdict=transfer_verdict(transfer),
        results=transfer,
        body=_heat_map(transfer),
    )
    return [
        write_bytes(directory / "transfer.md", to_markdown(transfer_table(transfer)).encode()),
        save_figure(transfer_figure(transfer), directory / "figures" / "transfer.png"),
        write_bytes(directory / "report.html", page.encode()),
    ]


def transfer_verdict(transfer: Mapping[str, Any]) -> str:
    """The outcome in one sentence: how often the init of a class is the best one for it."""
    mean, rows = _matrix(transfer, "mean"), transfer["rows"]
    if _is_modal(transfer):
        return modal_verdict(mean)
    shared = [name for name in transfer["columns"] if name in rows]
    if not shared:
        return f"{_title(transfer)}."
    own = sum(rows.index(name) in _best(mean, transfer["columns"].index(name)) for name in shared)
    return (
        f"After {transfer['step']} steps the init learned on a class is the best one for it "
        f"in {own} of {len(shared)} classes."
    )


def _heat_map(transfer: Mapping[str, Any]) -> str:
    table, mean, found = transfer_table(transfer), _matrix(transfer, "mean"), _heat(transfer)
    span = np.nanmax(found) - np.nanmin(found) if np.isfinite(found).any() else 0
    heat = np.nan_to_num((found - np.nanmin(found)) / span if span else np.zeros_like(found))
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.header[1:])
    rows = []
    for i, (name, *cells) in enumerate(table.rows):
        inner = "".join(
            f'<td style="--heat: {heat[i, j]:.3f}"{_mark(mean, i, j)}>{cell_html(cell)}</td>'
            for j, cell in enumerate(cells)
        )
        rows.append(f'<tr><th scope="row">{html.escape(name)}</th>{inner}</tr>')
    return (
        '<h2>Trained on (rows), tested on (columns)</h2>\n<div class="scroll" tabindex="0">'
        f'<table class="heat"><thead><tr><th></th>{head}</tr></thead>\n'
        f"<tbody>{''.join(rows)}</tbody></table></div>\n"
        f'<p class="note">{html.escape(table.note)} The best init of each column is framed.</p>'
    )


def _is_modal(transfer: Mapping[str, Any]) -> bool:
    return transfer.get("kind") == "modalities"


def _heat(transfer: Mapping[str, Any]) -> np.ndarray:
    """What colours show: of modalities, which are not alike, what is gained over random weights."""
    mean = _matrix(transfer, "mean")
    return gains(mean) if _is_modal(transfer) else mean


def _mark(mean: np.ndarray, row: int, column: int) -> str:
    return ' class="best"' if row in _best(mean, column) else ""


def _best(mean: np.ndarray, column: int) -> list[int]:
    values = mean[:, column]
    return [] if np.isnan(values).all() else np.flatnonzero(values == np.nanmax(values)).tolist()


def _matrix(transfer: Mapping[str, Any], key: str) -> np.ndarray:
    return np.array(transfer[key], float)  # null becomes NaN


def _metric(transfer: Mapping[str, Any]) -> str:
    return str(transfer["metric"]).upper()


def _unit(transfer: Mapping[str, Any]) -> str:
    return " [dB]" if transfer["metric"] == "psnr" else ""


def _signals(transfer: Mapping[str, Any]) -> str:
    count = transfer.get("num_test")
    return "the test signals" if count is None else f"{counted(count, 'test signal')} of each class"


def _title(transfer: Mapping[str, Any]) -> str:
    if _is_modal(transfer):
        return TITLE
    return (
        f"Transfer between classes of signals, {_metric(transfer)} after {transfer['step']} steps"
    )
