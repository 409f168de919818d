"""Sounds and clips inside a page, as far as they are small, and links to other files of fits."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from metainr.reporting.samples import Samples

MAX_BYTES = 2_500_000  # in one page; as base64 3.3 MB
_PLAYED = {
    ".wav": ("audio", "audio/wav"),
    ".mp4": ("video", "video/mp4"),
    ".gif": ("img", "image/gif"),
}


class Media(NamedTuple):
    """What a page offers of the files of fits.

    settings: {setting: [{init: [{"name", "href", "tag", "src"}]} per signal]}, the last two, an
        element of HTML and its content as a data URI, for what is played within the page;
    note: what is played, and what was left out to keep the page small; "" if nothing is.
    """

    settings: dict[str, list[dict[str, list[dict[str, str]]]]]
    note: str


def embed_media(samples: Mapping[str, Samples], max_bytes: int = MAX_BYTES) -> Media:
    """The files of all settings' signals: the smallest played in the page, the others as links."""
    played = [path for path in _files(samples) if path.suffix in _PLAYED]
    played.sort(key=lambda path: path.stat().st_size)  # stable: of equal ones the first signals'
    kept, room = set(), max_bytes
    for path in played:
        room -= path.stat().st_size
        if room < 0:
            break
        kept.add(path)
    settings = {
        name: [
            {init: [_entry(path, path in kept) for path in paths] for init, paths in files.items()}
            for files in (signal.files for signal in item.signals)
        ]
        for name, item in samples.items()
    }
    return Media(settings, _note(len(played), len(played) - len(kept)))


def _note(played, left):
    if not played:
        return ""
    told = "What plays are the fits after the last step."
    if not left:
        return told
    return (
        f"{told} To keep this page small, {left} of the {played} sounds and clips are links: they "
        "open where it lies beside fits/."
    )


def media_uri(path: Path) -> str:
    """The content of a sound, clip or animated picture as a data URI."""
    kind = _PLAYED[path.suffix][1]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def is_played(path: Path) -> bool:
    """Whether a page plays a file of that name."""
    return path.suffix in _PLAYED


def player_html(path: Path, text: str) -> str:
    """A clip within a page that runs by itself, or a sound to play; `text` says what it shows."""
    shown = f'class="figure player" src="{media_uri(path)}"'
    if _PLAYED[path.suffix][0] == "img":
        return f'<img {shown} alt="{text}">'
    if _PLAYED[path.suffix][0] == "audio":
        return f'<audio src="{media_uri(path)}" aria-label="{text}" controls></audio>'
    return f'<video {shown} aria-label="{text}" controls autoplay loop muted playsinline></video>'


def _files(samples: Mapping[str, Samples]) -> Iterator[Path]:
    for item in samples.values():
        for signal in item.signals:
            for paths in signal.files.values():
                yield from paths


def _entry(path: Path, is_played: bool) -> dict[str, Any]:
    # Fits lie in fits/SETTING/, beside the page.
    entry = {"name": path.name, "href": quote("/".join(path.parts[-3:]))}
    if is_played:
        entry |= {"tag": _PLAYED[path.suffix][0], "src": media_uri(path)}
    return entry
