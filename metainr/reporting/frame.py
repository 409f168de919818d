"""The frame of every page: title, verdict, body, files, what was run; nothing is loaded.

It is made of web/page.html and web/page.css.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from metainr.reporting import tables
from metainr.reporting.glossary import MEANINGS


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
    links: Mapping[str, str] = {},
) -> str:
    """The HTML of a report: `body` and `style` are markup, every other text is escaped.

    results: anything with the keys "config", "environment", "seconds", "command" of results.json.
    links: addresses by what is found there.
    """
    return Template(web_text("page.html")).substitute(
        title=html.escape(title),
        verdict=html.escape(verdict).replace(" dB", "&nbsp;dB"),
        facts=html.escape(_facts(results)),
        css=web_text("page.css") + style,
        body=body,
        links=_links(links),
        command=_command(results.get("command")),
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
        ink = f' style="--init: var(--init-{inits.index(name)})"' if name in inits else ""
        about = f' title="{MEANINGS[name]}"' if name in inits and name in MEANINGS else ""
        first = f'<th scope="row"{ink}{about}>{html.escape(name)}</th>'
        rows.append(f"<tr>{first}{''.join(f'<td>{cell_html(cell)}</td>' for cell in cells)}</tr>")
    heading = html.escape(table.title)
    return (
        f"<h2>{heading}</h2>\n"
        f'<div class="scroll numbers" tabindex="0" role="region" aria-label="{heading}"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table></div>\n"
        f'<p class="note">{html.escape(table.note)}</p>'
    )


def cell_html(cell: str) -> str:
    """A cell of a table with what qualifies its number, "± 0.3" or "(3 missed)", in small type."""
    text = tables.plain(cell)
    number, *rest = html.escape(text).replace(" ± ", "\n± ").replace(" (", "\n(").split("\n")
    number = number if text == cell else f"<b>{number}</b>"
    return " ".join([number, *(f"<small>{part}</small>" for part in rest)])


def web_text(name: str) -> str:
    """The text of a file that pages are made of."""
    return (resources.files("metainr.reporting") / "web" / name).read_text(encoding="utf-8")


def duration(seconds: float) -> str:
    """Seconds as people say them: "42 s", "12 min", "3.4 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _facts(results: Mapping[str, Any]) -> str:
    seconds = (results.get("seconds") or {}).get("total")
    device = (results.get("environment") or {}).get("device")
    parts = [
        tables.counted(results["num_test"], "test signal") if "num_test" in results else "",
        tables.counted(results["train_steps"], "outer step") if results.get("train_steps") else "",
        "" if seconds is None else duration(seconds),
        "" if device is None else str(device),
    ]
    return " · ".join(part for part in parts if part)


def _links(links: Mapping[str, str]) -> str:
    entries = "".join(
        f'<li><a href="{html.escape(address)}"{_saved_as(name, address)}>{name}</a></li>'
        for name, address in ((html.escape(name), address) for name, address in links.items())
    )
    return entries and f'<nav aria-label="Files"><ul class="files">{entries}</ul></nav>'


def _saved_as(name: str, address: str) -> str:
    return f' download="{name}"' if address.startswith("data:") else ""


def _command(command: str | None) -> str:
    if not command:
        return ""
    return f'<h3>To repeat it</h3>\n<pre class="command" tabindex="0">{html.escape(command)}</pre>'


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
