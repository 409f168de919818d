"""What lies in a user's folder: not what programs hide there for themselves."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

from metainr.errors import UserError

# What macOS and Synology add; thumbnails and the halves of files among it.
_HIDDEN = ("__MACOSX", "@eaDir")


def visible(folder: Path) -> list[Path]:
    """The files and folders in a folder, sorted, without hidden ones such as .ipynb_checkpoints.

    Raises UserError if it cannot be listed.
    """
    try:
        return sorted(path for path in folder.iterdir() if not _is_hidden(path.name))
    except OSError as error:
        raise UserError(
            f"folder {folder} cannot be listed: {error.strerror}; make it readable or take it away"
        ) from error


def below(root: Path, is_one: Callable[[Path], bool]) -> list[Path]:
    """Those files and folders in `root` and the folders below it that `is_one`, sorted.

    Linked folders are entered, but none is twice. Raises UserError as `visible` does.
    """
    found, entered, waiting = [], set(), deque([root])
    while waiting:
        folder = waiting.popleft()
        if (place := folder.resolve()) in entered:
            continue
        entered.add(place)
        for path in visible(folder):
            if is_one(path):
                found.append(path)
            if path.is_dir():
                # Last come links: what they lead to may lie here under its own name.
                (waiting.append if path.is_symlink() else waiting.appendleft)(path)
    return sorted(found)


def _is_hidden(name):
    return name.startswith(".") or name in _HIDDEN
