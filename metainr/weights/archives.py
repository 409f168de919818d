"""Zip files of strangers, whose content may be larger than they are."""

import zipfile
from pathlib import Path

_LARGE = 2**27  # bytes of arrays
_TIMES = 20  # that more of them than this may be larger than their file: weights hardly compress


def check_sizes(archive: zipfile.ZipFile, path: str | Path) -> None:
    """Raises ValueError for a file that claims far more than weights can be compressed to."""
    claimed = sum(member.file_size for member in archive.infolist())
    size = Path(path).stat().st_size
    if claimed > _LARGE and claimed > _TIMES * size:
        raise ValueError(f"it claims {claimed} bytes of arrays, and has {size} itself")
