"""Files that are there whole or not at all, and the words for those that cannot be."""

import errno
import os
import tempfile
from pathlib import Path

from metainr.errors import UserError

_PREFIX, _SUFFIX = ".writing-", ".tmp"
_REMEDIES = {
    "make room there": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "give permission there": (errno.EACCES, errno.EPERM),
    "name a place that can be written": (errno.EROFS,),
    "move away what is in its place": (
        errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENOTEMPTY,
    ),
}  # fmt: skip


def expanded(path: str | Path) -> Path:
    """The path, its leading ~ or ~NAME being that home folder. Raises UserError if it has none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{path} is in no home folder that there is; give another path, or ./{path} for a name "
            "that begins so"
        ) from error


def why(error: OSError) -> str:
    """What the system refused, of which file, and what helps: the end of a line."""
    place = f" ({os.fspath(error.filename)!r})" if error.filename else ""
    remedies = (remedy for remedy, codes in _REMEDIES.items() if error.errno in codes)
    remedy = next(remedies, "see to that")
    return f"{error.strerror or error}{place}; {remedy} and run the same command again"


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Writes a file so that a reader finds the old or the new content, never a part.

    The data go to a temporary neighbour, which is renamed into place once it is on the disk.
    Missing parent folders are made. Raises OSError if it cannot be written; the old file stays.
    """
    path = expanded(path)
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)  # another thread may be quicker
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_PREFIX, suffix=_SUFFIX)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner may read
        os.replace(temporary, path)
    except BaseException:  # also on Ctrl-C
        os.unlink(temporary)
        raise
    return path


def remove_unfinished(folder: str | Path) -> None:
    """Removes what a killed `write_bytes` left in a folder and those below it.

    Nobody else may be writing there. Raises OSError if a file cannot be removed.
    """
    for path in Path(folder).rglob(f"{_PREFIX}*{_SUFFIX}"):
        path.unlink(missing_ok=True)
