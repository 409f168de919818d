"""Fields for other programs: PyTorch and ONNX."""

from collections.abc import Callable
from pathlib import Path

from metainr.export.notes import Notes, convention_of
from metainr.export.onnx_model import write_onnx
from metainr.export.program import Program
from metainr.export.torch_module import write_torch
from metainr.export.tracing import trace

FORMATS: dict[str, Callable[[Program, Notes, Path], list[Path]]] = {
    "torch": write_torch,
    "onnx": write_onnx,
}
"""What writes a program, with its notes, into a folder, and returns the files."""

__all__ = ["FORMATS", "Notes", "Program", "convention_of", "trace"]
