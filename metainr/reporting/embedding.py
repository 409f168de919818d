"""Pictures inside a page: sheets of frames as data URIs that together stay within a budget.

The frames of a fit are laid out row by row on one sheet, since no image format of the web goes on
for as many pixels in one direction as a thousand steps take side by side.
"""

import base64
import html
import io
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from metainr.reporting.samples import Samples, load_frames, load_picture

MAX_SIDE = 16000  # pixels of a sheet; WebP ends at 16383
EXACT_BYTES = 3_000_000  # up to here a page carries the pictures without loss
MAX_BYTES = 9_000_000  # encoded; as base64 in a page 12 MB, of 20 that it may have
QUALITIES = (90, 75, 50, 30)


class Pictures(NamedTuple):
    """What a page embeds.

    settings: {setting: {"steps", "columns", "signals": [{"label", "target", "frames": {init}}]}}
        with pictures as data URIs, `columns` being the frames in a row of a sheet;
    note: what was left out or lost to keep the page small, "" if nothing.
    """

    settings: dict[str, Any]
    note: str


def embed_pictures(samples: Mapping[str, Samples], max_bytes: int = MAX_BYTES) -> Pictures:
    """The samples of all settings, as good and as many as `max_bytes` of encoded pictures hold."""
    most = max((len(item.signals) for item in samples.values()), default=0)
    stored = sum(file.stat().st_size for item in samples.values() for file in _files(item, most))
    count, qualities = most, QUALITIES if stored > EXACT_BYTES else (None, *QUALITIES)
    while count:
        for quality in qualities:
            settings = _encode(samples, count, quality, max_bytes)
            if settings is not None:
                return Pictures(settings, _note(count, most, quality))
        # Halved, not lowered by one: every attempt costs seconds.
        count, qualities = count // 2, QUALITIES[-1:]
    if not most:
        return Pictures({}, "")
    return Pictures({}, "The pictures are too large for this page; they are in samples/.")


def picture_html(png: bytes, text: str) -> str:
    """A figure within the page; `text` says what it shows to those who do not see it."""
    return f'<img class="figure" alt="{html.escape(text)}" src="{_uri(png, None)}">'


def wide_picture_html(png: bytes, text: str) -> str:
    """As `picture_html`, of a figure that narrow screens scroll rather than shrink."""
    label = html.escape(text)
    shown = picture_html(png, text)
    return f'<div class="wide" tabindex="0" role="region" aria-label="{label}">{shown}</div>\n'


def _files(samples: Samples, count: int) -> Iterator[Any]:
    for signal in samples.signals[:count]:
        yield from (signal.target, *signal.frames.values())


def _note(count: int, most: int, quality: int | None) -> str:
    if quality is None:
        return ""
    kept = f"{count} of {most} signals are shown, and pictures" if count < most else "Pictures"
    lost = f"{kept} are compressed (quality {quality}) to keep this page small"
    return f"{lost}; the originals are in samples/."


def _encode(
    samples: Mapping[str, Samples], count: int, quality: int | None, budget: int
) -> dict[str, Any] | None:
    """The first `count` signals of each setting; None as soon as they exceed the budget."""
    settings: dict[str, Any] = {}
    for name, item in samples.items():
        width = load_picture(item.signals[0].target).shape[1] if item.signals else 1
        columns = min(len(item.steps), max(1, MAX_SIDE // width))
        entry = {"steps": item.steps, "columns": columns, "signals": []}
        for signal in item.signals[:count]:
            target = _picture(load_picture(signal.target), quality)
            frames = {
                init: _picture(_sheet(load_frames(file, len(item.steps)), columns), quality)
                for init, file in signal.frames.items()
            }
            budget -= len(target) + sum(map(len, frames.values()))
            if budget < 0:
                return None
            uris = {init: _uri(data, quality) for init, data in frames.items()}
            entry["signals"].append(
                {"label": signal.label, "target": _uri(target, quality), "frames": uris}
            )
        settings[name] = entry
    return settings


def _sheet(frames: np.ndarray, columns: int) -> np.ndarray:
    """Frames [S, H, W, C] row by row on one picture, the last row filled up with black."""
    empty = np.zeros((-len(frames) % columns, *frames.shape[1:]), frames.dtype)
    rows = np.concatenate([frames, empty]).reshape(-1, columns, *frames.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


def _picture(pixels: np.ndarray, quality: int | None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if quality is None:
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "WEBP", quality=quality, method=3)
    return buffer.getvalue()


def _uri(data: bytes, quality: int | None) -> str:
    kind = "png" if quality is None else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
