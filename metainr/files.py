"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path

_PREFIX, _SUFFIX = ".writing-", ".tmp"


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Writes a file so that a reader finds the old or the new content, never a part.

    The data go to a temporary neighbour, which is renamed into place once it is on the disk.
    Missing parent folders are made. Raises OSError if it cannot be written; the old file stays.
    """
    path = Path(path)
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
