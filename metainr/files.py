"""Files of strangers, read with care, and files of ours, there whole or not at all."""

import errno
import os
import re
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from metainr.errors import Option, UserError

_PREFIX, _SUFFIX = ".writing-", ".tmp"
_DEEPEST = 20  # folders in a stranger's path

_POINTER = b"version https://git-lfs.github.com/spec/"

_REMEDIES = {
    "make room there": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "give permission there": (errno.EACCES, errno.EPERM),
    "name a place that can be written": (errno.EROFS,),
    "move away what is in its place": (
        errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENOTEMPTY,
    ),
}  # fmt: skip


def check_regular(
    path: str | Path, kind: str, *remedy: str | Option, most: int | None = None
) -> None:
    """Raises UserError for what is no file: a folder, a pipe, a device, a pointer to one, nothing.

    Args:
        path: of the file.
        kind: what it is, in words.
        remedy: how the message ends, by default "give a file that is there".
        most: bytes that such a file may have.
    """
    ending = remedy or ("give a file that is there",)
    try:
        problem = _irregular(os.stat(path), most)
        if not problem and _is_pointer(path):
            problem, ending = "it is only a pointer of Git LFS", ("run: git lfs pull",)
    except (OSError, ValueError) as error:  # the latter: a NUL in the name
        problem = error.strerror if isinstance(error, OSError) else str(error)
    if problem:
        raise UserError(f"cannot read {kind} {path}: {problem}; ", *ending)


def below(folder: Path, name: str, suffixes: Sequence[str] = ("",)) -> str | None:
    """The path below a folder of the file that a stranger's list calls `name`; None without one.

    It is the longest end of the name that is a file there and not empty, so that a list may have
    been written on Windows or for another place, and none leads out of the folder (links in it do).
    `suffixes`: to try after the name.
    """
    parts = inside(name)
    for first in range(max(0, len(parts) - _DEEPEST), len(parts)):
        for suffix in suffixes:
            path = "/".join(parts[first:]) + suffix
            if _has_content(folder / path):
                return path
    return None


def inside(name: str) -> list[str]:
    """The parts of a path, whichever slashes it has, from behind what may lead out of a folder."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
    return parts[len(parts) - parts[::-1].index("..") :] if ".." in parts else parts


def _irregular(state, most):
    """What keeps a file from being read, "" if nothing does."""
    if stat.S_ISDIR(state.st_mode):
        return "it is a folder"
    if not stat.S_ISREG(state.st_mode):
        return "it is a pipe or device"
    too_large = most is not None and state.st_size > most
    return f"it has {state.st_size} bytes, more than {most}" if too_large else ""


def _is_pointer(path):
    """Whether a file stands for one that Git LFS keeps elsewhere and has not fetched."""
    with open(path, "rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def _has_content(path):
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(state.st_mode) and state.st_size > 0


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
