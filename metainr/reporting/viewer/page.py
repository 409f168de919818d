"""The page of an object: its mesh between the cameras, and renders of it to drag."""

import base64
import io
from collections.abc import Mapping
from importlib import resources
from string import Template
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from metainr.camera_paths import upward
from metainr.reporting.page import render_page
from metainr.reporting.viewer.packing import Mesh, coarsened, packed

_THUMBNAIL, _SMALLER, _MANY = 64, 32, 64  # pixels; smaller ones of more photographs than that
_MAX_SIDE = 16000  # pixels of a sheet; WebP ends at 16383
_QUALITY = 80
_FRUSTUM = 0.12  # of the cameras' distance


class Photographs(NamedTuple):
    """What an object was seen in.

    images: uint8 [v, h, w, 3];
    poses: [v, 3, 4], camera to world, in the mesh's coordinates;
    inverse_intrinsics: [v, 3, 3];
    num_seen: the first so many were fitted.
    """

    images: np.ndarray
    poses: np.ndarray
    inverse_intrinsics: np.ndarray
    num_seen: int


def viewer_page(
    title: str,
    verdict: str,
    results: Mapping[str, Any],
    mesh: Mesh | None = None,
    photographs: Photographs | None = None,
    renders: np.ndarray | None = None,
) -> str:
    """The HTML of a page that shows what is given of an object; see `render_page`.

    Args:
        title, verdict, results: as in `render_page`.
        mesh: drawn with fewer triangles where it has very many.
        photographs: drawn as pyramids with small pictures.
        renders: uint8 [rows, columns, h, w, 3], from above to below and once round.
    """
    # Drawn about the origin: single precision is fine there.
    centre = np.zeros(3) if mesh is None else mesh.vertices.mean(axis=0)
    shown = mesh and coarsened(mesh._replace(vertices=mesh.vertices - centre))
    data = {
        "mesh": shown and packed(shown),
        "photographs": photographs and _photographs(photographs, centre),
        "renders": None if renders is None else _renders(renders),
    }
    body = Template(_text("viewer.html")).substitute(
        renders_hidden="hidden" if renders is None else "",
        photographs_hidden="hidden" if photographs is None else "",
        note=_note(mesh, shown),
    )
    return render_page(
        title=title,
        verdict=verdict,
        results=results,
        body=body,
        style=_text("viewer.css"),
        data=data,
        script=_text("controls.js") + _text("scene.js"),
    )


def _note(mesh, shown):
    if mesh is None:
        return "The field has no surface yet."
    few, whole = len(shown.faces), len(mesh.faces)
    return f"Shown with {few} of {whole} triangles." if few < whole else ""


def _photographs(photographs, centre):
    images, poses, inverse, num_seen = photographs
    height, width = images.shape[1:3]
    places = poses[:, :, 3] - centre
    length = _FRUSTUM * np.median(np.linalg.norm(places, axis=1))
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]])
    directions = np.einsum("vij,vjk,ck->vci", poses[:, :, :3], inverse, corners)
    points = np.concatenate([places[:, None], places[:, None] + length * directions], axis=1)
    side = _THUMBNAIL if len(images) <= _MANY else _SMALLER
    shrink = min(1, side / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = [np.asarray(Image.fromarray(image).resize(size)) for image in images]
    return {
        "points": np.round(points, 5).tolist(),
        "up": upward(poses).tolist(),
        "seen": num_seen,
        **_sheet(np.stack(small), max(1, _MAX_SIDE // 2 // size[0])),
    }


def _renders(renders):
    rows, columns, *picture = renders.shape
    return {"rows": rows, **_sheet(renders.reshape(-1, *picture), columns)}


def _sheet(pictures, columns):
    """Pictures [n, h, w, 3] row by row on one sheet, the last row filled up with white."""
    columns = min(columns, len(pictures))
    empty = np.full((-len(pictures) % columns, *pictures.shape[1:]), 255, np.uint8)
    rows = np.concatenate([pictures, empty]).reshape(-1, columns, *pictures.shape[1:])
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "WEBP", quality=_QUALITY)
    uri = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {
        "sheet": uri,
        "columns": columns,
        "count": len(pictures),
        "height": pictures.shape[1],
        "width": pictures.shape[2],
    }


def _text(name):
    return (resources.files("metainr.reporting.viewer") / name).read_text(encoding="utf-8")
