"""The page of a folder of fits: report.html, and results.csv with a row per picture."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from experiments.fitting.fit_outputs import picture_file
from metainr.errors import printable
from metainr.files import write_bytes
from metainr.reporting.contact import Fitted, contact_sheet, worst_first
from metainr.reporting.data_files import csv_text
from metainr.reporting.embedding import picture_html
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.measures import measure
from metainr.reporting.tables import Table

_PSNR = measure("psnr")
_LISTED = 100  # pictures without a fit


def write_page(
    directory: Path,
    entries: Iterable[Mapping[str, Any]],
    unreadable: Mapping[str, str],
    results: Mapping[str, Any],
) -> None:
    """Writes report.html and results.csv into the folder of fits.

    Args:
        directory: the folder.
        entries: the lines of results.jsonl.
        unreadable: why pictures could not be read, by name.
        results: what results.json holds.
    """
    entries = sorted(entries, key=lambda entry: entry["name"])
    fitted = [entry for entry in entries if "failed" not in entry]
    without = {entry["name"]: entry["failed"] for entry in entries if "failed" in entry}
    without |= unreadable
    write_bytes(directory / "results.csv", _csv(fitted, without).encode())
    items = worst_first([_item(entry) for entry in fitted], _PSNR)
    body = ""
    if fitted:
        body += table_html(_spread(fitted)) + _curves(directory)
        body += contact_sheet(directory, items, _PSNR)
    if without:
        body += _without(without)
    page = render_page(
        title=f"Fits of the pictures in {printable(str(results['config']['input']))}",
        verdict=_verdict(items, without),
        results=results,
        body=body,
        links={name: name for name in ("results.csv", "results.jsonl", "results.json")},
    )
    write_bytes(directory / "report.html", page.encode())


def _last(entry):
    """{(kind of pixel, init): PSNR in dB after the last step}; a perfect fit's is infinite."""
    return {
        (kind, init): float("inf") if psnr[-1] is None else psnr[-1]
        for kind, inits in entry["psnr"].items()
        for init, psnr in inits.items()
    }


def _item(entry):
    """What the sheet shows: the learned init's fit and its PSNR, of unseen pixels if there are."""
    name, kind = entry["name"], list(entry["psnr"])[-1]
    psnr = _last(entry)[kind, "meta"]
    return Fitted(name, psnr, picture_file(name, "target"), picture_file(name, "meta"))


def _csv(fitted, without):
    columns = dict.fromkeys(column for entry in fitted for column in _last(entry))
    rows = [
        [printable(entry["name"]), entry["seconds"], entry["tiles"]]
        + [_last(entry).get(column) for column in columns]
        + [None]
        for entry in fitted
    ]
    empty = [None] * (2 + len(columns))
    rows += [[printable(name), *empty, why] for name, why in sorted(without.items())]
    psnr = [f"psnr {kind} {init}" for kind, init in columns]
    return csv_text(("name", "seconds", "tiles", *psnr, "why there is no fit"), rows)


def _spread(fitted):
    """How PSNR is spread over the pictures."""
    found: dict[tuple[str, str], list[float]] = {}
    for entry in fitted:
        for column, psnr in _last(entry).items():
            found.setdefault(column, []).append(psnr)
    is_partial = len({kind for kind, _ in found}) > 1
    rows = []
    for (kind, init), values in found.items():
        # Of two of a quarter's neighbours the lower one, as a mean with an infinite one is none.
        spread = np.quantile(values, (0, 0.25, 0.5, 0.75, 1), method="lower")
        name = f"{init}, {kind}" if is_partial else init
        rows.append((name, *(f"{x:.2f}" if np.isfinite(x) else "exact" for x in spread)))
    header = ("init", "lowest", "lower quartile", "median", "upper quartile", "highest")
    note = f"PSNR in dB after the last step, over {len(fitted)} pictures."
    return Table("How well pictures are fitted", header, tuple(rows), note)


def _curves(directory):
    """The figures of PSNR by step."""
    paths = sorted(directory.glob("psnr*.png"))
    return "".join(
        picture_html(path.read_bytes(), "Mean PSNR by step" + path.stem[4:].replace("_", ", "))
        for path in paths
    )


def _without(without):
    """A list of pictures that have no fit, and why."""
    listed = [map(printable, pair) for pair in sorted(without.items())][:_LISTED]
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(why)}</dd>" for name, why in listed)
    left = len(without) - len(listed)
    note = f'<p class="note">{left} more are in results.csv.</p>' if left else ""
    return f"<h2>Pictures without a fit</h2>\n<dl>{entries}</dl>{note}"


def _verdict(items, without):
    has = "has" if len(without) == 1 else "have"
    lost = f"; {len(without)} {has} no fit" if without else ""
    if not items:
        return f"No picture was fitted{lost}."
    mean = np.mean([item.value for item in items])
    many = f"{len(items)} pictures were" if len(items) > 1 else "1 picture was"
    reached = f"on average to {mean:.1f} dB" if np.isfinite(mean) else "some of them exactly"
    return f"{many} fitted, {reached}{lost}."
