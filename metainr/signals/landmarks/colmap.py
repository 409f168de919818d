"""Landmarks straight from a reconstruction by COLMAP, read by pycolmap.

Source: Schönberger and Frahm, Structure-from-Motion Revisited, CVPR 2016; https://colmap.github.io.
"""

from pathlib import Path

import numpy as np
from absl import logging

from metainr.errors import Option, UserError
from metainr.signals.landmarks.options import Camera, LandmarkOptions
from metainr.signals.landmarks.photo_scene import check_camera, photo_scene, photo_sizes
from metainr.types import SignalClass

_MODELS = ("PINHOLE", "SIMPLE_PINHOLE")
_SPARSE = ("sparse/0", "sparse", "dense/sparse", ".")
_IMAGES = ("images", "dense/images")
_FEWEST_POINTS = 8
_PERCENTILES = (0.1, 99.9)  # the outermost points are mostly mismatched ones


def colmap(options: LandmarkOptions) -> SignalClass:
    """The scene in `options.photo_folder`, each registered photo as Views with v = 1.

    Cameras come from `sparse/0`, `sparse` or `dense/sparse` (binary or text), photos from `images`
    or `dense/images`, in the order of their names. Near and far are the 0.1 and 99.9 percentiles
    of the depths of the points that a photo sees; photos that see fewer than 8 are skipped with one
    warning. COLMAP's unit of length is arbitrary: `options.scale` brings the scene to about ±1.
    Raises UserError for lens distortion, for files that are missing or damaged, for cameras that
    cannot be, and for too few photos.
    """
    if not options.photo_folder:
        raise UserError(
            "landmark 'colmap' needs a reconstruction's folder; give ", Option("photo_folder")
        )
    root = Path(options.photo_folder).expanduser()
    reconstruction = _reconstruction(root)
    registered = [image for image in reconstruction.images.values() if image.has_pose]
    images = sorted(registered, key=lambda image: image.name)
    folder = _image_folder(root)
    found = [(image, _camera(reconstruction, image)) for image in images]
    seen = [(image, camera) for image, camera in found if camera is not None]
    if len(seen) < len(found):
        names = [image.name for image, camera in found if camera is None]
        logging.warning(
            "%s: skipped %d photos with few points: %s", root, len(names), ", ".join(names[:5])
        )
    if not seen:
        raise UserError(f"{root} has no photo that sees points; run colmap mapper again")
    where = {field: f"{root}: the camera" for field in ("pose", "intrinsics", "bounds")}
    for image, camera in seen:
        check_camera(camera, image.name, where)
    names = [image.name for image, _ in seen]
    sizes = photo_sizes([folder / name for name in names])
    for (image, _), size in zip(seen, sizes):
        _check_size(reconstruction.cameras[image.camera_id], image, size)
    return photo_scene(folder, names, sizes, [camera for _, camera in seen], options)


def _reconstruction(root):
    try:
        import pycolmap
    except ImportError as error:
        raise UserError(
            "reading a COLMAP reconstruction needs pycolmap; run: pip install 'metainr[colmap]'"
        ) from error
    for name in _SPARSE:
        files = {path.stem for path in (root / name).glob("*.*") if path.suffix in (".bin", ".txt")}
        if {"cameras", "images", "points3D"} <= files:
            try:
                return pycolmap.Reconstruction(str(root / name))
            except (ValueError, RuntimeError, IndexError) as error:
                reason = str(error).splitlines()[-1] if str(error) else type(error).__name__
                raise UserError(
                    f"{root / name} is no reconstruction that COLMAP can read ({reason}); "
                    "export it again with colmap model_converter"
                ) from error
    raise UserError(
        f"{root} has no cameras, images and points3D (.bin or .txt) in {', '.join(_SPARSE[:3])}; ",
        Option("photo_folder"),
        " takes the folder in which colmap has written",
    )


def _image_folder(root):
    for name in _IMAGES:
        if (root / name).is_dir():
            return root / name
    raise UserError(f"{root} has no folder {' or '.join(_IMAGES)}; put the photos there")


def _camera(reconstruction, image):
    """The camera of one photo, None if too few points tell its depths."""
    intrinsics = reconstruction.cameras[image.camera_id]
    model = getattr(intrinsics.model, "name", str(intrinsics.model))
    if model not in _MODELS:
        raise UserError(
            f"photo {image.name} has a {model} camera, whose lens distorts; "
            "run colmap image_undistorter and give its output folder"
        )
    to_camera = image.cam_from_world().matrix()
    points = [
        reconstruction.points3D[point.point3D_id].xyz
        for point in image.points2D
        if point.has_point3D()
    ]
    if len(points) < _FEWEST_POINTS:
        return None
    depths = np.array(points) @ to_camera[2, :3] + to_camera[2, 3]
    bounds = np.percentile(depths[depths > 0], _PERCENTILES) if (depths > 0).any() else depths[:2]
    rotation = to_camera[:, :3].T
    pose = np.concatenate([rotation, -rotation @ to_camera[:, 3:]], axis=1)
    # COLMAP puts the centre of the first pixel at (0.5, 0.5), we at (0, 0).
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return Camera(pose, _inverse(intrinsics.calibration_matrix()) @ half, bounds)


def _inverse(matrix):
    """The inverse; of a matrix that has none zeros, which are refused as singular later."""
    invertible = np.isfinite(matrix).all() and np.linalg.det(matrix) != 0
    return np.linalg.inv(matrix) if invertible else np.zeros_like(matrix)


def _check_size(intrinsics, image, size):
    stated = (intrinsics.height, intrinsics.width)
    if size is not None and size != stated:
        raise UserError(
            f"photo {image.name} has {size[0]} rows and {size[1]} columns, its camera "
            f"{stated[0]} and {stated[1]}; give the photos that the reconstruction was made from"
        )
