"""How the processes of a run find one another, and what is said if some do not."""

import contextlib
import socket
import time
from typing import NamedTuple

from metainr.devices import link
from metainr.errors import UserError

_HELLO, _WELCOME = "hello", "welcome"
_HELLO_SECONDS, _HELLO_BYTES = 5, 1000
_RETRY_SECONDS = 0.2


class Place(NamedTuple):
    """A process' place in a run.

    address: "HOST:PORT" at which process 0 is reached.
    index, count: number of this process, and of all processes.
    """

    address: str
    index: int
    count: int


def meet(place: Place, seconds: float) -> link.Link:
    """Connects the processes, waiting for all of them.

    Raises UserError if they do not come in time, naming who is missing or cannot be reached, or if
    they disagree on who they are.
    """
    if place.index:
        return link.Link(place.index, place.count, {0: _announce(place, seconds)})
    sockets = {}
    with listen(port_of(place.address)) as server:
        try:
            until = time.monotonic() + seconds
            while len(sockets) < place.count - 1:
                _admit(_accept(server, until, place, sockets), place, sockets)
        except UserError as error:
            for connection in sockets.values():
                with contextlib.suppress(OSError):
                    link.send(connection, link.END, [f"error: {error}", 1])
            raise
    return link.Link(0, place.count, sockets)


def listen(port: int) -> socket.socket:
    """A socket that others can connect to; port 0: any. Raises UserError if it is not free."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise UserError(
            f"process 0 cannot listen on port {port} of its machine ({error.strerror}); give all "
            "processes another port in --coordinator_address"
        ) from error


def reach(host: str, port: int, seconds: float) -> socket.socket:
    """Connects to process 0, which may be late. Raises UserError if it is not there in time."""
    until = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection((host, port), timeout=_HELLO_SECONDS)
        except OSError as error:
            if time.monotonic() > until:
                raise UserError(
                    f"process 0 could not be reached at {host}:{port} for {seconds:.0f} seconds "
                    f"({error.strerror or error}); is it running, on the host that "
                    "--coordinator_address names, and may others connect to that port?"
                ) from error
        time.sleep(_RETRY_SECONDS)


def host_of(address: str) -> str:
    """The host in "HOST:PORT"."""
    return address.rpartition(":")[0].strip("[]")


def port_of(address: str) -> int:
    """The port in "HOST:PORT". Raises UserError if that is not what the address is."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"--coordinator_address={address} is not HOST:PORT; give e.g. node0:9876")
    return int(port)


def _announce(place, seconds):
    """Connects to process 0 and says which one this is."""
    connection = reach(host_of(place.address), port_of(place.address), seconds)
    try:
        link.send(connection, _HELLO, [place.index, place.count])
        if link.receive(connection, _HELLO_BYTES)[0] == _WELCOME:
            return connection
    except (OSError, ValueError):
        pass
    raise UserError(
        f"what answers at {place.address} is not process 0 of this run; give all processes the "
        "--coordinator_address of its machine and a free port there"
    )


def _accept(server, until, place, sockets):
    server.settimeout(max(until - time.monotonic(), 0.001))
    try:
        return server.accept()[0]
    except TimeoutError:
        missing = [str(i) for i in range(1, place.count) if i not in sockets]
        raise UserError(
            f"of {place.count} processes these did not come to {place.address} in time: "
            f"{', '.join(missing)}; start all within a minute, with the same --coordinator_address"
        ) from None


def _admit(connection, place, sockets):
    """Adds a connection to the sockets, unless it is a stranger's."""
    connection.settimeout(_HELLO_SECONDS)
    try:
        kind, (index, count) = link.receive(connection, _HELLO_BYTES)
        if kind != _HELLO:
            raise ValueError(kind)
        link.send(connection, _WELCOME, None)
    except (OSError, ValueError, TypeError):
        connection.close()
        return
    problem = _problem(index, count, place, sockets)
    if problem:
        link.send(connection, link.END, [f"error: {problem}", 1])
        raise UserError(problem)
    sockets[index] = connection


def _problem(index, count, place, sockets):
    """What is wrong with a process that says it is that one of so many, if anything is."""
    if count != place.count:
        return (
            f"process 0 was started with --num_processes={place.count} and process {index} with "
            f"--num_processes={count}; give all the same"
        )
    if index in sockets:
        return (
            f"two processes were started with --process_id={index}; give each its own, from 0 to "
            f"{place.count - 1}"
        )
    return None
