"""The page of what was generated from a set of fields.

generation.json:

    {"experiment", "set": {split: count}, "numbers", "classes", "psnr": {split: dB},
     "losses": [[step, loss]], "quality": {kind: Quality},
     "completion": {part: {"noise", "alone", "psnr": {how: [dB]}, "spread": [correlation]}},
     "seconds", "command", "config", "environment"}

Quality is that of `metainr.generation`.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from metainr.files import write_bytes
from metainr.reporting.embedding import wide_picture_html
from metainr.reporting.figures import pictures_figure, save_figure
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.lines import Line, plain_lines
from metainr.reporting.media import is_played, player_html
from metainr.reporting.tables import Table, plus_minus, to_markdown

Sheet = Sequence[tuple[np.ndarray, np.ndarray, float]]
"""Pictures of samples, uint8, those of their nearest training signals, and how far these are."""


def generation_tables(record: Mapping[str, Any]) -> list[Table]:
    """What caps the samples, how good they are, and what was completed."""
    tables = [_vectors(record), _quality(record), _completion(record)]
    return [table for table in tables if table.rows]


def write_generation_report(
    folder: str | Path,
    record: Mapping[str, Any],
    samples: Sheet,
    classes: Mapping[str, list[np.ndarray]],
    completions: Mapping[str, Sequence[Mapping[str, np.ndarray]]],
    files: Sequence[Path] = (),
) -> list[Path]:
    """Writes generation.md, figures/ and report.html into a folder; returns their paths.

    Args:
        folder: of the run.
        record: what generation.json holds.
        samples: to show.
        classes: pictures, uint8, of samples of each class.
        completions: of each part, for some signals, pictures in [0, 1] by name.
        files: of the samples that are shown, in the folder: sounds and clips play in the page.
    """
    folder, figures = Path(folder), {}
    figures["Samples over the nearest training fields, and their distances"] = _samples(samples)
    if classes:
        columns = ["" for _ in next(iter(classes.values()))]
        figures["Samples of each class"] = pictures_figure(columns, list(classes.items()))
    for part, pictures in completions.items():
        figures[f"Completed from {_words(part)}"] = _completed(pictures)
    if len(record["losses"]) > 1:
        steps, losses = zip(*record["losses"])
        lines = {"training": Line(steps, losses)}
        figures["Error of denoising by step"] = plain_lines(lines, "step", "mean squared error")
    body, paths = "".join(map(table_html, generation_tables(record))), []
    for i, (title, figure) in enumerate(figures.items()):
        paths.append(save_figure(figure, folder / "figures" / f"{i:02d}.png"))
        picture = wide_picture_html(paths[-1].read_bytes(), title)
        body += f"<h2>{html.escape(title)}</h2>\n{picture}"
        body += _files(folder, files) if i == 0 else ""
    page = render_page(
        title="Fields from a diffusion prior",
        verdict=_verdict(record),
        results=record,
        body=body,
    )
    text = "\n".join(map(to_markdown, generation_tables(record)))
    return [
        write_bytes(folder / "generation.md", text.encode()),
        *paths,
        write_bytes(folder / "report.html", page.encode()),
    ]


def _files(folder, files):
    """Players of the samples' files, and links to files that no page plays; pictures need none."""
    shown = [path for path in files if path.suffix != ".png"]
    if not shown:
        return ""
    links = ", ".join(
        f'<a href="{quote(path.relative_to(folder).as_posix())}">{html.escape(path.name)}</a>'
        for path in shown
    )
    players = "".join(player_html(path, path.stem) for path in shown if is_played(path))
    return f"<p>These samples as files: {links}</p>\n<p>{players}</p>\n"


def _vectors(record):
    rows = tuple(
        (split, str(record["set"][split]), f"{value:.2f}")
        for split, value in record["psnr"].items()
    )
    note = (
        f"Each field is {record['numbers']} numbers. No sample can be better than these fits are: "
        "their PSNR caps everything below."
    )
    return Table("The set of fields", ("split", "fields", "PSNR of the fits [dB]"), rows, note)


def _quality(record):
    rows = tuple(
        (
            kind,
            f"{found['mmd']:.4f}",
            f"{100 * found['cov']:.0f} %",
            f"{found['one_nna']:.3f}",
            f"{found['novelty']:.2f}",
            f"{100 * found['broken']:.0f} %",
        )
        for kind, found in record["quality"].items()
    )
    note = (
        "Against held-out fields, by the root mean squared difference of rendered values. MMD: "
        "from each held-out field to the nearest sample. COV: share of held-out fields that are "
        "the nearest of a sample. 1-NNA: how often the nearest neighbour tells samples from "
        "held-out fields; ½ is best. Novelty: median distance to the nearest training field, by "
        "that of held-out fields; below 1 samples remember. Broken samples are not finite, and "
        "count in all. Independent coordinates: Gaussians of the training vectors' mean and "
        "spread. Training fields: as good as can be, but for their novelty."
    )
    header = ("fields", "MMD", "COV", "1-NNA", "novelty", "broken")
    return Table("Samples and held-out fields", header, rows, note)


def _completion(record):
    rows, notes = [], []
    for part, found in record["completion"].items():
        for how, values in found["psnr"].items():
            error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
            told = how.startswith("prior, mean")
            spread = f"{np.mean(found['spread']):.2f}" if told else "–"
            mean = plus_minus(float(np.mean(values)), error, 2)
            rows.append((f"{_words(part)}: {how}", mean, spread))
        count = len(found["spread"])
        notes.append(
            f"{_words(part)}: {count} held-out signals, noise {found['noise']:g}, the init alone "
            f"by {found['alone']}, each chosen on validation."
        )
    note = " ".join(
        ["PSNR of whole signals in dB, mean ± standard error. Spread and error: Spearman's rank "
         "correlation over the pixels, mean over signals.", *notes]
    )  # fmt: skip
    header = ("seen: how", "PSNR [dB]", "spread and error")
    return Table("Completed signals", header, tuple(rows), note)


def _samples(samples):
    """Samples over the nearest training signals, their distances above them."""
    rows = [
        ("sample", [sample for sample, *_ in samples]),
        ("nearest", [near for _, near, _ in samples]),
    ]
    return pictures_figure([f"{distance:.3f}" for *_, distance in samples], rows)


def _completed(pictures):
    rows = [
        (f"{i + 1}", [_byte(picture) for picture in signal.values()])
        for i, signal in enumerate(pictures)
    ]
    return pictures_figure(list(pictures[0]), rows)


def _byte(picture):
    clipped = np.clip(np.nan_to_num(np.asarray(picture)), 0, 1)
    grey = clipped[..., 0] if clipped.ndim == 3 and clipped.shape[-1] == 1 else clipped
    return (255 * grey).round().astype(np.uint8)


def _words(part):
    """What is seen: "2 views", "5 % of the pixels"."""
    kind, _, amount = part.partition(":")
    if kind == "views":
        return f"{amount} view{'s' * (amount != '1')}"
    return f"{100 * float(amount):g} % of the pixels"


def _verdict(record):
    if "samples" not in record["quality"]:
        return "Samples were drawn; the set has no held-out fields to compare them with."
    found = record["quality"]["samples"]
    told = (
        f"The nearest neighbour tells samples from held-out fields in {100 * found['one_nna']:.0f} "
        f"% of cases (50 % is best); the prior's novelty is {found['novelty']:.2f}."
    )
    for part, done in record["completion"].items():
        means = {how: np.mean(values) for how, values in done["psnr"].items()}
        ahead = means["prior, mean of samples"] - means["learned init alone"]
        where = "above" if ahead > 0 else "below"
        told += f" From {_words(part)} it is {abs(ahead):.1f} dB {where} the init alone."
    return told
