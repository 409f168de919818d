"""The flags of signed distance fields."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Choice, Maybe, Range

_POINTS = Range(16, 2**22)
_AXIS = Range(4, 512)


class ShapeOptions(NamedTuple):
    """How solids are seen and measured.

    shape_from: "cloud", oriented points of the surface, or "distance".
    cloud_points: on each solid's surface.
    measured_points: that measure fits of tests; None: as many.
    mesh_file, mesh_folder: a solid to fit, or those to learn from, of a user's own.
    grid, export_resolution: points per axis where surfaces are measured, and of meshes written.
    """

    shape_from: Annotated[str, Choice(("cloud", "distance"))] = "cloud"
    cloud_points: Annotated[int, _POINTS] = 4096
    measured_points: Annotated[int | None, Maybe(_POINTS)] = None
    mesh_file: Annotated[str | None, FILE_OR_FOLDER] = None
    mesh_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    grid: Annotated[int, _AXIS] = 48
    export_resolution: Annotated[int, _AXIS] = 128


SHAPE_FROM = define(ShapeOptions, "shape_from", "oriented points of the surface, or distances")
CLOUD_POINTS = define(ShapeOptions, "cloud_points", "points on each solid's surface")
MEASURED_POINTS = define(
    ShapeOptions,
    "measured_points",
    "points that measure fits of tests; default: --cloud_points",
)
MESH_FILE = define(ShapeOptions, "mesh_file", "mesh or cloud to fit; sets --signal")
MESH_FOLDER = define(ShapeOptions, "mesh_folder", "those to learn from; sets --signal")
GRID = define(ShapeOptions, "grid", "points per axis where surfaces are measured")
EXPORT_RESOLUTION = define(
    ShapeOptions, "export_resolution", "points per axis of the meshes that are written"
)

OWN = OwnFlags(
    init=(SHAPE_FROM,),
    task=(CLOUD_POINTS, MESH_FILE, MESH_FOLDER),
    evaluation=(MEASURED_POINTS, GRID, EXPORT_RESOLUTION),
)
