"""Views of an object as files: pictures, depths, and the cameras that they are seen by."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from experiments.objects.showing import Cameras
from experiments.objects.subject import Subject
from metainr.files import write_bytes
from metainr.reporting.results import write_json

_LEVELS = 2**16 - 1


def write_views(
    folder: Path, pictures: np.ndarray, depths: np.ndarray, cameras: Cameras, subject: Subject
) -> None:
    """Writes pictures uint8 [t, h, w, 3], depths [t, h, w] and transforms.json to a folder.

    Depths, along the optical axis and NaN where nothing is, are written in the unit of the
    subject's own cameras: all to depth.npy as float32, and each to a PNG of 16 bits, in which a
    level is `integer_depth_scale` of transforms.json, and 0 is nothing. The folder is one that
    `--object` and `--camera_path` take.
    """
    for old in folder.glob("*[0-9][0-9][0-9].png"):  # of a longer film
        old.unlink()
    own = (depths / subject.placement.scale).astype(np.float32)
    scale = _scale(own)
    poses = subject.placement.back(cameras.poses)
    frames = []
    for i, (picture, depth, pose) in enumerate(zip(pictures, own, poses)):
        write_bytes(folder / f"{i:03d}.png", _png(picture))
        write_bytes(folder / f"depth_{i:03d}.png", depth_png(depth, scale))
        frames.append(
            {
                "file_path": f"{i:03d}.png",
                "depth_file_path": f"depth_{i:03d}.png",
                "transform_matrix": [*pose.astype(float).tolist(), [0.0, 0.0, 0.0, 1.0]],
                **_lens(cameras.inverse_intrinsics[i]),
            }
        )
    buffer = io.BytesIO()
    np.save(buffer, own)
    write_bytes(folder / "depth.npy", buffer.getvalue())
    height, width = cameras.size
    content = {"w": width, "h": height, "integer_depth_scale": scale, "frames": frames}
    write_json(folder / "transforms.json", content)


def depth_png(depth: np.ndarray, scale: float) -> bytes:
    """Depths [h, w] as a grey PNG of 16 bits: round(depth / scale), 0 for NaN.

    Its text chunk `integer_depth_scale` has the scale.
    """
    levels = np.nan_to_num(np.clip(np.round(depth / scale), 1, _LEVELS), nan=0.0)
    information = PngInfo()
    information.add_text("integer_depth_scale", repr(scale))
    return _png(levels.astype(np.uint16), information)


def _scale(depths):
    """The length of a level: the farthest depth is the highest one."""
    farthest = np.nanmax(depths) if np.isfinite(depths).any() else 1.0
    return float(farthest) / _LEVELS


def _lens(inverse):
    """Focal lengths and centre, in pixels from the picture's corner; see `inverse_pinhole`."""
    focal = 1 / inverse[0, 0], -1 / inverse[1, 1]
    centre = 0.5 - inverse[0, 2] * focal[0], 0.5 + inverse[1, 2] * focal[1]
    named = zip(("fl_x", "fl_y", "cx", "cy"), (*focal, *centre))
    return {name: float(value) for name, value in named}


def _png(levels, information=None):
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", pnginfo=information)
    return buffer.getvalue()
