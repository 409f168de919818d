"""Symbols as bytes and back, by the range coder of `constriction` under a static model."""

import math
from typing import Any

import numpy as np

from metainr.codec.statistics import TOP_BITS
from metainr.errors import UserError

_WORD = 4  # bytes of the coder's words
_MOST_CUT = 8  # bytes: by its length a file bears out how many symbols it claims


def encoded(symbols: np.ndarray, frequencies: np.ndarray, bits: int) -> bytes:
    """Symbols [n] in [0, 2^bits) as bytes: within a few of their cross-entropy under the model.

    frequencies: of the top bits, see `metainr.codec.statistics.frequencies`; the others are spread
        evenly. Raises UserError if constriction is not installed.
    """
    coder = _constriction().stream.queue.RangeEncoder()
    low = max(bits - TOP_BITS, 0)
    symbols = np.ascontiguousarray(symbols, np.int32)
    coder.encode(symbols >> low, _model(frequencies))
    if low:
        coder.encode(symbols & (2**low - 1), _even(low))
    words = coder.get_compressed().astype(">u4").tobytes()
    return _shortest(words, symbols, frequencies, bits)


def decoded(data: bytes, count: int, frequencies: np.ndarray, bits: int) -> np.ndarray:
    """The `count` symbols, int32 [n], that `encoded` wrote; zeros that follow `data` may be cut.

    Raises ValueError for bytes that no symbols give, UserError if constriction is not installed.
    """
    words = np.frombuffer(data + bytes(-len(data) % _WORD), ">u4").astype(np.uint32)
    coder = _constriction().stream.queue.RangeDecoder(words)
    low = max(bits - TOP_BITS, 0)
    try:
        symbols = coder.decode(_model(frequencies), count)
        if low:
            symbols = (symbols << low) | coder.decode(_even(low), count)
    except AssertionError as error:  # how the library tells of it
        raise ValueError(str(error)) from error
    return symbols.astype(np.int32)


def most_symbols(num_bytes: int, frequencies: np.ndarray, bits: int) -> float:
    """More symbols than this cannot be in so many bytes, however likely they are."""
    least = -math.log2(frequencies.max() / frequencies.sum()) + max(bits - TOP_BITS, 0)
    return 8 * (num_bytes + _WORD + _MOST_CUT) / max(least, 2.0**-24)


def _shortest(words, symbols, frequencies, bits):
    """The fewest bytes that give the symbols: the coder ends on whole words, a file need not."""
    best = words[: max(len(words.rstrip(b"\0")), len(words) - _MOST_CUT)]
    for length in range(len(words) - 1, max(len(words) - _MOST_CUT, -1), -1):
        above = int.from_bytes(words[:length], "big") + 1
        for data in (words[:length], above.to_bytes(length + 1, "big")[1:]):
            if len(data) < len(best) and _gives(data, symbols, frequencies, bits):
                best = data
    return best


def _gives(data, symbols, frequencies, bits):
    try:
        return np.array_equal(decoded(data, len(symbols), frequencies, bits), symbols)
    except ValueError:
        return False


def _model(frequencies):
    # Quotients and their sums are those of IEEE arithmetic: the same everywhere.
    probabilities = frequencies / frequencies.sum()
    return _constriction().stream.model.Categorical(probabilities, perfect=False)


def _even(bits):
    return _constriction().stream.model.Uniform(2**bits)


def _constriction() -> Any:
    try:
        import constriction
    except ImportError as error:
        raise UserError(
            "writing and reading compressed fields needs constriction; run: pip install "
            "'metainr[codec]'"
        ) from error
    return constriction
