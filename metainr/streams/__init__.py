"""Signals that arrive in parts, each seen once, all of which are to be kept."""

from metainr.streams.course import Course, best, forgetting, run_stream
from metainr.streams.descent import Steps, descend
from metainr.streams.division import Division, Frame
from metainr.streams.fit import fit_stream
from metainr.streams.information import point_information, weight_information
from metainr.streams.layout import Layout, boxes, cut, join, make_layout
from metainr.streams.methods import METHODS, Method, MethodOptions, learn_module, make_method
from metainr.streams.modular import modular
from metainr.streams.parts import parts_of
from metainr.streams.photographs import Blocks, along, around, blocks, in_blocks
from metainr.streams.sizes import num_params, width_for

__all__ = [
    "METHODS",
    "Blocks",
    "Course",
    "Division",
    "Frame",
    "Layout",
    "Method",
    "MethodOptions",
    "Steps",
    "along",
    "around",
    "best",
    "blocks",
    "boxes",
    "cut",
    "descend",
    "fit_stream",
    "forgetting",
    "in_blocks",
    "join",
    "learn_module",
    "make_layout",
    "make_method",
    "modular",
    "num_params",
    "parts_of",
    "point_information",
    "run_stream",
    "weight_information",
    "width_for",
]
