"""From the equations of a program of JAX to steps."""

from collections.abc import Sequence
from typing import Any

import jax.extend.core as jex
import numpy as np
from jax import lax

from metainr.errors import UserError
from metainr.export.program import ELEMENTWISE, Operand, Shape, Step, Value, is_static, kind_of
from metainr.export.structure import RULES

_CALLS = (
    *("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"),
    *("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr", "custom_vmap_call"),
)
_CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr", "call")  # where these keep what they call
_SAME = ("copy", "copy_p", "optimization_barrier", "reduce_precision", "stop_gradient")
_WRAPPING = ("add", "convert_element_type", "mul", "neg", "not", "sub")
_TYPES = {"f": np.float32, "i": np.int64, "b": np.bool_}
_NEUTRAL = {"add": 0, "mul": 1, "or": 0, "xor": 0}
_32_BITS = np.asarray(2**32 - 1)


class Tracer:
    """Goes through a program of JAX, what it calls included, and notes its steps."""

    def __init__(self):
        self.steps: list[Step] = []
        self._found: dict[Any, Value] = {}  # what was computed once, by its step

    def run(
        self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Operand]
    ) -> list[Operand]:
        """Notes the steps of a jaxpr, and returns its results."""
        known = dict(zip(jaxpr.constvars, map(np.asarray, constants)))
        known |= dict(zip(jaxpr.invars, arguments))

        def read(atom):
            return np.asarray(atom.val) if isinstance(atom, jex.Literal) else known[atom]

        for equation in jaxpr.eqns:
            results = self._equation(equation, [read(atom) for atom in equation.invars])
            known |= dict(zip(equation.outvars, results))
        return [read(atom) for atom in jaxpr.outvars]

    def full(self, operand: Operand, shape: Shape) -> Operand:
        """An operand with all axes and repetitions of a shape."""
        if isinstance(operand, np.ndarray) and is_static(shape):
            return np.broadcast_to(operand, shape)
        aligned = (1,) * (len(shape) - len(operand.shape)) + operand.shape
        if aligned != operand.shape:
            operand = self._reshaped(operand, aligned)
        return operand if aligned == shape else self._add("expand", (operand,), {}, shape)

    def _equation(self, equation, operands):
        name, params = equation.primitive.name, equation.params
        if name == "platform_index":
            return [np.asarray(0)]  # what it chooses from says more
        if name == "cond":
            return self._branch(params, operands)
        if name in _CALLS:
            called = next(params[key] for key in _CALLED if key in params)
            jaxpr = getattr(called, "jaxpr", called)
            return self.run(jaxpr, getattr(called, "consts", ()), operands)
        if name in _SAME:
            return operands
        shapes = [atom.aval.shape for atom in equation.invars]
        results = [var.aval for var in equation.outvars]
        if all(isinstance(x, np.ndarray) for x in operands):
            if name in ELEMENTWISE:
                return _computed(equation, np.broadcast_arrays(*operands))
            if all(is_static(result.shape) for result in results):
                whole = [np.broadcast_to(x, shape) for x, shape in zip(operands, shapes)]
                return _computed(equation, whole)
        if name == "broadcast_in_dim":
            return [self._broadcast(operands[0], shapes[0], params)]
        if name in ("reshape", "squeeze", "expand_dims"):
            return [self._reshape(operands[0], shapes[0], results[0].shape)]
        if name in ELEMENTWISE:
            return [self._elementwise(name, operands, params, results[0])]
        if name == "polynomial":  # from JAX 0.12 on
            return [self._polynomial(operands, results[0])]
        operands = tuple(self.full(x, shape) for x, shape in zip(operands, shapes))
        steps = RULES[name](operands, params) if name in RULES else []
        if not steps:
            raise _refused(name)
        return [
            self._add(*step, result.shape, result.dtype) for step, result in zip(steps, results)
        ]

    def _branch(self, params, operands):
        """That of platforms without one of their own, or the one that a constant chooses."""
        platforms = params.get("branches_platforms")
        if platforms is not None and None in platforms:
            chosen = platforms.index(None)
        elif isinstance(operands[0], np.ndarray):
            chosen = int(operands[0])
        else:
            raise _refused("cond")
        branch = params["branches"][chosen]
        return self.run(branch.jaxpr, branch.consts, operands[1:])

    def _elementwise(self, name, operands, params, result):
        if name == "select_n" and len(operands) != 3:
            raise _refused("select_n of several cases")
        if name == "round" and params["rounding_method"] != lax.RoundingMethod.TO_NEAREST_EVEN:
            raise _refused("round away from zero")
        if name == "clamp":
            low, x, high = operands
            larger = self._elementwise("max", [x, low], {}, result)
            return self._elementwise("min", [larger, high], {}, result)
        if name in _NEUTRAL and any(_is(x, _NEUTRAL[name]) for x in operands):
            return operands[1] if _is(operands[0], _NEUTRAL[name]) else operands[0]
        if name == "convert_element_type" and _kind(operands[0]) == kind_of(result.dtype):
            value = operands[0]
        else:
            shape = _joint_shape([x.shape for x in operands])
            value = self._add(name, tuple(operands), params, shape, result.dtype)
        if result.dtype == np.uint32 and name in _WRAPPING:  # sums come round at 2³²
            value = self._add("and", (value, _32_BITS), {}, value.shape, np.int64)
        return value

    def _polynomial(self, operands, result):
        """a_0 + x (a_1 + x (… + x a_n))."""
        x, *coefficients = operands
        value = coefficients.pop()
        for coefficient in reversed(coefficients):
            value = self._elementwise("mul", [value, x], {}, result)
            value = self._elementwise("add", [value, coefficient], {}, result)
        return value

    def _broadcast(self, operand, shape, params):
        sizes = (1,) * (len(shape) - len(operand.shape)) + operand.shape
        target = [1] * len(params["shape"])
        for axis, size in zip(params["broadcast_dimensions"], sizes):
            target[axis] = size
        return self._reshaped(operand, _stripped(target))

    def _reshape(self, operand, before, after):
        if _stripped(before) != _stripped(operand.shape):
            operand = self.full(operand, before)
        return self._reshaped(operand, _stripped(after))

    def _reshaped(self, operand, shape):
        if shape == operand.shape:
            return operand
        if isinstance(operand, np.ndarray):
            return operand.reshape(shape)
        return self._add("reshape", (operand,), {}, shape)

    def _add(self, op, operands, params, shape, dtype=None):
        operands = tuple(x if isinstance(x, Value) else _plain(x) for x in operands)
        kind = _kind(operands[0]) if dtype is None else _known_kind(dtype)
        key = op, tuple(map(_identity, operands)), str(params), tuple(shape), kind
        if key not in self._found:
            result = Value(f"h{len(self.steps)}", tuple(shape), kind)
            self.steps.append(Step(op, operands, params, result))
            self._found[key] = result
        return self._found[key]


def _computed(equation, operands):
    """The results of a primitive of constants."""
    found = equation.primitive.bind(*operands, **equation.params)
    return [np.asarray(x) for x in (found if equation.primitive.multiple_results else [found])]


def _kind(operand):
    return operand.kind if isinstance(operand, Value) else kind_of(operand.dtype)


def _plain(constant):
    return constant.astype(_TYPES[_known_kind(constant.dtype)])


def _known_kind(dtype):
    if kind := kind_of(dtype):
        return kind
    raise _refused(f"numbers of type {dtype}")


def _identity(operand):
    """What tells operands apart."""
    if isinstance(operand, Value):
        return operand.name
    return operand.dtype, operand.shape, operand.tobytes()


def _is(operand, number):
    return isinstance(operand, np.ndarray) and operand.size == 1 and operand.item() == number


def _joint_shape(shapes):
    rank = max(map(len, shapes))
    columns = zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes))
    return tuple(next((size for size in column if size != 1), 1) for column in columns)


def _stripped(shape):
    """A shape without leading ones."""
    ones = next((i for i, size in enumerate(shape) if size != 1), len(shape))
    return tuple(shape[ones:])


def _refused(what):
    return UserError(
        f"the field computes {what}, which exports cannot say in other languages; export another "
        "field, or sample this one on a grid instead"
    )
