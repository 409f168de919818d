"""Bare weights of a field, with no optimizer state: written, read, held against a field, added."""

from metainr.weights.arithmetic import arithmetic, average
from metainr.weights.files import load_metadata, load_weights, save_weights
from metainr.weights.fingerprint import fingerprint
from metainr.weights.hidden import hidden_layers, with_layers
from metainr.weights.match import match_structure

__all__ = [
    "hidden_layers",
    "with_layers",
    "arithmetic",
    "average",
    "fingerprint",
    "load_metadata",
    "load_weights",
    "match_structure",
    "save_weights",
]
