"""Classes of sources of waves."""

from metainr.signals.waves.sources import Source, SourceOptions, single, sources

__all__ = [
    "Source",
    "SourceOptions",
    "single",
    "sources",
]
