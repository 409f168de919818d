"""The page of rate and distortion: our files beside those of other codecs, on the same signals.

rate_distortion.json:

    {"experiment", "signal", "num_test", "points", "curves": {name: {"is_own", "ablation",
        "base_bytes" or null, "points": [{"setting", "bytes", "psnr", "psnr_stderr"}]}},
     "equal": [{"name", "setting", "psnr", "bytes", "rivals": {name: bytes or null}}],
     "seconds", "config", "environment"}

Bytes are those of whole files, means over the signals; PSNR is that of what they decode to.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metainr.files import write_bytes
from metainr.reporting.data_files import csv_text
from metainr.reporting.embedding import wide_picture_html
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.lines import Line, plain_lines
from metainr.reporting.results import write_json
from metainr.reporting.tables import NOTHING, Table, emphasised, to_markdown

SHARERS = 1000
"""Files that the base's bytes are divided by in the column with its share."""

_COLUMNS = ("codec", "setting", "bytes", "bits a point", "PSNR", "bytes with a share of the base")


def curve_table(record: Mapping[str, Any], name: str) -> Table:
    """The points of one codec, those of a base with a share of its bytes."""
    curve = record["curves"][name]
    base = curve["base_bytes"]
    rows = tuple(
        (
            point["setting"],
            f"{point['bytes']:.1f}",
            f"{8 * point['bytes'] / record['points']:.3f}",
            f"{point['psnr']:.2f} ± {point['psnr_stderr']:.2f}",
            *(() if base is None else (f"{_shared(curve, point):.1f}",)),
        )
        for point in curve["points"]
    )
    if base is None:
        return Table(name, ("setting", *_COLUMNS[2:-1]), rows, "")
    told = f"The base has {base:,} bytes, once for all files; a share is that of {SHARERS:,} files."
    return Table(name, ("setting", *_COLUMNS[2:]), rows, told)


def equal_table(record: Mapping[str, Any]) -> Table:
    """Bytes of others at the PSNR of each of our points; the fewest stand out."""
    rivals = [name for name, curve in record["curves"].items() if not curve["is_own"]]
    rows = []
    for entry in record["equal"]:
        sizes = [entry["bytes"], *(entry["rivals"][name] for name in rivals)]
        known = [size for size in sizes if size is not None]
        best = min(known) if len(known) > 1 else None
        cells = [_size(size, best) for size in sizes]
        rows.append((f"{entry['name']}, {entry['setting']}", f"{entry['psnr']:.2f}", *cells))
    note = (
        "Bytes of a file, interpolated between settings of the other codecs. "
        f"{NOTHING}: none of its settings has so low, or so high, a PSNR."
    )
    return Table("Bytes at equal PSNR", ("ours", "PSNR", "bytes", *rivals), tuple(rows), note)


def smallest_table(record: Mapping[str, Any]) -> Table:
    """The smallest files of every codec, which are the lowest rate that it can go to."""
    rows = []
    for name, curve in record["curves"].items():
        point = min(curve["points"], key=lambda point: point["bytes"])
        size = f"{point['bytes']:.1f}"
        rows.append((name, point["setting"], size, f"{point['psnr']:.2f}"))
    note = _measured(record)
    return Table("Smallest files", ("codec", "setting", "bytes", "PSNR"), tuple(rows), note)


def verdict(record: Mapping[str, Any]) -> str:
    """In which share of our points below one bit a point our files are the smallest."""
    low = [one for one in record["equal"] if 8 * one["bytes"] < record["points"]]
    met = [one for one in low if any(size is not None for size in one["rivals"].values())]
    won = [
        one
        for one in met
        if one["bytes"] < min(size for size in one["rivals"].values() if size is not None)
    ]
    alone = f"; {len(low) - len(met)} more have a PSNR that no other codec goes down to"
    return (
        f"Of our {len(low)} points below one bit a point, {len(won)} have the smallest files at "
        f"equal PSNR, and {len(met) - len(won)} have not{alone if len(met) < len(low) else ''}."
    )


def write_rate_distortion_report(
    folder: str | Path,
    record: Mapping[str, Any],
    pictures: Mapping[str, Sequence[np.ndarray]],
) -> list[Path]:
    """Writes rate_distortion.json, .md and .csv, figures/ and report.html; returns their paths.

    `pictures`: rows of pictures, uint8, by their name, for the page; they may be none.
    """
    folder = Path(folder)
    write_json(folder / "rate_distortion.json", record)
    figures = {"Rate and distortion": _figure(record, ablations=False)}
    if any(curve["ablation"] for curve in record["curves"].values()):
        figures["What our curve depends on"] = _figure(record, ablations=True)
    if pictures:
        columns = [str(i + 1) for i in range(len(next(iter(pictures.values()))))]
        figures["Decoded files"] = pictures_figure(
            columns, [(name, list(row)) for name, row in pictures.items()]
        )
    tables = [equal_table(record), smallest_table(record)]
    tables += [curve_table(record, name) for name in record["curves"]]
    body, paths = "", []
    for i, (title, figure) in enumerate(figures.items()):
        paths.append(save_figure(figure, folder / "figures" / f"{i:02d}.png"))
        body += f"<h2>{html.escape(title)}</h2>\n"
        body += wide_picture_html(paths[-1].read_bytes(), title)
    body += "".join(map(table_html, tables))
    page = render_page(
        title=f"Rate and distortion: {record['signal']}",
        verdict=verdict(record),
        results=record,
        body=body,
    )
    rows = (
        (name, point["setting"], point["bytes"], 8 * point["bytes"] / record["points"],
         point["psnr"], _shared(curve, point))
        for name, curve in record["curves"].items()
        for point in curve["points"]
    )  # fmt: skip
    return [
        write_bytes(folder / "rate_distortion.csv", csv_text(_COLUMNS, rows).encode()),
        write_bytes(folder / "rate_distortion.md", "\n".join(map(to_markdown, tables)).encode()),
        *paths,
        write_bytes(folder / "report.html", page.encode()),
    ]


def _shared(curve, point):
    base = curve["base_bytes"]
    return None if base is None else point["bytes"] + base / SHARERS


def _measured(record):
    return (
        f"Of whole files as written, headers included: means over {record['num_test']} signals of "
        f"{record['points']} points that were never learned from; PSNR of what they decode to."
    )


def _size(size, best):
    if size is None:
        return NOTHING
    text = f"{size:.0f}"
    return emphasised(text) if size == best else text


def _figure(record, ablations):
    lines = {}
    for name, curve in record["curves"].items():
        if curve["ablation"] and not ablations or ablations and not curve["is_own"]:
            continue
        rates = [8 * point["bytes"] / record["points"] for point in curve["points"]]
        psnr = [point["psnr"] for point in curve["points"]]
        lines[name] = Line(rates, psnr, dashed=not curve["is_own"])
    figure = plain_lines(lines, "bits a point, of whole files", "PSNR [dB]")
    figure.axes[0].set_xscale("log")
    return figure
