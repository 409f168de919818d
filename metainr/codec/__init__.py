"""Signals as small files: what makes a shared network a signal's own, quantised and coded."""

from metainr.codec.base import Base, is_base, load_base, save_base
from metainr.codec.codec import Codec, make_codec
from metainr.codec.making import make, with_statistics

__all__ = [
    "Base",
    "Codec",
    "is_base",
    "load_base",
    "make",
    "make_codec",
    "save_base",
    "with_statistics",
]
