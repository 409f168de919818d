"""Landmarks straight from a reconstruction by COLMAP, read by pycolmap.

Source: Schönberger and Frahm, Structure-from-Motion Revisited, CVPR 2016; https://colmap.github.io.
"""

from collections import Counter

import numpy as np
from absl import logging

from metainr.errors import Option, UserError, first_line
from metainr.files import below, expanded
from metainr.media.cameras.lenses import bent_by, contradiction
from metainr.signals.landmarks.colmap_files import check_claims, spaced_names
from metainr.signals.landmarks.options import Camera, LandmarkOptions
from metainr.signals.landmarks.photo_scene import checked_cameras, photo_scene, photo_sizes
from metainr.types import SignalClass

_SPARSE = ("sparse/0", "sparse", "dense/sparse", ".")
_IMAGES = ("images", "dense/images")
_MASKS = ("masks", "dense/masks")
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
    root = expanded(options.photo_folder)
    reconstruction = _reconstruction(root)
    images = _registered(root, reconstruction)
    folder = _image_folder(root)
    if masks := [name for name in _MASKS if (root / name).is_dir()]:
        logging.warning("%s: its masks are not used: all of each photo counts", root / masks[0])
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
    cameras = checked_cameras(
        [camera for _, camera in seen], [image.name for image, _ in seen], where
    )
    paths = _paths(folder, [image.name for image, _ in seen])
    sizes = photo_sizes([folder / path if path else None for path in paths])
    names = [path or image.name for path, (image, _) in zip(paths, seen)]
    for (image, _), size in zip(seen, sizes):
        _check_size(reconstruction.cameras[image.camera_id], image, size)
    return photo_scene(folder, names, sizes, cameras, options)


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
            check_claims(root / name)
            _tell_others(root / name)
            try:
                found = pycolmap.Reconstruction(str(root / name))
                for number, spaced in spaced_names(root / name).items():
                    found.images[number].name = spaced
                return found
            except Exception as error:  # whatever damage makes it raise
                raise UserError(
                    f"{root / name} is no reconstruction that COLMAP can read "
                    f"({first_line(error)}); export it again with colmap model_converter"
                ) from error
    raise UserError(
        f"{root} has no cameras, images and points3D (.bin or .txt) in {', '.join(_SPARSE[:3])}; ",
        Option("photo_folder"),
        " takes the folder in which colmap has written",
    )


def _tell_others(folder):
    """Warns of the models beside one: COLMAP writes several if photos do not hang together."""
    others = [path.name for path in folder.parent.glob("[0-9]*") if path.name != folder.name]
    if folder.name.isdigit() and others:
        logging.warning(
            "%s: only this model is read, of those beside it, %s, none; move the largest here",
            *(folder, ", ".join(sorted(others))),
        )


def _registered(root, reconstruction):
    """The images with poses in the order of their names."""
    try:
        images = [image for image in reconstruction.images.values() if image.has_pose]
        return sorted(images, key=lambda image: image.name)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{root}: the name {error.object!r} of a photo is not UTF-8; rename that photo and run "
            "colmap again"
        ) from error


def _image_folder(root):
    for name in _IMAGES:
        if (root / name).is_dir():
            return root / name
    raise UserError(f"{root} has no folder {' or '.join(_IMAGES)}; put the photos there")


def _paths(folder, names):
    """The photos' paths below the folder, None of those that are missing."""
    paths = [below(folder, name) for name in names]
    path, count = Counter(filter(None, paths)).most_common(1)[0] if any(paths) else ("", 1)
    if count > 1:
        raise UserError(f"{folder / path} is {count} photos at once; give the folders they were in")
    return paths


@np.errstate(all="ignore")  # what is not finite is refused later
def _camera(reconstruction, image):
    """The camera of one photo, None if too few points tell its depths."""
    intrinsics = reconstruction.cameras[image.camera_id]
    model = getattr(intrinsics.model, "name", str(intrinsics.model))
    parameters = zip(intrinsics.params_info.split(", "), intrinsics.params)
    if bent_by({"camera_model": model, **dict(parameters)}):
        raise UserError(
            f"photo {image.name} has a {model} camera, whose lens distorts; "
            "run colmap image_undistorter and give its output folder"
        )
    to_camera = image.cam_from_world().matrix()
    seen = [point.point3D_id for point in image.points2D if point.has_point3D()]
    if len(seen) < _FEWEST_POINTS:
        return None
    try:
        points = np.array([reconstruction.points3D[number].xyz for number in seen])
    except KeyError as error:
        raise UserError(
            f"photo {image.name} sees point {error}, which points3D lacks; export the "
            "reconstruction again with colmap model_converter"
        ) from error
    depths = points @ to_camera[2, :3] + to_camera[2, 3]
    in_front = depths[depths > 0]
    bounds = np.percentile(in_front, _PERCENTILES) if in_front.size else depths[:2]
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
        raise UserError(f"photo {image.name} {contradiction(stated, size)}")
