"""A user's folder of files of one kind: which of them can be used, and for what."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from absl import logging

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.folders import below
from metainr.signals.access import SPLITS
from metainr.signals.copies import without_copies

Found = TypeVar("Found")
_SHOWN = 5
# What users have beside files of a kind that is read, and may take for such.
_UNREAD = {
    "pictures": ".heic .heif .avif .jxl .jp2 .gif .psd .svg .exr .dng .cr2 .cr3 .nef .arw .raf",
    "slices": ".nrrd .nhdr .mha .mhd .img .mgz .npz .bmp .webp .jp2",
    "sounds": ".m4a .aac .opus .wma .caf .amr .au .mp4 .mov",
    "clips": ".mts .m2ts .ts .mpg .mpeg .3gp .wmv .flv .webp",
    "meshes or clouds": ".fbx .dae .3mf .blend .step .stp .las .laz .e57 .pcd .pts .usdz",
}
_HELD_OUT = 0.1  # of the files, for validation and for test each


def survey(
    folder: str | None,
    kind: str,
    flag: str,
    is_one: Callable[[Path], bool],
    remedy: str,
    look: Callable[[Path], Found],
) -> tuple[Path, dict[str, Found]]:
    """The folder, and what `look` says of every good file in or below it, by relative path.

    The files are those of `found_files`. Those of which `look` raises UserError are left out, with
    one warning. Raises UserError if there is no such folder, or if fewer than 3 files are good.

    Args:
        folder: as given, or None.
        kind: what the files are, in words.
        flag: the option that names the folder.
        is_one: whether a path is of that kind, by its name.
        remedy: what to put into a folder without any.
        look: reads one.
    """
    if not folder:
        raise UserError(f"a class of {kind} needs a folder of them; give ", Option(flag))
    root = expanded(folder)
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise UserError(Option(flag, root), f" {state}; give a folder of {kind}")
    paths = found_files(root, is_one)
    if not paths:
        count = len(below(root, Path.is_file))
        raise UserError(Option(flag, root), f" has no {kind} among its {count} files; {remedy}")
    names = [path.relative_to(root).as_posix() for path in paths]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = dict(zip(names, pool.map(lambda path: _try(look, path), paths)))
    good = {name: found for name, found in seen.items() if not isinstance(found, UserError)}
    bad = {name: error for name, error in seen.items() if isinstance(error, UserError)}
    shown = ", ".join(list(bad)[:_SHOWN]) + (", …" if len(bad) > _SHOWN else "")
    why = f"{len(bad)} unusable: {shown} (the first: {next(iter(bad.values()))})" if bad else ""
    if len(good) < len(SPLITS):
        raise UserError(
            Option(flag, root),
            f" has {len(good)} good {kind}{why and ' and '}{why}; training, "
            "validation and test need at least one each: add some",
        )
    if bad:
        logging.warning("%s: left out %s", root, why)
    tell_unread(root, kind)
    return root, good


def tell_unread(root: Path, kind: str) -> None:
    """Warns of files in and below a folder whose endings are of such a kind, but are not read."""
    endings = _UNREAD[kind].split()
    found = Counter(x.suffix.lower() for x in below(root, Path.is_file))
    unread = [f"{found[ending]} {ending}" for ending in endings if found[ending]]
    if unread:
        logging.warning(
            "%s: %s files are not read; convert them if they are meant, too",
            *(root, " and ".join(unread)),
        )


def found_files(root: Path, is_one: Callable[[Path], bool]) -> list[Path]:
    """Those files and folders in and below a user's folder that `is_one`, sorted.

    Hidden ones do not count; of several with the same bytes the first does, which is said. Linked
    folders are entered. Raises UserError if one cannot be listed.
    """
    return without_copies(root, below(root, is_one))


def split_paths(paths: list[str], seed: int) -> dict[str, list[str]]:
    """Divides at least 3 paths into train, validation and test; their order does not matter."""
    order = np.random.default_rng(seed).permutation(len(paths))
    shuffled = [sorted(paths)[index] for index in order]
    held_out = max(1, int(_HELD_OUT * len(paths)))
    bounds = (len(paths) - 2 * held_out, len(paths) - held_out)
    parts = (shuffled[: bounds[0]], shuffled[bounds[0] : bounds[1]], shuffled[bounds[1] :])
    return dict(zip(SPLITS, parts))


def _try(look, path):
    try:
        return look(path)
    except UserError as error:
        return error
