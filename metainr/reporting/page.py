"""report.html: one file that shows what an experiment found, with nothing to load from elsewhere.

The page is made of page.html (the frame of every report), fits.html (its body), page.css and
page.js; styles, script, numbers and pictures are all written into it.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from metainr.reporting import results as reading
from metainr.reporting import tables
from metainr.reporting.colours import colours
from metainr.reporting.embedding import Pictures, embed_pictures
from metainr.reporting.fit_links import fit_links
from metainr.reporting.samples import read_samples


def write_report(workdir: str | Path) -> Path:
    """Writes report.html from a workdir's results.json and samples/, and returns its path.

    Raises:
        UserError: the results or samples are missing or damaged.
    """
    workdir = Path(workdir)
    results = reading.read_results(workdir)
    samples = read_samples(workdir / "samples")
    shown = {name: samples[name] for name in results["settings"] if name in samples}
    pictures = embed_pictures(shown)
    page = render_page(
        title=title(results),
        verdict=tables.verdict(results),
        results=results,
        body=_body(results, pictures) + fit_links(workdir),
        style=_init_style(reading.all_inits(results)),
        data=_data(results, pictures),
        script=_text("page.js"),
    )
    return reading.write_bytes(workdir / "report.html", page.encode())


def title(results: Mapping[str, Any]) -> str:
    """What was done on which signals: "Image regression: sdf"."""
    experiment = str(results.get("experiment", "experiment")).replace("_", " ").capitalize()
    experiment = re.sub(r"^Ct\b", "CT", experiment)
    signal = results.get("signal")
    return f"{experiment}: {signal}" if signal else experiment


def render_page(
    *,
    title: str,
    verdict: str,
    results: Mapping[str, Any],
    body: str,
    style: str = "",
    data: Any = None,
    script: str = "",
) -> str:
    """The HTML of a report: `body` and `style` are markup, every other text is escaped.

    results: anything with the keys "config", "environment", "seconds" of results.json.
    """
    return Template(_text("page.html")).substitute(
        title=html.escape(title),
        verdict=html.escape(verdict).replace(" dB", "&nbsp;dB"),
        facts=html.escape(_facts(results)),
        css=_text("page.css") + style,
        body=body,
        run=_run(results),
        # In a script element only "<" can end it; inside JSON it may be spelled as an escape.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
        script=script,
    )


def table_html(table: tables.Table, inits: Sequence[str] = ()) -> str:
    """A table as HTML; the first cell of a row is its heading, in the colour of its init."""
    names = [html.escape(cell).replace("step ", "step&nbsp;") for cell in table.header]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    for name, *cells in table.rows:
        kind = ' class="meta"' if name == "meta" else ""
        ink = f' style="--init: var(--init-{inits.index(name)})"' if name in inits else ""
        first = f'<th scope="row"{ink}>{html.escape(name)}</th>'
        rest = "".join(f"<td>{cell_html(cell)}</td>" for cell in cells)
        rows.append(f"<tr{kind}>{first}{rest}</tr>")
    return (
        f'<h2>{html.escape(table.title)}</h2>\n<div class="scroll numbers" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table></div>\n"
        f'<p class="note">{html.escape(table.note)}</p>'
    )


def cell_html(cell: str) -> str:
    """A cell of a table with what qualifies its number, "± 0.3" or "(3 missed)", in small type."""
    text = tables.plain(cell)
    number, *rest = html.escape(text).replace(" ± ", "\n± ").replace(" (", "\n(").split("\n")
    number = number if text == cell else f"<b>{number}</b>"
    return " ".join([number, *(f"<small>{part}</small>" for part in rest)])


def _body(results: Mapping[str, Any], pictures: Pictures) -> str:
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
    return Template(_text("fits.html")).substitute(
        selector_hidden="hidden" if len(names) == 1 else "",
        options="".join(options),
        tables="\n".join(init_tables),
        pictures_note=html.escape(" ".join(filter(None, [*captions, pictures.note]))),
        more="\n".join(f"<section>{table_html(table, inits)}</section>" for table in more),
    )


def _data(results: Mapping[str, Any], pictures: Pictures) -> dict[str, Any]:
    settings = {}
    for name, data in results["settings"].items():
        empty = {"mean": [None] * len(data["steps"]), "stderr": [None] * len(data["steps"])}
        curves, measure = {}, reading.headline_measure(data)
        for init in reading.ordered_inits(data):
            values = data["inits"][init]["metrics"].get(measure.key, empty)
            curves[init] = {"mean": values["mean"], "stderr": values["stderr"]}
        step = reading.match_step(data)
        shown = {"label": measure.label, "decimals": measure.decimals}
        settings[name] = {"steps": data["steps"], "match_step": step, "inits": curves, **shown}
    return {
        "opening": reading.headline(results),
        "inits": reading.all_inits(results),
        "settings": settings,
        "pictures": pictures.settings,
    }


def _init_style(inits: list[str]) -> str:
    """The inits' colours as variables of CSS, in the light and in the dark."""
    palette = list(colours(inits).values())
    light, dark = (
        "".join(f"--init-{i}: {pair[shade]};" for i, pair in enumerate(palette)) for shade in (0, 1)
    )
    return f":root {{{light}}}\n@media (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"


def _facts(results: Mapping[str, Any]) -> str:
    seconds = (results.get("seconds") or {}).get("total")
    device = (results.get("environment") or {}).get("device")
    parts = [
        f"{results['num_test']} test signals" if "num_test" in results else "",
        f"{results['train_steps']} outer steps" if results.get("train_steps") else "",
        "" if seconds is None else duration(seconds),
        "" if device is None else str(device),
    ]
    return " · ".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """Seconds as people say them: "42 s", "12 min", "3.4 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _run(results: Mapping[str, Any]) -> str:
    seconds = {k: duration(v) for k, v in (results.get("seconds") or {}).items() if v is not None}
    parts = {"Time": seconds, "Environment": results.get("environment") or {}}
    trained = results.get("instruments") or {}
    parts["Training"] = {name: told["summary"] for name, told in trained.items()}
    parts["Flags"] = results.get("config") or {}
    rows = [_pairs(name, pairs) for name, pairs in parts.items() if pairs]
    return "\n".join(rows) or "<p>The results do not say.</p>"


def _pairs(name: str, pairs: Mapping[str, Any]) -> str:
    cells = [(html.escape(str(key)), html.escape(_value(value))) for key, value in pairs.items()]
    rows = "".join(f'<tr><th scope="row">{key}</th><td>{value}</td></tr>' for key, value in cells)
    return f"<h3>{html.escape(name)}</h3>\n<table>{rows}</table>"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(name: str) -> str:
    return (resources.files("metainr.reporting") / name).read_text(encoding="utf-8")
