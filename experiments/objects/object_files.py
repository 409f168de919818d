"""What a fit of an object leaves: a film, views, a mesh, and a page to turn it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging

from experiments.media.videos import write_video
from experiments.objects.showing import Cameras, Fitted, make_look, render_grid, surface
from experiments.objects.turn_options import TurnOptions
from experiments.objects.view_files import write_views
from experiments.solids.meshes import write_mesh
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.output import say
from metainr.reporting.object_page import VIEWER
from metainr.reporting.samples import to_levels
from metainr.reporting.viewer import Photographs, viewer_page

_GRID_SIDE = 128  # pixels of the page's renders, at most


def write_object(
    directory: Path,
    options: TurnOptions,
    fitted: Fitted,
    path: Cameras,
    verdict: str,
    results: Mapping[str, Any],
) -> list[str]:
    """Writes all of it, says if there is no surface, and returns the names of the files."""
    look = make_look(fitted)
    pictures, depths = look(path)
    film = f"turntable.{options.video}"
    write_video(directory / film, pictures)
    write_views(directory / "views", pictures, depths, path, fitted.subject)
    try:
        mesh = surface(fitted, options.mesh_resolution, options.threshold)
    except UserError as error:
        mesh = None
        say(f"no mesh: {error}")
    names = [] if mesh is None else [write_mesh(directory / f"mesh.{options.mesh}", mesh).name]
    grid = render_grid(look, min(options.side, _GRID_SIDE), fitted.subject)
    page = _page("An object", verdict, results, fitted, mesh, grid)
    write_bytes(directory / VIEWER, page.encode())
    return [film, "views/", *names, VIEWER]


def write_surface_and_page(path: Path, fitted: Fitted, title: str) -> None:
    """Writes `path`.ply and `path`.html, with as many points along a side as pictures have pixels.

    A field without a surface is told of in a line, and nothing is written.
    """
    try:
        mesh = surface(fitted, fitted.config.run.resolution, TurnOptions().threshold)
    except UserError as error:
        logging.warning("%s: no mesh is written: %s", path, error)
        return
    write_mesh(f"{path}.ply", mesh)
    page = _page(title, path.name, {"config": fitted.config.record}, fitted, mesh, None)
    write_bytes(f"{path}.html", page.encode())


def _page(title, verdict, results, fitted, mesh, renders):
    """The page of a fit, with the photographs of its subject."""
    subject = fitted.subject
    images, inverse = to_levels(subject.views.images), subject.views.inverse_intrinsics
    photographs = Photographs(images, subject.own_poses, inverse, subject.num_seen)
    return viewer_page(title, verdict, results, mesh, photographs, renders)
