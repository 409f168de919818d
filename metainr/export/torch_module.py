"""A field for PyTorch: weights, and a module of Python that needs nothing of this library."""

import textwrap
from pathlib import Path

import safetensors.numpy

from metainr.errors import printable
from metainr.export.notes import Notes
from metainr.export.program import Program
from metainr.export.torch_code import torch_lines
from metainr.files import write_bytes

_NAME = "field"
_TEMPLATE = '''"""{about}

{notes}
"""

from pathlib import Path

import torch
from safetensors.torch import load_file

WEIGHTS = Path(__file__).with_suffix(".safetensors")


class Field(torch.nn.Module):
    """values [n, {channels}] = field(coords [n, {in_dim}]); its parameters can be trained on."""

    def __init__(self, weights=WEIGHTS):
        super().__init__()
        for name, tensor in load_file(weights).items():
            if name.startswith("constant_"):
                self.register_buffer(name, tensor)
            else:
                self.register_parameter(name, torch.nn.Parameter(tensor))

    def forward(self, coords):
{body}


if __name__ == "__main__":
    # Values on a grid of {side} points along each axis of coords.
    axes = [torch.linspace({low}, {high}, {side} + 1)[:-1]] * {in_dim}
    coords = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)  # [{sides}, {in_dim}]
    with torch.no_grad():
        values = Field()(coords.reshape(-1, {in_dim})).reshape(*coords.shape[:-1], {channels})
    print(values.shape, "from", values.min().item(), "to", values.max().item())
'''
_SIDES = {1: 1024, 2: 256, 3: 32}


def write_torch(program: Program, notes: Notes, folder: Path) -> list[Path]:
    """Writes field.py and field.safetensors. Raises OSError if that is not possible."""
    lines, constants = torch_lines(program)
    in_dim, channels = program.coords.shape[1], program.result.shape[1]
    side = _SIDES.get(in_dim, 4)
    module = _TEMPLATE.format(
        about=notes.about,
        notes="\n".join(_wrapped(name, text) for name, text in notes.details.items()),
        body=textwrap.indent("\n".join(lines), 8 * " "),
        in_dim=in_dim,
        channels=channels,
        side=side,
        sides=", ".join([str(side)] * in_dim),
        low=notes.low,
        high=notes.high,
    )
    content = safetensors.numpy.save({**program.weights, **constants}, notes.as_texts())
    return [
        write_bytes(folder / f"{_NAME}.safetensors", content),
        write_bytes(folder / f"{_NAME}.py", module.encode()),
    ]


def _wrapped(name, text):
    """A note, indented where it goes on; whatever a file recorded, it ends no docstring."""
    plain = printable(text).replace("\\", "/").replace('"', "'")
    return textwrap.fill(f"{name}: {plain}", 96, subsequent_indent=4 * " ")
