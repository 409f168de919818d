"""What the inits are that a comparison names."""

import html
from collections.abc import Iterable

MEANINGS = {
    "standard": "random weights, as such networks usually start",
    "mean": "fitted to the mean of the training signals",
    "matched": "fitted to what the learned init shows: the same picture by other weights",
    "shuffled": "the learned init's weights, shuffled within each matrix and bias",
    "meta": "what was learned on the training signals",
}


def glossary_html(names: Iterable[str]) -> str:
    """A list to open of those that are known, "" if none is."""
    entries = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{MEANINGS[name]}</dd>"
        for name in names
        if name in MEANINGS
    )
    if not entries:
        return ""
    summary = "<summary>What the inits are</summary>"
    return f'<details class="glossary">{summary}<dl>{entries}</dl></details>'
