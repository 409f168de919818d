"""Classes of clips: moving shapes, and a user's own."""

from metainr.signals.video.clips import clip, clips
from metainr.signals.video.moving import moving
from metainr.signals.video.options import ClipOptions

__all__ = [
    "ClipOptions",
    "clip",
    "clips",
    "moving",
]
