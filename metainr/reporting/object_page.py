"""The page of one object that was fitted from a few photographs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from metainr.files import write_bytes
from metainr.reporting import results as reading
from metainr.reporting.embedding import picture_html
from metainr.reporting.frame import render_page, table_html
from metainr.reporting.media import MAX_BYTES, player_html
from metainr.reporting.tables import Table, marked

VIEWER = "viewer.html"
_TITLE = "One object from a few photographs"


def write_object_report(
    folder: Path, results: Mapping[str, Any], turntable: str, files: Sequence[str]
) -> Path:
    """Writes report.html into the folder of a fit, and returns its path.

    Args:
        folder: it holds comparison.png.
        results: what results.json holds; without settings if all photographs were fitted.
        turntable: name of the clip that goes round the object; a large one becomes a link.
        files: names of all that was written, for links.
    """
    picture = (folder / "comparison.png").read_bytes()
    is_measured = "settings" in results
    body = table_html(_table(results["settings"]["default"])) if is_measured else ""
    body += "<h2>Seen and unseen views</h2>\n"
    shown = picture_html(picture, "Views as they are, and as fits from each init show them")
    body += f'<div class="wide" tabindex="0" role="region" aria-label="Views">{shown}</div>\n'
    if (folder / turntable).stat().st_size <= MAX_BYTES:
        body += "<h2>From all sides</h2>\n"
        body += player_html(folder / turntable, "The object, turning")
    if VIEWER in files:
        body += f'<p><a href="{VIEWER}">Turn it yourself, in 3-D</a></p>\n'
    page = render_page(
        title=_TITLE,
        verdict=_verdict(results) if is_measured else _unmeasured(results),
        results=results,
        body=body,
        links={name: quote(name) for name in files},
    )
    return write_bytes(folder / "report.html", page.encode())


def _table(setting):
    measures = [reading.headline_measure(setting), *reading.other_measures(setting)]
    inits, step = reading.ordered_inits(setting), setting["steps"][-1]
    columns = [
        marked(m, [(reading.metric_at(setting, init, m.key, step)[0], None) for init in inits])
        for m in measures
    ]
    header = ("init", *(measure.label for measure in measures))
    note = f"After {step} steps, on the unseen views."
    return Table("Unseen views", header, tuple(zip(inits, *columns)), note)


def _verdict(results):
    setting = results["settings"]["default"]
    measure, step = reading.headline_measure(setting), setting["steps"][-1]
    found = {
        init: reading.metric_at(setting, init, measure.key, step)[0] for init in setting["inits"]
    }
    names = {"meta": "the learned init", "standard": "random weights"}
    reached = ", ".join(
        f"{measure.written(value)} {measure.unit} from {names[init]}"
        for init, value in found.items()
        if value is not None
    )
    return f"Unseen views after {_seen(results)}: {reached or 'no number is finite'}."


def _unmeasured(results):
    return f"Fitted to {_seen(results)}; none was left to measure the fit."


def _seen(results):
    count = results["config"]["seen_views"]
    return "1 photograph" if count == 1 else f"{count} photographs"
