"""What the processes of a run share, by JAX's collectives, and how they end."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import numpy as np
from flax import serialization
from jax.experimental import multihost_utils

from metainr.errors import Option, UserError, first_line

_T = TypeVar("_T")
_PARTING_SECONDS = 3


def joined() -> bool:
    """Whether this process is one of those that `join` joined and that have not left."""
    return jax.distributed.is_initialized()


def is_first() -> bool:
    """Whether this process is the one that reads and writes the run's files."""
    return jax.process_index() == 0


def from_first(function: Callable[[], _T]) -> _T:
    """What a function returns in the first process: elsewhere it is not called.

    It consists of dicts, lists, strings, numbers, None and arrays. All processes have to call this
    alike. Where the function fails, the others raise a UserError that says so.
    """
    if jax.process_count() == 1:
        return function()
    if not is_first():
        told: dict[str, Any] = _told()
        if "error" in told:
            raise UserError(*(x if isinstance(x, str) else Option(*x) for x in told["error"]))
        return told["value"]
    try:
        value = function()
    except Exception as error:
        _broadcast(serialization.msgpack_serialize({"error": _parts(error)}))
        raise
    _broadcast(serialization.msgpack_serialize({"value": value}))
    return value


def _parts(error):
    """Those of a user's mistake, each option by its name and its value's text."""
    if not isinstance(error, UserError):
        return [first_line(error)]
    return [
        [x.name, None if x.value is None else str(x.value)] if isinstance(x, Option) else str(x)
        for x in error.parts
    ]


def _told() -> Any:
    return serialization.msgpack_restore(_broadcast(b""))


def from_any(number: int | None) -> int | None:
    """The number, 0 or more, of the first process that has one; all have to ask alike."""
    numbers = multihost_utils.process_allgather(np.int32(-1 if number is None else number))
    return next((int(found) for found in np.ravel(numbers) if found >= 0), None)


def wait_for_all() -> None:
    """Waits until all processes have come here.

    To be called ahead of the first step of a program that connects devices: of processes that come
    to it half a minute apart, the first to come fails.
    """
    from_any(None)


def only_first(make: Callable[[], _T]) -> _T:
    """What `make` returns in the first process; elsewhere an object whose methods do nothing."""
    return make() if is_first() else cast(_T, _Nothing())


def end(status: int) -> None:
    """Ends this process at once, and thereby the others it is joined with; alone, returns.

    A usual exit would wait for the others, which wait for this one.
    """
    if not joined():
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        if is_first():  # without it jaxlib aborts the others, which may have something to say
            time.sleep(_PARTING_SECONDS)
    finally:
        os._exit(status)


def leave() -> None:
    """Waits for all processes to come to their end, and parts from them."""
    if joined():
        wait_for_all()
        jax.distributed.shutdown()


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def _broadcast(content):
    """The first process' bytes, in all."""
    size = int(multihost_utils.broadcast_one_to_all(np.uint32(len(content))))
    sent = np.frombuffer(content, np.uint8) if is_first() else np.zeros(size, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(sent)).tobytes()
