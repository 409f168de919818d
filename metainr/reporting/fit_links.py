"""Links of a report to the pages that show its fits in 3-D."""

import html
from pathlib import Path
from urllib.parse import quote


def fit_links(workdir: str | Path) -> str:
    """HTML that links to every page in `fits/` of a workdir; "" if there is none."""
    workdir = Path(workdir)
    pages = sorted(workdir.glob("fits/*/*.html"))
    if not pages:
        return ""
    items = "".join(
        f'<li><a href="{quote(page.relative_to(workdir).as_posix())}">'
        f"{html.escape(_name(page, workdir))}</a></li>"
        for page in pages
    )
    return f'<section><h2>In 3-D</h2>\n<ul class="links">{items}</ul></section>'


def _name(page, workdir):
    """The fit's name, behind that of its setting where there are several."""
    settings = list(workdir.glob("fits/*/"))
    return page.stem if len(settings) == 1 else f"{page.parent.name}: {page.stem}"
