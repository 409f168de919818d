"""Ctrl-C and SIGTERM as a request that the loop answers between two steps."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(Exception):
    """A run ended by a signal, with its state saved; `signum` says by which."""

    def __init__(self, message: str, signum: int):
        super().__init__(message)
        self.signum = signum


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], int | None]]:
    """Within it, `requested()` tells the first signal received, or None.

    A second Ctrl-C interrupts at once. Outside the main thread, where no handler can be set,
    signals act as ever.
    """
    received = []

    def handle(signum, frame):
        if received and signum == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(signum)

    try:
        previous = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        previous = {}
    try:
        yield lambda: received[0] if received else None
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
