"""The processes of a run: joined by jax.distributed, of one mind, and ended together."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from metainr.devices.link import Link
from metainr.devices.meeting import Place, host_of, listen, meet, reach
from metainr.devices.relay import relay
from metainr.errors import UserError

_T = TypeVar("_T")
_JOIN_SECONDS = 50
_NEWS_SECONDS = 3  # in which the news of another process' end arrive

_link: Link | None = None  # to the other processes: as of jax.distributed there is one, or none


def join(place: Place, settings: Mapping[str, Any]) -> None:
    """Joins this process to the others of a run; to be called before any device is asked for.

    Args:
        place: of this process.
        settings: what all processes have to agree on, by the names of flags.

    Raises UserError if the others do not come within a minute, or have other settings.
    """
    global _link
    if place.count == 1:
        return
    _link = meet(place, _JOIN_SECONDS)
    _check_flags(_link.exchange(dict(settings)))
    port = from_first(_free_port)
    service = f"127.0.0.1:{port}"
    if place.index:
        host = host_of(place.address)
        reach(host, port, _JOIN_SECONDS).close()  # else jax.distributed would abort the process
        service = relay(host, port)
    if {"http_proxy", "https_proxy", "grpc_proxy"} & os.environ.keys():
        os.environ["no_grpc_proxy"] = "127.0.0.1"  # no proxy knows the way there
    handler = signal.getsignal(signal.SIGTERM)
    jax.distributed.initialize(
        service, place.count, place.index, initialization_timeout=_JOIN_SECONDS
    )
    signal.signal(signal.SIGTERM, handler)  # jax.distributed has set its own
    # Now that all are here: devices and connections are waited for half a minute, no longer.
    _check_devices(_link.exchange(jax.local_device_count()))
    multihost_utils.process_allgather(np.zeros(()))


def is_first() -> bool:
    """Whether this process is the one that reads and writes the run's files."""
    link = _joined()
    return link is None or link.index == 0


def from_first(function: Callable[[], _T]) -> _T:
    """What a function returns in the first process: elsewhere it is not called.

    It consists of dicts, lists, strings, numbers, None and arrays. All processes have to call this
    alike, and where the function fails all end.
    """
    link = _joined()
    if link is None:
        return function()
    return link.exchange(None if link.index else function())[0]


def from_any(value: _T | None) -> _T | None:
    """The value of the first process that has one, None if none does; all have to ask alike."""
    link = _joined()
    if link is None:
        return value
    return next((found for found in link.exchange(value) if found is not None), None)


def wait_for_all() -> None:
    """Waits until all processes have come here.

    To be called ahead of the first step of a program that connects devices: of processes that come
    to it half a minute apart, the first to come fails.
    """
    from_any(None)


def only_first(make: Callable[[], _T]) -> _T:
    """What `make` returns in the first process; elsewhere an object whose methods do nothing."""
    return make() if is_first() else _Nothing()  # type: ignore[return-value]


def end(line: str, status: int) -> None:
    """Says a line in all processes and ends them, with that exit status; alone, returns."""
    if _link is not None:
        _link.end(line, status)


def fail(error: Exception) -> None:
    """Ends all processes over an unforeseen error; alone, returns."""
    if _link is None:
        return
    # What comes of the end of another process, such as a broken connection, is told by its news.
    time.sleep(_NEWS_SECONDS)
    traceback.print_exception(error)
    first_line = str(error).strip().partition("\n")[0]
    where = f"process {_link.index} of {_link.count}"
    _link.end(f"error: {where} failed: {type(error).__name__}: {first_line}", 1)


def leave() -> None:
    """Waits for all processes to come to their end, and parts from them."""
    global _link
    if _link is not None:
        _link.exchange(None)
        jax.distributed.shutdown()
        _link.close()
        _link = None


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def _joined():
    if _link is None and jax.distributed.is_initialized() and jax.process_count() > 1:
        raise UserError("metainr.devices.join is to join the processes, not jax.distributed alone")
    return _link


def _free_port():
    with listen(0) as server:
        return server.getsockname()[1]


def _check_flags(settings):
    """Raises UserError unless all processes have the same."""
    names = sorted(set().union(*settings))
    told = {name: _differing([values.get(name) for values in settings]) for name in names}
    differing = [f"--{name} is {values}" for name, values in told.items() if values]
    if differing:
        raise UserError(
            f"the processes were started with different flags: {'; '.join(differing)}; give all "
            "the same"
        )


def _check_devices(counts):
    """Raises UserError unless all processes have equally many."""
    if differing := _differing(counts):
        raise UserError(
            f"the processes have different numbers of devices: {differing}; let all see equally "
            "many, of GPUs by CUDA_VISIBLE_DEVICES"
        )


def _differing(values):
    """The processes' values, and which ones have them; None if all have the same."""
    processes = {}
    for index, value in enumerate(values):
        processes.setdefault(str(value), []).append(str(index))
    told = [f"{value} (process {', '.join(where)})" for value, where in processes.items()]
    return " and ".join(told) if len(told) > 1 else None
