"""A contact sheet: fits of many pictures beside what they aim at, the worst first."""

import base64
import html
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from PIL import Image

from metainr.errors import printable
from metainr.reporting.measures import Measure

MOST = 120  # pictures of one page
_SIDE = 240  # pixels of the longer side of what is shown of a picture
_QUALITY = 80
_THREADS = 4


class Fitted(NamedTuple):
    """A picture and its fit: name, what was measured (infinite: perfect), files below a folder."""

    name: str
    value: float
    target: str
    fit: str


def worst_first(items: Sequence[Fitted], measure: Measure) -> list[Fitted]:
    """The pictures by what was measured of their fits, and then by name."""
    sign = -1 if measure.lower_is_better else 1
    return sorted(items, key=lambda item: (sign * item.value, item.name))


def contact_sheet(folder: Path, items: Sequence[Fitted], measure: Measure) -> str:
    """Markup that shows the first pictures of a list, small, each a link to its files."""
    shown = items[:MOST]
    with ThreadPoolExecutor(_THREADS) as pool:
        small = list(pool.map(_thumbnail, [folder / f for i in shown for f in (i.target, i.fit)]))
    figures = map(_figure, shown, small[::2], small[1::2], [measure] * len(shown))
    left = len(items) - len(shown)
    note = f"The other {left} are in results.csv." if left else ""
    return (
        f'<h2>{measure.label} of each picture, the worst first</h2>\n<p class="note">Target left, '
        f'fit right; each opens its file. {note}</p>\n<div class="sheet">{"".join(figures)}</div>'
    )


def _figure(item, target, fit, measure):
    name = html.escape(printable(item.name))
    pair = "".join(
        f'<a href="{quote(os.fsencode(file))}"><img alt="{name}, {what}" src="{source}"></a>'
        for what, file, source in (("target", item.target, target), ("fit", item.fit, fit))
    )
    value = measure.written(item.value) if np.isfinite(item.value) else "exact"
    return (
        f'<figure><div class="pair">{pair}</div>'
        f"<figcaption><b>{value}</b> {name}</figcaption></figure>"
    )


def _thumbnail(path):
    """A picture as a data URI, no larger than it is shown."""
    with Image.open(path) as image:
        if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to 8
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        image.thumbnail((_SIDE, _SIDE))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
