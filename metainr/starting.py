"""What a program does ahead of its imports, which take a second."""

import os
import signal
from types import FrameType


def start() -> None:
    """Opens standard streams that are closed, and lets Ctrl-C end the imports in one line."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # else a file of the run's would be in its place, and get what is printed
            os.open(os.devnull, os.O_RDWR)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored
        signal.signal(signal.SIGINT, _end)


def started() -> None:
    """Lets Ctrl-C raise KeyboardInterrupt, as ever."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(signum: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted before anything was done\n")
    os._exit(128 + signum)  # an exception might be caught by what is being imported
