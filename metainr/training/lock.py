"""One run at a time in a folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from absl import logging

from metainr.errors import Option, UserError

_LOCK = ".lock"


@contextlib.contextmanager
def alone_in(folder: Path, flag: str = "workdir") -> Iterator[None]:
    """Holds a folder, which is there, for this process until the end, be it that of a kill.

    `flag`: that names the folder. Of several processes of one run, one is to hold it. Raises
    UserError if another process does, and OSError if nothing can be written there.
    """
    with (folder / _LOCK).open("a") as file:  # what the kernel knows of it ends with the process
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                "another process works in ",
                Option(flag, folder),
                "; wait for it or end it, or give another ",
                Option(flag),
            ) from error
        except OSError as error:  # some file systems of networks know no locks
            logging.warning("%s cannot be locked (%s): start no other run there.", folder, error)
        yield
