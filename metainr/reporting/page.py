"""report.html: one file that shows what an experiment found, with nothing to load from elsewhere.

Its body is web/fits.html; styles, script, numbers, pictures, sounds and clips are all written into
it. Without JavaScript the tables stay, and figures stand where the chart and the pictures were.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from metainr.reporting import results as reading
from metainr.reporting import tables
from metainr.reporting.colours import colours
from metainr.reporting.data_files import means_csv
from metainr.reporting.embedding import Pictures, embed_pictures, picture_html
from metainr.reporting.fit_links import fit_links
from metainr.reporting.frame import render_page, table_html, title, web_text
from metainr.reporting.glossary import glossary_html
from metainr.reporting.learning import Course, courses
from metainr.reporting.media import embed_media
from metainr.reporting.samples import read_samples
from metainr.reporting.turning import turns

_BESIDE = ("results.csv", "tables.md", "results.json", "figures", "samples", "fits")
_SCRIPTS = ("chart.js", "pictures.js", "enlarged.js", "page.js")
_MAX_STILL_BYTES = 1_000_000  # of figures for browsers without JavaScript
_MAX_CSV_BYTES = 300_000  # carried by the page itself


def write_report(workdir: str | Path, figures: Sequence[Path] = ()) -> Path:
    """Writes report.html from a workdir's results.json, samples/ and metrics/; returns its path.

    figures: what the page shows where there is no JavaScript.

    Raises:
        UserError: the results or samples are missing or damaged.
    """
    workdir = Path(workdir)
    results = reading.read_results(workdir)
    samples = read_samples(workdir / "samples")
    shown = {name: samples[name] for name in results["settings"] if name in samples}
    pictures, learned = embed_pictures(shown), courses(workdir, results)
    counts = {name: len(entry["signals"]) for name, entry in pictures.settings.items()}
    media = embed_media(
        {n: shown[n]._replace(signals=shown[n].signals[:count]) for n, count in counts.items()}
    )
    names = _names(results, learned)
    page = render_page(
        title=title(results),
        verdict=tables.verdict(results),
        results=results,
        body=_body(results, pictures, media.note, learned, figures) + fit_links(workdir),
        style=_ink_style(names),
        data={
            "opening": reading.headline(results),
            "names": names,
            "settings": {
                name: _setting(data, counts.get(name, 0))
                for name, data in results["settings"].items()
            },
            "pictures": pictures.settings,
            "files": media.settings,
            "courses": [course._asdict() for course in learned],
        },
        script="\n".join(map(web_text, _SCRIPTS)),
        links=_links(workdir, means_csv(results)),
    )
    return reading.write_bytes(workdir / "report.html", page.encode())


def _names(results: Mapping[str, Any], learned: Sequence[Course]) -> list[str]:
    """All that has a colour of its own."""
    curves = (name for course in learned for name in course.curves)
    return list(dict.fromkeys([*reading.all_inits(results), *curves]))


def _links(workdir: Path, data: str) -> dict[str, str]:
    """The means, which the page carries while they are short, and what lies beside it."""
    there = [name for name in _BESIDE if (workdir / name).exists()]
    links = {name + "/" * (workdir / name).is_dir(): quote(name) for name in there}
    if len(data) <= _MAX_CSV_BYTES:
        links["results.csv"] = f"data:text/csv;charset=utf-8,{quote(data)}"
    return links


def _body(
    results: Mapping[str, Any],
    pictures: Pictures,
    media_note: str,
    learned: Sequence[Course],
    figures: Sequence[Path],
) -> str:
    names, opening = list(results["settings"]), reading.headline(results)
    inits = reading.all_inits(results)
    options = [f'<option value="{html.escape(n)}">{html.escape(n)}</option>' for n in names]
    init_tables = [
        f'<section data-setting="{html.escape(name)}"{"" if name == opening else " hidden"}>'
        f"{table_html(tables.init_table(results, name), inits)}</section>"
        for name in names
    ]
    captions = dict.fromkeys(setting.get("caption") for setting in results["settings"].values())
    more = [table for table in (tables.seed_table(results),) if table]
    more += tables.family_tables(results)
    return Template(web_text("fits.html")).substitute(
        selector_hidden="hidden" if len(names) == 1 else "",
        options="".join(options),
        tables="\n".join(init_tables),
        glossary=glossary_html(inits),
        still=_still(figures),
        pictures_note=html.escape(" ".join(filter(None, [*captions, pictures.note, media_note]))),
        learning=_learning(learned),
        more="\n".join(f"<section>{table_html(table, inits)}</section>" for table in more),
    )


def _still(figures: Sequence[Path]) -> str:
    """The first figures, as many as are small."""
    shown, room = [], _MAX_STILL_BYTES
    for path in figures:
        room -= path.stat().st_size
        if room >= 0:
            shown.append(picture_html(path.read_bytes(), path.stem.replace("_", " ")))
    return "\n".join(shown)


def _learning(learned: Sequence[Course]) -> str:
    charts = "".join(
        f'<figure class="chart"><svg data-course="{i}" role="img" '
        f'aria-label="{html.escape(course.label)} while learning"></svg></figure>'
        for i, course in enumerate(learned)
    )
    return charts and f'<section class="learning"><h2>While learning</h2>\n{charts}</section>'


def _setting(data: Mapping[str, Any], pictured: int) -> dict[str, Any]:
    """What the script shows of a setting, single numbers being those of so many first signals."""
    steps, measure = data["steps"], reading.headline_measure(data)
    empty = {"mean": [None] * len(steps), "stderr": [None] * len(steps)}
    turned, curves = turns(data), {}
    for init in reading.ordered_inits(data):
        values = data["inits"][init]["metrics"].get(measure.key, empty)
        curves[init] = {
            "mean": values["mean"],
            "stderr": values["stderr"],
            "signals": values.get("per_signal", [])[:pictured],
            "turn": turned[init].step if init in turned else None,
        }
    return {
        "steps": steps,
        "match_step": reading.match_step(data),
        "inits": curves,
        "label": measure.label,
        "decimals": measure.decimals,
    }


def _ink_style(names: list[str]) -> str:
    """The names' colours as variables of CSS, in the light and in the dark."""
    palette = list(colours(names).values())
    light, dark = (
        "".join(f"--init-{i}: {pair[shade]};" for i, pair in enumerate(palette)) for shade in (0, 1)
    )
    return f":root {{{light}}}\n@media (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"
