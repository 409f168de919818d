"""Landmarks in the format of the Phototourism data set as it was published for meta-learning.

A scene's folder holds `dense/images/*.jpg` and, in the order of the photos' names, one entry each
in `c2w_mats.npy` (camera to world, [n, 4, 4]), `kinv_mats.npy` (inverse intrinsics, [n, 3, 3]),
`bds.npy` (near and far, [n, 2]) and `res_mats.npy` (size in pixels, [n, 2]).

Sources: Jin et al., IJCV 2021; Tancik et al., CVPR 2021.
"""

from pathlib import Path

import numpy as np

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.folders import visible
from metainr.signals.landmarks.options import Camera, LandmarkOptions
from metainr.signals.landmarks.photo_scene import checked_cameras, photo_scene, photo_sizes
from metainr.types import SignalClass

IMAGES = "dense/images"
POSES, INTRINSICS, BOUNDS, SIZES = "c2w_mats.npy", "kinv_mats.npy", "bds.npy", "res_mats.npy"
_SHAPES = {POSES: (4, 4), INTRINSICS: (3, 3), BOUNDS: (2,), SIZES: (2,)}
_WHERE = {"pose": POSES, "intrinsics": INTRINSICS, "bounds": BOUNDS}


def phototourism(options: LandmarkOptions) -> SignalClass:
    """The scene in `options.photo_folder`, each photo as Views with v = 1.

    A pixel's ray is R K⁻¹ (column, row, 1)ᵀ, not normalised. Sizes may be (rows, columns) or
    (columns, rows): the photos tell. Unreadable photos are skipped with one warning. Raises
    UserError, naming file and photo, for files that are missing, of other shapes or of another
    number of photos, for cameras that cannot be, and for too few photos.
    """
    if not options.photo_folder:
        raise UserError(
            "landmark 'phototourism' needs a scene's folder; give ", Option("photo_folder")
        )
    root = expanded(options.photo_folder)
    paths = photo_paths(root / IMAGES)
    arrays = {name: _array(root / name, len(paths)) for name in _SHAPES}
    cameras = [
        Camera(pose, inverse, bounds)
        for pose, inverse, bounds in zip(arrays[POSES], arrays[INTRINSICS], arrays[BOUNDS])
    ]
    where = {field: str(root / name) for field, name in _WHERE.items()}
    names = [path.name for path in paths]
    cameras = checked_cameras(cameras, names, where)
    sizes = photo_sizes(paths)
    _check_sizes(root, paths, sizes, arrays[SIZES])
    return photo_scene(root / IMAGES, names, sizes, cameras, options)


def photo_paths(folder: Path) -> list[Path]:
    """The JPEG files of a folder, sorted by name. Raises UserError if it has none."""
    if not folder.is_dir():
        raise UserError(
            f"{folder} is no folder; ", Option("photo_folder"), " takes the folder of one scene"
        )
    paths = [path for path in visible(folder) if path.suffix.lower() in (".jpg", ".jpeg")]
    if not paths:
        raise UserError(f"{folder} has no .jpg files; put the scene's photos there")
    return paths


def _array(path, count):
    """A file's numbers, float64 [count, …]."""
    if not path.is_file():
        raise UserError(f"{path} is missing; the scene's folder needs {', '.join(_SHAPES)}")
    try:
        # Mapped, so that a file that claims more than it holds is refused before memory is taken.
        array = np.load(path, "r", allow_pickle=False).astype(np.float64)
    except Exception as error:  # whatever damage makes a reader raise
        raise UserError(f"{path} is no array of numbers; write it again with numpy.save") from error
    shape = _SHAPES[path.name]
    if array.shape[1:] not in ((3, 4), shape) or (array.shape[1:] != shape and path.name != POSES):
        wanted = ", ".join(map(str, ("n", *shape)))
        raise UserError(f"{path} has the shape {list(array.shape)}; it must be [{wanted}]")
    if len(array) != count:
        raise UserError(
            f"{path} has {len(array)} entries for {count} photos in {IMAGES}; "
            "there must be one for each: add or remove what does not belong"
        )
    return array


def _check_sizes(root, paths, sizes, stated):
    """Holds the photos' sizes against those stated, in whichever order fits more of them."""
    known = [i for i, size in enumerate(sizes) if size is not None]
    actual = np.array([sizes[i] for i in known]).reshape(-1, 2)
    misfits = [(stated[known] != order).any(axis=1) for order in (actual, actual[:, ::-1])]
    misfit = min(misfits, key=np.sum)
    if misfit.any():
        first = known[int(misfit.argmax())]
        rows, columns = sizes[first]
        raise UserError(
            f"{root / SIZES} says {stated[first, 0]:g}×{stated[first, 1]:g} of photo "
            f"{paths[first].name}, which has {rows} rows and {columns} columns; "
            "give the photos that the matrices were made for"
        )
