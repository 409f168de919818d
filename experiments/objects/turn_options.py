"""What can be said of a fit of one object."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER, RESOLUTION
from metainr.checks import Choice, Maybe, Range, Switch, Text


class TurnOptions(NamedTuple):
    """What is fitted and shown.

    output_dir: where results go.
    object: number of a test object, or a folder of pictures.
    seen_views: pictures that the fit sees; None: 1 from a learned init, else all but a few.
    auto_scale: whether the scene is moved to where, and scaled to what, the init was learned for.
    steps: gradient steps; None: the run's test steps.
    camera_path: "orbit", "spiral", or a file of poses as transforms.json.
    video, frames, side: format, length and pixels of the film along it.
    mesh, mesh_resolution, threshold: format of the surface, points along each side of its box, and
        the density at which it lies.
    viewer, viewer_port: whether the fit can be watched in a browser, and where.
    """

    output_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    object: Annotated[str, Text("the number of a test object, or a folder")] = "0"
    seen_views: Annotated[int | None, Maybe(Range(1, 1000))] = None
    auto_scale: Annotated[bool, Switch()] = False
    steps: Annotated[int | None, Maybe(Range(1, 10**6))] = None
    camera_path: Annotated[str, Text("orbit, spiral, or a file of poses")] = "orbit"
    video: Annotated[str, Choice(("gif", "mp4"))] = "gif"
    frames: Annotated[int, Range(1, 10_000)] = 48
    side: Annotated[int, RESOLUTION] = 128
    mesh: Annotated[str, Choice(("ply", "glb"))] = "ply"
    mesh_resolution: Annotated[int, Range(8, 512)] = 96
    threshold: Annotated[float, Range(1e-3, 1e6, real=True)] = 5.0
    viewer: Annotated[bool, Switch()] = False
    viewer_port: Annotated[int, Range(1, 65535)] = 8080


RECORDED = (
    "object", "seen_views", "auto_scale", "camera_path", "frames", "side", "mesh_resolution",
    "threshold", "steps",
)  # fmt: skip
