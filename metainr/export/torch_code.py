"""A program as lines of PyTorch that a person may read."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from metainr.export.program import Operand, Program, Step, Value

_COMPARISON, _BITS, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(7)
_INFIX = {
    "add": ("+", _SUM), "sub": ("-", _SUM), "mul": ("*", _PRODUCT), "div": ("/", _PRODUCT),
    "matmul": ("@", _PRODUCT), "pow": ("**", _POWER),
    "and": ("&", _BITS), "or": ("|", _BITS), "xor": ("^", _BITS),
    "eq": ("==", _COMPARISON), "ne": ("!=", _COMPARISON), "lt": ("<", _COMPARISON),
    "le": ("<=", _COMPARISON), "gt": (">", _COMPARISON), "ge": (">=", _COMPARISON),
}  # fmt: skip
_FUNCTIONS = {
    **{
        name: f"torch.{name}"
        for name in (
            *("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh"),
            *("erf", "exp", "exp2", "expm1", "floor", "log", "log1p", "round", "rsqrt", "sign"),
            *("sin", "sinh", "sqrt", "square", "tan", "tanh"),
        )
    },
    "logistic": "torch.sigmoid",
}
_PREFIX = {"neg": "-", "not": "~"}
_BOUNDS = {"max": ("maximum", "min"), "min": ("minimum", "max")}
_TYPES = {"f": "torch.float32", "i": "torch.int64", "b": "torch.bool"}
_LONGEST = 80  # characters of an expression that is made of others
_OF_NAMES = ("matmul", "einsum", "gather", "concatenate", "slice")  # read names alone


class _Text(NamedTuple):
    """An expression, and how strongly it holds together."""

    text: str
    level: int = _ATOM

    def within(self, level: int) -> str:
        """The expression as an operand of something that strong."""
        return self.text if self.level >= level else f"({self.text})"


def torch_lines(program: Program) -> tuple[list[str], dict[str, np.ndarray]]:
    """The body of `forward(self, coords)`, and the constants that it reads as `self.constant_0` ….

    The field's weights are `self.NAME`.
    """
    writer = _Writer(program)
    for step in program.steps:
        writer.write(step)
    return [*writer.lines, f"return {writer.read(program.result).text}"], writer.constants


class _Writer:
    """Expressions by value: those that are read once stand where they are read."""

    def __init__(self, program: Program):
        self.lines: list[str] = []
        self.constants: dict[str, np.ndarray] = {}
        self.known = {name: _Text(f"self.{name}") for name in program.weights}
        self.known[program.coords.name] = _Text("coords")
        self.readers: dict[str, list[str]] = {}
        for step in program.steps:
            for operand in step.operands:
                if isinstance(operand, Value):
                    self.readers.setdefault(operand.name, []).append(step.op)

    def write(self, step: Step) -> None:
        """Notes the expression of a step, on a line of its own if that reads better."""
        found = _expression(step, self)
        for operand in step.operands:
            if len(found.text) > _LONGEST and isinstance(operand, Value):
                self._name(operand.name)
                found = _expression(step, self)
        self.known[step.result.name] = found
        readers = self.readers.get(step.result.name, ["return"])
        if len(readers) > 1 or readers[0] in _OF_NAMES:
            self._name(step.result.name)

    def _name(self, value):
        """Gives an expression its own line, and a name to read it by."""
        found = self.known[value].text
        if not re.fullmatch(r"(self\.)?\w+", found):
            name = f"h{len(self.lines) + 1}"
            self.lines.append(f"{name} = {found}")
            self.known[value] = _Text(name)

    def read(self, operand: Operand) -> _Text:
        """The expression of what a step reads."""
        if isinstance(operand, Value):
            return self.known[operand.name]
        if _is_number(operand):
            return _literal(operand)
        return _Text(f"self.{self._constant(operand)}")

    def text(self, operand: Operand) -> str:
        """The same as an argument of a function, which takes no number where it reads a tensor."""
        found = self.read(operand).text
        return f"torch.tensor({found})" if _is_number(operand) else found

    def _constant(self, array):
        for name, other in self.constants.items():
            if other.dtype == array.dtype and np.array_equal(other, array):
                return name
        name = f"constant_{len(self.constants)}"
        self.constants[name] = array
        return name


def _expression(step, writer):
    op, operands, params = step.op, step.operands, step.params
    if op in _INFIX and (op, step.result.kind) != ("div", "i"):
        return _infix(*_INFIX[op], *map(writer.read, operands))
    if op in _PREFIX:
        return _Text(f"{_PREFIX[op]}{writer.read(operands[0]).within(_SIGN)}", _SIGN)
    if op == "integer_pow":
        return _infix("**", _POWER, writer.read(operands[0]), _Text(str(params["y"])))
    if op in _METHODS:
        return _Text(writer.read(operands[0]).within(_ATOM) + _METHODS[op](step))
    if op in _BOUNDS:
        return _Text(_bounded(operands, *_BOUNDS[op], writer))
    if op == "select_n":
        which, otherwise, then = (writer.read(x).text for x in operands)
        return _Text(f"torch.where({which}, {then}, {otherwise})")
    texts = [writer.text(x) for x in operands]
    return _Text(_CALLS[op](step, *texts) if op in _CALLS else f"{_FUNCTIONS[op]}({texts[0]})")


def _infix(sign, level, left, right):
    # Sums and products of equal strength are read from the left, all others from neither side.
    first = level if level in (_SUM, _PRODUCT) else level + 1
    return _Text(f"{left.within(first)} {sign} {right.within(level + 1)}", level)


def _bounded(operands, name, bound, writer):
    """The larger or smaller of two, of which PyTorch takes a number in another way."""
    x, y = operands[::-1] if _is_number(operands[0]) else operands
    if _is_number(y):
        return f"torch.clamp({writer.read(x).text}, {bound}={writer.read(y).text})"
    return f"torch.{name}({writer.read(x).text}, {writer.read(y).text})"


def _reshape(step):
    sizes = (str(size) if isinstance(size, int) else "-1" for size in step.result.shape)
    return f".reshape({', '.join(sizes)})"


def _expand(step, x):
    sizes = (str(x) if isinstance(x, int) else "coords.shape[0]" for x in step.result.shape)
    return f"{x}.expand({', '.join(sizes)})"


def _slice(step):
    parts = step.params["parts"]
    return f"[{', '.join(_range(parts.get(i, ())) for i in range(max(parts, default=0) + 1))}]"


def _range(part):
    """A place, or start, stop and stride, as they are written; the whole axis if that is empty."""
    if isinstance(part, int):
        return str(part)
    return ":".join(map(str, part[:2] if part[2:] == (1,) else part)) or ":"


def _gather(step, table, places):
    axes = range(step.operands[1].shape[-1])
    return f"{table}[{', '.join(f'{places}[..., {axis}]' for axis in axes)}]"


def _product(step):
    return "".join(f".prod(dim={axis})" for axis in sorted(step.params["axes"], reverse=True))


def _reduction(name):
    return lambda step: f".{name}(dim={tuple(step.params['axes'])})"


_METHODS = {
    "convert_element_type": lambda step: f".to({_TYPES[step.result.kind]})",
    "reshape": _reshape,
    "transpose": lambda step: f".permute({', '.join(map(str, step.params['axes']))})",
    "slice": _slice,
    "reduce_sum": _reduction("sum"),
    "reduce_max": _reduction("amax"),
    "reduce_min": _reduction("amin"),
    "reduce_prod": _product,
}
"""What follows the operand."""

_CALLS: dict[str, Callable[..., str]] = {
    "div": lambda step, x, y: f'torch.div({x}, {y}, rounding_mode="trunc")',
    "rem": lambda step, x, y: f"torch.fmod({x}, {y})",
    "expand": _expand,
    "gather": _gather,
    "einsum": lambda step, x, y: f'torch.einsum("{step.params["equation"]}", {x}, {y})',
    "concatenate": lambda step, *x: f"torch.cat([{', '.join(x)}], dim={step.params['axis']})",
}


def _is_number(operand):
    return isinstance(operand, np.ndarray) and not operand.ndim


def _literal(constant):
    if not np.isfinite(constant):
        return _Text(f'float("{constant}")')
    text = repr(float(str(constant))) if constant.dtype == np.float32 else str(constant.item())
    return _Text(text, _SIGN if text.startswith("-") else _ATOM)
