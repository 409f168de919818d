"""A program as lines of PyTorch that a person may read."""

from typing import NamedTuple

import numpy as np

from metainr.export.program import Operand, Program, Step, Value

_COMPARISON, _BITS, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(7)
_INFIX = {
    "add": ("+", _SUM), "sub": ("-", _SUM), "mul": ("*", _PRODUCT), "matmul": ("@", _PRODUCT),
    "pow": ("**", _POWER), "and": ("&", _BITS), "or": ("|", _BITS), "xor": ("^", _BITS),
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
_REDUCTIONS = {"reduce_sum": "sum", "reduce_max": "amax", "reduce_min": "amin"}
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
        found = self.known[value]
        if not found.text.isidentifier() and not found.text.startswith("self."):
            name = f"h{len(self.lines) + 1}"
            self.lines.append(f"{name} = {found.text}")
            self.known[value] = _Text(name)

    def read(self, operand: Operand) -> _Text:
        """The expression of what a step reads."""
        if isinstance(operand, Value):
            return self.known[operand.name]
        if operand.size == 1:
            return _literal(operand.reshape(()))
        return _Text(f"self.{self._constant(operand)}")

    def tensor(self, operand: Operand) -> str:
        """The expression of a tensor, where PyTorch takes no number."""
        text = self.read(operand).text
        return f"torch.tensor({text})" if is_number(operand) else text

    def _constant(self, array):
        for name, other in self.constants.items():
            if other.dtype == array.dtype and np.array_equal(other, array):
                return name
        name = f"constant_{len(self.constants)}"
        self.constants[name] = array
        return name


def _expression(step, writer):
    op, operands = step.op, step.operands
    if op in _INFIX:
        return _infix(*_INFIX[op], *map(writer.read, operands))
    if op in _FUNCTIONS:
        return _Text(f"{_FUNCTIONS[op]}({writer.tensor(operands[0])})")
    return _OTHERS[op](step, writer)


def _infix(sign, level, left, right):
    # Sums and products of equal strength are read from the left, powers from neither side.
    first = level if level in (_SUM, _PRODUCT) else level + 1
    return _Text(f"{left.within(first)} {sign} {right.within(level + 1)}", level)


def _divide(step, writer):
    if step.result.kind == "i":
        x, y = writer.tensor(step.operands[0]), writer.read(step.operands[1]).text
        return _Text(f'torch.div({x}, {y}, rounding_mode="trunc")')
    return _infix("/", _PRODUCT, *map(writer.read, step.operands))


def _extreme(name, bound):
    """The larger or smaller of two, of which PyTorch takes a number in another way."""

    def expression(step, writer):
        return _Text(_bounded(*step.operands, name, bound, writer))

    return expression


def _bounded(x, y, name, bound, writer):
    if is_number(x):
        x, y = y, x
    if is_number(y):
        return f"torch.clamp({writer.tensor(x)}, {bound}={writer.read(y).text})"
    return f"torch.{name}({writer.read(x).text}, {writer.read(y).text})"


def _clamp(step, writer):
    low, x, high = step.operands
    if is_number(low) and is_number(high):
        bounds = f"{writer.read(low).text}, {writer.read(high).text}"
        return _Text(f"torch.clamp({writer.tensor(x)}, {bounds})")
    low, x, high = map(writer.tensor, step.operands)
    return _Text(f"torch.minimum(torch.maximum({x}, {low}), {high})")


def _select(step, writer):
    which, otherwise, then = (writer.read(x).text for x in step.operands)
    return _Text(f"torch.where({which}, {then}, {otherwise})")


def _reshape(step, writer):
    sizes = ", ".join(str(x) if isinstance(x, int) else "-1" for x in step.result.shape)
    return _method(step, writer, f"reshape({sizes})")


def _expand(step, writer):
    sizes = [str(x) if isinstance(x, int) else "coords.shape[0]" for x in step.result.shape]
    return _Text(f"{writer.tensor(step.operands[0])}.expand({', '.join(sizes)})")


def _method(step, writer, call, dot="."):
    return _Text(f"{writer.read(step.operands[0]).within(_ATOM)}{dot}{call}")


def _slice(step, writer):
    parts = step.params["parts"]
    texts = [_range(parts.get(axis, ())) for axis in range(max(parts, default=0) + 1)]
    return _method(step, writer, f"[{', '.join(texts)}]", dot="")


def _range(part):
    """A place, or start, stop and stride, as they are written; the whole axis if that is empty."""
    if isinstance(part, int):
        return str(part)
    return ":".join(map(str, part)).removesuffix(":1") or ":"


def _gather(step, writer):
    table, places = (writer.read(x).text for x in step.operands)
    axes = range(step.operands[1].shape[-1])
    return _Text(f"{table}[{', '.join(f'{places}[..., {axis}]' for axis in axes)}]")


def _einsum(step, writer):
    operands = ", ".join(writer.tensor(x) for x in step.operands)
    return _Text(f'torch.einsum("{step.params["equation"]}", {operands})')


def _concatenate(step, writer):
    parts = ", ".join(writer.read(x).text for x in step.operands)
    return _Text(f"torch.cat([{parts}], dim={step.params['axis']})")


def _reduce(step, writer):
    axes = tuple(step.params["axes"])
    return _method(step, writer, f"{_REDUCTIONS[step.op]}(dim={axes})")


def _product(step, writer):
    axes = sorted(step.params["axes"], reverse=True)
    return _method(step, writer, ".".join(f"prod(dim={axis})" for axis in axes))


_OTHERS = {
    "div": _divide,
    "max": _extreme("maximum", "min"),
    "min": _extreme("minimum", "max"),
    "clamp": _clamp,
    "rem": lambda step, writer: _Text(
        f"torch.fmod({writer.tensor(step.operands[0])}, {writer.read(step.operands[1]).text})"
    ),
    "neg": lambda step, writer: _Text(f"-{writer.read(step.operands[0]).within(_SIGN)}", _SIGN),
    "not": lambda step, writer: _Text(f"~{writer.read(step.operands[0]).within(_SIGN)}", _SIGN),
    "integer_pow": lambda step, writer: _infix(
        "**", _POWER, writer.read(step.operands[0]), _Text(str(step.params["y"]))
    ),
    "select_n": _select,
    "convert_element_type": lambda step, writer: _method(
        step, writer, f"to({_TYPES[step.result.kind]})"
    ),
    "reshape": _reshape,
    "expand": _expand,
    "transpose": lambda step, writer: _method(
        step, writer, f"permute({', '.join(map(str, step.params['axes']))})"
    ),
    "slice": _slice,
    "gather": _gather,
    "einsum": _einsum,
    "concatenate": _concatenate,
    "reduce_prod": _product,
    **dict.fromkeys(_REDUCTIONS, _reduce),
}


def is_number(operand: Operand) -> bool:
    """Whether an operand is one number that is known."""
    return isinstance(operand, np.ndarray) and operand.size == 1


def _literal(constant):
    if constant.dtype != np.float32:
        return _Text(str(constant.item()), _SIGN if constant.item() < 0 else _ATOM)
    if not np.isfinite(constant):
        return _Text(f'float("{constant}")')
    return _Text(repr(float(str(constant))), _SIGN if constant < 0 else _ATOM)
