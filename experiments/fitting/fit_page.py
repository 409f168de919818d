"""The page of a folder of fits: report.html, and results.csv with a row per picture."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

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
    fitted, without = [], dict(unreadable)
    for entry in entries:
        if "failed" in entry:
            without[entry["name"]] = entry["failed"]
        else:
            fitted.append(_row(entry))
    fitted.sort()
    write_bytes(directory / "results.csv", _csv(fitted, without).encode())
    items = worst_first([_item(row) for row in fitted], _PSNR)
    body = ""
    if fitted:
        body += table_html(_spread(fitted)) + _curves(directory)
        body += contact_sheet(directory, items, _PSNR)
    if without:
        body += _without(without)
    page = render_page(
        title=f"Fits of the pictures in {printable(str(results['config']['input']))}",
        verdict=_verdict(items, without, sum(row.is_dead for row in fitted)),
        results=results,
        body=body,
        links={name: name for name in ("results.csv", "results.jsonl", "results.json")},
    )
    write_bytes(directory / "report.html", page.encode())


class _Row(NamedTuple):
    """A fitted picture.

    psnr: in dB after the last step, by kind of pixel and init.
    is_dead: whether the fit from the learned init is one colour.
    """

    name: str
    seconds: float
    tiles: int
    psnr: dict[tuple[str, str], float]
    is_dead: bool


def _row(entry):
    """What the page needs of a line of results.jsonl; a perfect fit's PSNR is infinite."""
    psnr = {
        (kind, init): float("inf") if values[-1] is None else values[-1]
        for kind, inits in entry["psnr"].items()
        for init, values in inits.items()
    }
    is_dead = "meta" in entry.get("dead", ())  # lines of earlier versions do not tell
    return _Row(entry["name"], entry["seconds"], entry["tiles"], psnr, is_dead)


def _item(row):
    """What the sheet shows: the learned init's fit and its PSNR, of unseen pixels if there are."""
    kind = "unseen" if ("unseen", "meta") in row.psnr else "seen"
    files = (picture_file(row.name, picture) for picture in ("target", "meta"))
    return Fitted(row.name, row.psnr[kind, "meta"], *files)


def _csv(fitted, without):
    columns = dict.fromkeys(column for row in fitted for column in row.psnr)
    rows = [
        (printable(row.name), row.seconds, row.tiles, *map(row.psnr.get, columns), None)
        for row in fitted
    ]
    empty = [None] * (2 + len(columns))
    rows += [(printable(name), *empty, printable(why)) for name, why in sorted(without.items())]
    psnr = [f"psnr {kind} {init}" for kind, init in columns]
    return csv_text(("name", "seconds", "tiles", *psnr, "why there is no fit"), rows)


def _spread(fitted):
    """How PSNR is spread over the pictures."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in fitted:
        for column, psnr in row.psnr.items():
            found.setdefault(column, []).append(psnr)
    is_partial = len({kind for kind, _ in found}) > 1
    rows = []
    for (kind, init), values in found.items():
        # The lower of two neighbours: between a number and an infinite one there is no mean.
        spread = np.quantile(values, (0, 0.25, 0.5, 0.75, 1), method="lower")
        name = f"{init}, {kind}" if is_partial else init
        rows.append((name, *(f"{x:.2f}" if np.isfinite(x) else "exact" for x in spread)))
    header = ("init", "lowest", "lower quartile", "median", "upper quartile", "highest")
    note = f"PSNR in dB after the last step, over {len(fitted)} pictures."
    return Table("How well pictures are fitted", header, tuple(rows), note)


def _curves(directory):
    """The figures of PSNR by step, and what their bands are."""
    paths = sorted(directory.glob("psnr*.png"))
    figures = "".join(
        picture_html(path.read_bytes(), "Mean PSNR by step" + path.stem[4:].replace("_", ", "))
        for path in paths
    )
    return f'{figures}<p class="note">Means by inner step; bands are ± one standard error.</p>'


def _without(without):
    """A list of pictures that have no fit, and why."""
    listed = [map(printable, pair) for pair in sorted(without.items())][:_LISTED]
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(why)}</dd>" for name, why in listed)
    left = len(without) - len(listed)
    note = f'<p class="note">{left} more are in results.csv.</p>' if left else ""
    return f"<h2>Pictures without a fit</h2>\n<dl>{entries}</dl>{note}"


def _verdict(items, without, num_dead):
    has = "has" if len(without) == 1 else "have"
    lost = f"; {len(without)} {has} no fit" if without else ""
    lost += f"; the fits of {num_dead} died: they are one colour" if num_dead else ""
    if not items:
        return f"No picture was fitted{lost}."
    mean = np.mean([item.value for item in items])
    many = f"{len(items)} pictures were" if len(items) > 1 else "1 picture was"
    reached = f"on average to {mean:.1f} dB" if np.isfinite(mean) else "some of them exactly"
    return f"{many} fitted, {reached}{lost}."
