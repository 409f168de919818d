"""A program as an ONNX model: coords [n, d] -> values [n, c] in float32."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from metainr.errors import Option, UserError
from metainr.export.notes import Notes
from metainr.export.program import Operand, Program, Step, Value
from metainr.files import write_bytes

_MODEL = "field.onnx"
_OPSET, _IR_VERSION = 18, 9  # of 2023: the first to have bitwise operators of integers
_MOST_BYTES = 2_000_000_000
_PLAIN = {
    **{
        name: name.capitalize()
        for name in (
            *("abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atanh", "ceil", "cos"),
            *("cosh", "div", "erf", "exp", "floor", "log", "max", "min", "mul", "neg", "pow"),
            *("round", "sign", "sin", "sinh", "sqrt", "sub", "tan", "tanh"),
        )
    },
    "logistic": "Sigmoid", "eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater",
    "ge": "GreaterOrEqual", "matmul": "MatMul",
}  # fmt: skip
_TYPES = {"f": np.float32, "i": np.int64, "b": np.bool_}


def write_onnx(program: Program, notes: Notes, folder: Path) -> list[Path]:
    """Writes field.onnx. Raises OSError if that is not possible.

    Raises UserError without the package onnx, or for more than the 2 GiB that its files hold.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise UserError(
            "exports to ONNX need the package onnx; run: pip install 'metainr[export]'"
        ) from error
    if (size := sum(array.nbytes for array in program.weights.values())) > _MOST_BYTES:
        raise UserError(
            f"a model of ONNX has no room for {size} bytes of weights; give ", Option("to", "torch")
        )
    graph = _Graph(program)
    for step in program.steps:
        graph.write(step)
    graph.node("Identity", graph.read(program.result), name="values")
    in_dim, channels = program.coords.shape[1], program.result.shape[1]
    model = helper.make_model(
        helper.make_graph(
            # Named, since onnxruntime 1.20 gives the parts of unnamed nodes one name.
            [helper.make_node(*node, node[2][0], **more) for node, more in graph.nodes],
            "field",
            [helper.make_tensor_value_info("coords", TensorProto.FLOAT, ["n", in_dim])],
            [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["n", channels])],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.arrays.items()],
        ),
        doc_string=notes.about,
        producer_name="metainr",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, notes.as_texts())
    onnx.checker.check_model(model)
    return [write_bytes(folder / _MODEL, model.SerializeToString())]


class _Graph:
    """Nodes ((type, inputs, outputs), attributes) in the order in which they run, and arrays."""

    def __init__(self, program: Program):
        self.arrays = dict(program.weights)
        self.nodes: list[tuple[tuple[str, list[str], list[str]], dict[str, Any]]] = []
        self.known: dict[str, str] = {}

    def write(self, step: Step) -> None:
        """Adds the nodes of a step."""
        operands = [self.read(operand) for operand in step.operands]
        if step.op in _PLAIN:
            found = self.node(_PLAIN[step.op], *operands)
        else:
            found = _OTHERS[step.op](self, step, *operands)
        self.known[step.result.name] = found

    def read(self, operand: Operand) -> str:
        """The name of what a step reads."""
        if isinstance(operand, Value):
            return self.known.get(operand.name, operand.name)
        return self.array(operand)

    def array(self, values: Any, kind: str | None = None) -> str:
        """The name of a constant array."""
        name = f"constant_{len(self.arrays)}"
        self.arrays[name] = np.array(values, None if kind is None else _TYPES[kind])
        return name

    def node(self, op: str, *operands: str, name: str = "", **attributes: Any) -> str:
        """Adds a node; the name of its result."""
        name = name or f"h{len(self.nodes)}"
        self.nodes.append(((op, list(operands), [name]), attributes))
        return name


def _of_type(op: str, other: str) -> Callable[..., str]:
    """The operator of booleans, or the other one of integers."""

    def node(graph, step, *operands):
        return graph.node(op if step.result.kind == "b" else other, *operands)

    return node


def _select(graph, step, which, otherwise, then):
    return graph.node("Where", which, then, otherwise)


def _convert(graph, step, x):
    from onnx import helper

    to = helper.np_dtype_to_tensor_dtype(np.dtype(_TYPES[step.result.kind]))
    return graph.node("Cast", x, to=to)


def _reshape(graph, step, x):
    shape = [size if isinstance(size, int) else -1 for size in step.result.shape]
    return graph.node("Reshape", x, graph.array(shape, "i"))


def _expand(graph, step, x):
    points = graph.node("Shape", "coords", start=0, end=1)
    sizes = [
        graph.array([size], "i") if isinstance(size, int) else points for size in step.result.shape
    ]
    return graph.node("Expand", x, graph.node("Concat", *sizes, axis=0))


def _slice(graph, step, x):
    ranges = {axis: part for axis, part in step.params["parts"].items() if isinstance(part, tuple)}
    if ranges:
        starts, stops, strides = zip(*ranges.values())
        parts = (starts, stops, list(ranges), strides)
        x = graph.node("Slice", x, *(graph.array(part, "i") for part in parts))
    for axis in sorted(step.params["parts"].keys() - ranges.keys(), reverse=True):
        place = graph.array(step.params["parts"][axis], "i")
        x = graph.node("Gather", x, place, axis=axis)
    return x


def _reduce(op: str) -> Callable[..., str]:
    def node(graph, step, x):
        return graph.node(op, x, graph.array(step.params["axes"], "i"), keepdims=0)

    return node


_OTHERS: dict[str, Callable[..., str]] = {
    "and": _of_type("And", "BitwiseAnd"),
    "or": _of_type("Or", "BitwiseOr"),
    "xor": _of_type("Xor", "BitwiseXor"),
    "not": _of_type("Not", "BitwiseNot"),
    "ne": lambda graph, step, x, y: graph.node("Not", graph.node("Equal", x, y)),
    "rem": lambda graph, step, x, y: graph.node("Mod", x, y, fmod=1),
    "square": lambda graph, step, x: graph.node("Mul", x, x),
    "integer_pow": lambda graph, step, x: graph.node(
        "Pow", x, graph.array(step.params["y"], step.result.kind)
    ),
    "rsqrt": lambda graph, step, x: graph.node("Reciprocal", graph.node("Sqrt", x)),
    "exp2": lambda graph, step, x: graph.node("Pow", graph.array(2, "f"), x),
    "log1p": lambda graph, step, x: graph.node("Log", graph.node("Add", graph.array(1, "f"), x)),
    "expm1": lambda graph, step, x: graph.node("Sub", graph.node("Exp", x), graph.array(1, "f")),
    "select_n": _select,
    "convert_element_type": _convert,
    "reshape": _reshape,
    "expand": _expand,
    "slice": _slice,
    "transpose": lambda graph, step, x: graph.node("Transpose", x, perm=list(step.params["axes"])),
    "concatenate": lambda graph, step, *x: graph.node("Concat", *x, axis=step.params["axis"]),
    "gather": lambda graph, step, table, places: graph.node("GatherND", table, places),
    "einsum": lambda graph, step, *x: graph.node("Einsum", *x, equation=step.params["equation"]),
    "reduce_sum": _reduce("ReduceSum"),
    "reduce_prod": _reduce("ReduceProd"),
    "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"),
}
