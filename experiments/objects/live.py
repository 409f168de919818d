"""A fit in a browser while it is made: the surface between the cameras, by viser."""

import contextlib
import importlib.util
import io
import socket
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.objects.showing import Fitted, surface
from experiments.objects.subject import Subject
from experiments.objects.turn_options import TurnOptions
from metainr.camera_paths import upward
from metainr.errors import UserError
from metainr.output import say
from metainr.reporting.samples import to_levels

_RESOLUTION = 48  # points along each side of the box of the surface that is shown
_HOST = "127.0.0.1"  # of this machine alone
_FRUSTUM = 0.15


def check_viewer(port: int) -> None:
    """Raises UserError where viser is not installed, or another program has the port."""
    if importlib.util.find_spec("viser") is None:
        raise UserError("--viewer needs viser; run: pip install 'metainr[viewer]'")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise UserError(
                f"--viewer_port={port} cannot be used ({error.strerror}); give another one"
            ) from error


def shower(options: TurnOptions, subject: Subject) -> Callable[[str, Fitted], None]:
    """What shows a fit on its way, with a line above it, until the program ends.

    Without --viewer it shows nothing.
    """
    if not options.viewer:
        return lambda line, fitted: None
    import viser

    with contextlib.redirect_stdout(io.StringIO()):  # of a table that it prints
        server = viser.ViserServer(_HOST, options.viewer_port, verbose=False)
    server.scene.set_up_direction(tuple(upward(subject.views.poses)))
    say(f"watch the fit at http://localhost:{options.viewer_port}")
    told = server.gui.add_markdown("The fit begins.")
    _add_cameras(server, subject)

    def show(line: str, fitted: Fitted) -> None:
        try:
            mesh = surface(fitted, _RESOLUTION, options.threshold)
        except UserError:  # as of a fit that has hardly begun
            told.content = f"{line}: no surface yet"
        else:
            told.content = line
            server.scene.add_mesh_trimesh("/surface", _trimesh(mesh))

    return show


def _add_cameras(server: Any, subject: Subject) -> None:
    from scipy.spatial.transform import Rotation

    views, poses = subject.views, subject.own_poses
    height, width = views.images.shape[1:3]
    # viser's cameras look along z with y down.
    turns = Rotation.from_matrix(poses[:, :, :3] * [1, -1, -1]).as_quat(scalar_first=True)
    for i, (image, turn, pose) in enumerate(zip(views.images, turns, poses)):
        server.scene.add_camera_frustum(
            f"/cameras/{i}",
            fov=float(2 * np.arctan(height / 2 * abs(views.inverse_intrinsics[i, 1, 1]))),
            aspect=width / height,
            scale=_FRUSTUM / subject.placement.scale,
            image=to_levels(image),
            wxyz=turn,
            position=pose[:, 3],
            color=(201, 79, 0) if i < subject.num_seen else (128, 128, 128),
        )


def _trimesh(mesh):
    import trimesh

    return trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=mesh.colours, process=False)
