"""How the processes of a run become one: by jax.distributed, if they are what all have to be."""

import errno
import ipaddress
import os
import signal
import socket
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jax

from metainr.devices.processes import from_any, from_first
from metainr.errors import UserError, first_line

_SECONDS = 50  # to come in, and without a sign of life; until the abort it takes some more


def join(
    settings: Mapping[str, Any],
    address: str | None = None,
    count: int | None = None,
    index: int | None = None,
) -> None:
    """Joins this process to the others of a run; to be called before any device is asked for.

    Whoever waits in vain for another, now or later, is aborted by jaxlib within about a minute.

    Args:
        settings: what all processes have to agree on, by the names of flags.
        address: "HOST:PORT" at which process 0 is reached. None: SLURM, Open MPI, Kubernetes or a
            TPU pod tells this and the other two.
        count: number of all processes.
        index: of this one.

    Raises UserError if the place cannot be had or found, or the processes are no match.
    """
    if address is not None and {"http_proxy", "https_proxy", "grpc_proxy"} & os.environ.keys():
        os.environ["no_grpc_proxy"] = _parts(address)[0]  # no proxy knows the way there
    bind_address = _bind_address(address) if address is not None and index == 0 else None
    handler = signal.getsignal(signal.SIGTERM)
    try:
        jax.distributed.initialize(
            address,
            count,
            index,
            initialization_timeout=_SECONDS,
            heartbeat_timeout_seconds=_SECONDS,
            coordinator_bind_address=bind_address,
        )
    except Exception as error:  # whatever the many ways to ask a cluster raise
        raise UserError(
            f"jax.distributed cannot join the processes ({type(error).__name__}: "
            f"{first_line(error)}); where no SLURM, Open MPI, Kubernetes or TPU pod tells it how, "
            "give --coordinator_address, --num_processes and --process_id"
        ) from error
    signal.signal(signal.SIGTERM, handler)  # jax.distributed has set its own
    _check_devices()
    _check_settings({name: str(value) for name, value in settings.items()})


def _parts(address):
    """(host, port) of "HOST:PORT". Raises UserError if that is not what the address is."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"--coordinator_address={address} is not HOST:PORT; give e.g. node0:9876")
    return host.strip("[]"), int(port)


def _bind_address(address):
    """The address as one to listen on; None, all interfaces, where it names none of its own.

    Raises UserError if its port is taken.
    """
    host, port = _parts(address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:  # the name may become known while the others come
        return None
    own = [place[0] for family, *_, place in found if _is_own(family, place)]
    # A machine's own name may mean its loopback interface there, which no other machine reaches.
    hidden = any(ipaddress.ip_address(ip).is_loopback for ip in own)
    chosen = os.environ.get("JAX_COORDINATOR_BIND_ADDRESS")
    return chosen or (address if own and (not hidden or host in ("localhost", *own)) else None)


def _is_own(family, place):
    """Whether this process can listen there. Raises UserError if the port is taken."""
    try:
        socket.create_server(place[:2], family=family).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return False
        raise UserError(  # jaxlib would share it with another run
            f"port {place[1]} of {place[0]} is taken; give all processes another one in "
            "--coordinator_address"
        ) from error
    return True


def _check_devices():
    """Raises UserError unless all processes have equally many."""
    counts = Counter(device.process_index for device in jax.devices())
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{counts[i]} in process {i}" for i in sorted(counts))
        raise UserError(
            f"the processes have different numbers of devices: {told}; let all see equally many, "
            "of GPUs by CUDA_VISIBLE_DEVICES"
        )


def _check_settings(settings):
    """Raises UserError, in all processes, unless they have the same."""
    first = from_first(lambda: settings)
    differing = [
        f"--{name} is {settings.get(name)} here and {first.get(name)} in process 0"
        for name in sorted({*settings, *first})
        if settings.get(name) != first.get(name)
    ]
    other = from_any(jax.process_index() if differing else None)
    if other is not None:
        told = "; ".join(differing) or f"process {other} tells which"
        raise UserError(
            f"the processes were started with different flags: {told}; give all the same"
        )
