"""A user's meshes and point clouds as classes of oriented clouds."""

from pathlib import Path

import numpy as np

from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.media.meshes.surfaces import SUFFIXES, Surface, read_surface
from metainr.signals.access import generator, labelled_by_folder, of_files, of_one
from metainr.signals.clouds.cloud import (
    HALF_SIDE,
    Cloud,
    CloudOptions,
    checked,
    cloud_of,
    oriented_distance,
    sampled_space,
)
from metainr.signals.own_files import split_paths, survey
from metainr.types import SignalClass

_DENSE = 2**17  # points of a mesh that distances are measured from


def mesh(options: CloudOptions) -> SignalClass:
    """The one mesh or cloud of `options.mesh_file`: a test signal, and none to train on.

    See `cloud_of_file`; raises UserError as it does.
    """
    if not options.mesh_file:
        raise UserError("class of clouds 'mesh' needs a file; give ", Option("mesh_file"))
    cloud = cloud_of_file(options.mesh_file, options, generator("mesh", options.seed, "test", 0))

    def read(split: str, index: int) -> Cloud:
        return Cloud(*(leaf.copy() for leaf in cloud))

    return of_one(options, [options.mesh_file], read)


def mesh_folder(options: CloudOptions) -> SignalClass:
    """The meshes and clouds in `options.mesh_folder` and the folders below it.

    Splits are 80/10/10 % of a shuffle that depends on the seed and the relative paths. All are read
    at construction; those that cannot be used, and copies, are left out, with a warning. Raises
    UserError if fewer than 3 remain. See `cloud_of_file`.
    """
    checked(options)

    def look(path):
        name = path.relative_to(root).as_posix()
        rng = generator(f"mesh_folder/{name}", options.seed, "train", 0)
        return cloud_of_file(path, options, rng)

    root = expanded(options.mesh_folder or "")
    _, clouds = survey(
        options.mesh_folder,
        "meshes or clouds",
        "mesh_folder",
        lambda path: path.suffix.lower() in SUFFIXES and not path.is_dir(),
        f"put files there: {', '.join(SUFFIXES)}",
        look,
    )
    splits = split_paths(list(clouds), options.seed)

    def read(split: str, index: int) -> Cloud:
        return Cloud(*(leaf.copy() for leaf in clouds[splits[split][index]]))

    return labelled_by_folder(of_files(options, splits, read))


def cloud_of_file(path: str | Path, options: CloudOptions, rng: np.random.Generator) -> Cloud:
    """The cloud of a file, scaled so that its longest side fills [−0.9, 0.9].

    Distances are those to 2¹⁷ points of a mesh, or to all points of a cloud, signed by their
    normals: see `oriented_distance`. A cloud of fewer than n points is repeated. Raises UserError
    as `read_surface` does, and if inside and outside are asked of what may have none.
    """
    checked(options)
    found = read_surface(path, max(_DENSE, options.num_points), rng)
    if options.closed and not found.closed:
        raise UserError(
            f"{path} is no watertight mesh, and its distances need an inside: close its holes, or "
            "take ",
            Option("shape_from", "cloud"),
            ", for the init that it starts from too",
        )
    surface, centre, scale = _into_box(path, found)
    count = len(surface.points)
    rounds = -(-options.num_points // count)
    order = np.concatenate([rng.permutation(count) for _ in range(rounds)])[: options.num_points]
    coords = sampled_space(surface.points[order], rng)
    distances = oriented_distance(surface.points, surface.normals, coords)
    points, normals = surface.points[order], surface.normals[order]
    return cloud_of(points, normals, coords, distances, centre, scale)


def _into_box(path, surface):
    low, high = surface.points.min(axis=0), surface.points.max(axis=0)
    if not (high - low).max() > 0:
        raise UserError(f"all points of {path} are in one place; give one that has a surface")
    centre, scale = (low + high) / 2, 2 * HALF_SIDE / (high - low).max()
    return Surface((surface.points - centre) * scale, *surface[1:]), centre, scale
