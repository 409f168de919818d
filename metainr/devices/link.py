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
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from flax import serialization

VALUE, ALIVE, END, CLOSE = "value", "alive", "end", "close"
_ALIVE_SECONDS = 10
_SILENT_SECONDS = 60  # below those after which jax.distributed aborts
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
        self._sending, self._ending = threading.Lock(), threading.Lock()
        self._listeners = [
            threading.Thread(target=self._listen, args=(peer,), daemon=True)
            for peer in self._sockets
        ]
        for connection in self._sockets.values():
            connection.settimeout(_SILENT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for thread in (*self._listeners, threading.Thread(target=self._beat, daemon=True)):
            thread.start()

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
        content = _encoded(kind, value)
        with self._sending:
            for connection in self._sockets.values():
                with contextlib.suppress(OSError):  # it is gone, which `_listen` notices
                    connection.sendall(content)

    def _beat(self):
        while True:
            self._tell_all(ALIVE, None)
            time.sleep(_ALIVE_SECONDS)

    def _listen(self, peer):
        kind = None
        while kind not in (END, CLOSE):
            try:
                kind, value = receive(self._sockets[peer])
            except TimeoutError:
                kind, value = self._lost(peer, f"has been silent for {_SILENT_SECONDS} seconds")
            except (OSError, ValueError):
                kind, value = self._lost(peer, "is gone: it was killed or its machine lost")
            if kind == VALUE:
                self._values[peer].put(value)
        if kind == END:
            self.end(*value)

    def _lost(self, peer, how):
        kept = "what was saved is kept: start all processes again to go on"
        return END, [f"error: process {peer} of {self.count} {how}; {kept}", 1]


def send(connection: socket.socket, kind: str, value: Any) -> None:
    """Sends a message of some kind. Raises OSError if the other end is gone."""
    connection.sendall(_encoded(kind, value))


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


def _encoded(kind, value):
    content = serialization.msgpack_serialize({"kind": kind, "value": value})
    return len(content).to_bytes(_HEADER_BYTES, "big") + content


def _exactly(connection, size):
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            raise ConnectionResetError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
