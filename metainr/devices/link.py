"""Sockets between the processes of a run: values they share, and news of those that end.

By itself jax.distributed ends a run of which a process is missing, late or killed only after a
while, by aborting it with pages of C++ logs. A closed socket is noticed at once and told in a line.
"""

import contextlib
import os
import queue
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any, NoReturn

from flax import serialization

VALUE, END, CLOSE = "value", "end", "close"
_SILENT_SECONDS = 30  # a machine that loses its power or network bids no farewell
_HEADER_BYTES = 8


class Link:
    """One process' sockets: the first process has one to every other, each of those one to it.

    A process that ends early, by `end` or because it is killed, ends all others with it.

    Args:
        index: number of this process.
        count: number of processes.
        sockets: connections by the number of the process at the other end.
    """

    def __init__(self, index: int, count: int, sockets: Mapping[int, socket.socket]):
        self.index, self.count = index, count
        self._sockets = dict(sorted(sockets.items()))
        self._values = {peer: queue.SimpleQueue() for peer in self._sockets}
        self._ending = threading.Lock()
        self._listeners = [
            threading.Thread(target=self._listen, args=(peer,), daemon=True)
            for peer in self._sockets
        ]
        for listener, connection in zip(self._listeners, self._sockets.values()):
            _keep_alive(connection)
            listener.start()

    def exchange(self, value: Any) -> list[Any]:
        """The values of all processes, in their order; all have to call this equally often.

        A value consists of dicts, lists, strings, numbers, None and arrays.
        """
        if self.index:
            self._tell_all(VALUE, value)
            return self._values[0].get()
        values = [value, *(received.get() for received in self._values.values())]
        self._tell_all(VALUE, values)
        return values

    def end(self, line: str, status: int) -> NoReturn:
        """Says a line in all processes and ends them, with that exit status."""
        self._ending.acquire()  # for good: whoever comes second waits for the exit
        self._tell_all(END, [line, status])
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os.write(2, ("\n" * os.isatty(2) + line + "\n").encode())  # below a progress bar
        os._exit(status)

    def close(self) -> None:
        """Parts from the others, which have to do so too: from then on everyone may end."""
        self._tell_all(CLOSE, None)
        for listener in self._listeners:
            listener.join()

    def _tell_all(self, kind, value):
        for connection in self._sockets.values():
            with contextlib.suppress(OSError):  # it is gone, which `_listen` notices
                send(connection, kind, value)

    def _listen(self, peer):
        try:
            kind, value = receive(self._sockets[peer])
            while kind == VALUE:
                self._values[peer].put(value)
                kind, value = receive(self._sockets[peer])
        except (OSError, ValueError):
            kind, value = (
                END,
                [
                    f"error: process {peer} of {self.count} is gone: it was killed or its machine "
                    "lost; what was saved is kept: start all processes again to go on",
                    1,
                ],
            )
        if kind == END:
            self.end(*value)


def send(connection: socket.socket, kind: str, value: Any) -> None:
    """Sends a message of some kind. Raises OSError if the other end is gone."""
    content = serialization.msgpack_serialize({"kind": kind, "value": value})
    connection.sendall(len(content).to_bytes(_HEADER_BYTES, "big") + content)


def receive(connection: socket.socket, most_bytes: int | None = None) -> tuple[str, Any]:
    """Waits for a message: (kind, value).

    Raises OSError if the other end is gone, and ValueError if it sends something else, or more.
    """
    size = int.from_bytes(_exactly(connection, _HEADER_BYTES), "big")
    if most_bytes is not None and size > most_bytes:
        raise ValueError(f"a message of {size} bytes")
    try:
        message = serialization.msgpack_restore(_exactly(connection, size))
        return message["kind"], message["value"]
    except (KeyError, TypeError) as error:
        raise ValueError("no message") from error


def _exactly(connection, size):
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            raise ConnectionResetError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _keep_alive(connection):
    """Lets a connection fail when the other end has been silent for too long."""
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {  # not every system knows them all
        "TCP_NODELAY": 1,
        "TCP_KEEPIDLE": _SILENT_SECONDS // 2,
        "TCP_KEEPINTVL": _SILENT_SECONDS // 6,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 1000 * _SILENT_SECONDS,
    }
    for name, value in options.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
