"""What can be said of any landmark, and how its photos become signals."""

from typing import NamedTuple

import numpy as np

from metainr.cameras import Views

NUM_TEST, NUM_VALIDATION = 20, 5
"""The photos of a published scene that are held out, the first ones."""


class LandmarkOptions(NamedTuple):
    """The size and origin of a landmark's photos; each class reads those that concern it.

    resolution: longer side of the photos in pixels, at least 2; smaller ones are not enlarged.
    seed: of the generated landmark; other seeds give other buildings and other photos.
    photo_folder: the scene's folder, of the classes that read one.
    scale: lengths of the signals per length of the source; fields want a scene of about ±1.
    near_factor, far_factor: widen the bounds, which come from depths that were only sampled.
    num_test, num_validation: of a folder's photos, the first ones and those after them; None: 20
        and 5 as published, of fewer than 26 photos a fifth and a tenth, rounded up.
    """

    resolution: int
    seed: int = 0
    photo_folder: str | None = None
    scale: float = 0.05
    near_factor: float = 0.9
    far_factor: float = 1.2
    num_test: int | None = None
    num_validation: int | None = None


class Camera(NamedTuple):
    """One photo's camera in the lengths of its source, float64.

    pose: [3, 4], camera to world;
    inverse_intrinsics: [3, 3], of the pixels (column, row, 1);
    bounds: [2], nearest and farthest depth, in lengths of the rays' directions.
    """

    pose: np.ndarray
    inverse_intrinsics: np.ndarray
    bounds: np.ndarray


def as_views(
    image: np.ndarray, camera: Camera, size: tuple[int, int], options: LandmarkOptions
) -> Views:
    """One photo [h, w, 3] as a signal, v = 1, padded with black below and right to `size`.

    Translations become scale·t, bounds scale·(near_factor·near, far_factor·far).
    """
    rows, columns = image.shape[:2]
    images = np.zeros((1, *size, 3), np.float32)
    images[0, :rows, :columns] = image
    pose = camera.pose * [1, 1, 1, options.scale]
    bounds = camera.bounds * [options.near_factor, options.far_factor] * options.scale
    return Views(
        images,
        pose[None].astype(np.float32),
        camera.inverse_intrinsics[None].astype(np.float32),
        bounds[None].astype(np.float32),
        np.array([[0, 0, rows, columns]], np.int32),
    )


def fitted_size(rows: int, columns: int, longer_side: int) -> tuple[int, int]:
    """(rows, columns) scaled down so that neither exceeds `longer_side`, each 2 or more."""
    factor = min(1.0, longer_side / max(rows, columns))
    return max(2, round(rows * factor)), max(2, round(columns * factor))


def scaled_inverse_intrinsics(
    inverse_intrinsics: np.ndarray, before: tuple[int, int], after: tuple[int, int]
) -> np.ndarray:
    """K⁻¹ of the photo scaled from (rows, columns) `before` to `after`: its rays do not change.

    Pixels are squares round whole numbers, so that column x' of the scaled photo lies at
    x = s·x' + (s − 1) / 2 of the former one, s being the ratio of the columns; rows likewise.
    """
    vertical, horizontal = before[0] / after[0], before[1] / after[1]
    return inverse_intrinsics @ np.array(
        [[horizontal, 0, (horizontal - 1) / 2], [0, vertical, (vertical - 1) / 2], [0, 0, 1]]
    )
