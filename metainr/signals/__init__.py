"""Classes of signals by name; a new one is one file and one line here."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from metainr.registry import look_up
from metainr.signals.animals import animals
from metainr.signals.clip_files import clip_info
from metainr.signals.clip_options import ClipOptions
from metainr.signals.clips import clip, clips
from metainr.signals.clouds import Cloud, CloudOptions, oriented_distance, tangent_distance
from metainr.signals.colmap import colmap
from metainr.signals.facade import facade
from metainr.signals.folder import folder
from metainr.signals.landmark_options import LandmarkOptions
from metainr.signals.meshes import mesh, mesh_folder
from metainr.signals.moving import moving
from metainr.signals.nerf_folder import nerf_folder
from metainr.signals.notes import notes
from metainr.signals.object_options import ObjectOptions
from metainr.signals.objects import cars, chairs, lamps
from metainr.signals.options import ImageOptions, SliceOptions
from metainr.signals.phantoms import phantoms
from metainr.signals.photos import photos
from metainr.signals.phototourism import phototourism
from metainr.signals.pictures import read_image, to_square
from metainr.signals.recordings import recording, recordings
from metainr.signals.sdf import sdf
from metainr.signals.sdf_mixed import sdf_mixed
from metainr.signals.shapenet import shapenet
from metainr.signals.slices import slice_window, slices
from metainr.signals.sound_files import read_sound
from metainr.signals.sound_options import SoundOptions
from metainr.signals.speech import speech
from metainr.signals.text import text
from metainr.signals.tfds_images import celeba, imagenette
from metainr.types import SignalClass


class Family(NamedTuple):
    """Classes of signals that take the same options, by name, and what they are called."""

    kind: str
    classes: Mapping[str, Callable[[Any], SignalClass]]


FAMILIES: Mapping[type, Family] = {
    ImageOptions: Family(
        "class of images",
        {
            "sdf": sdf,
            "sdf_mixed": sdf_mixed,
            "text": text,
            "photos": photos,
            "folder": folder,
            "celeba": celeba,
            "imagenette": imagenette,
        },
    ),
    SliceOptions: Family("class of slices", {"phantoms": phantoms, "slices": slices}),
    LandmarkOptions: Family(
        "landmark", {"facade": facade, "phototourism": phototourism, "colmap": colmap}
    ),
    ObjectOptions: Family(
        "class of objects",
        {
            "chairs": chairs,
            "cars": cars,
            "lamps": lamps,
            "shapenet": shapenet,
            "nerf_folder": nerf_folder,
        },
    ),
    SoundOptions: Family(
        "class of sounds",
        {"notes": notes, "speech": speech, "recordings": recordings, "recording": recording},
    ),
    ClipOptions: Family("class of clips", {"moving": moving, "clips": clips, "clip": clip}),
    CloudOptions: Family(
        "class of clouds", {"animals": animals, "mesh": mesh, "mesh_folder": mesh_folder}
    ),
}

Options = (
    ImageOptions
    | SliceOptions
    | LandmarkOptions
    | ObjectOptions
    | SoundOptions
    | ClipOptions
    | CloudOptions
)


def make(name: str, options: Options) -> SignalClass:
    """Builds the class of signals called `name` among those that take such options.

    Raises UserError if there is none of that name.
    """
    family = FAMILIES[type(options)]
    return look_up(family.kind, name, family.classes)(options)


__all__ = [
    "FAMILIES",
    "ClipOptions",
    "Cloud",
    "CloudOptions",
    "ImageOptions",
    "LandmarkOptions",
    "ObjectOptions",
    "SliceOptions",
    "SoundOptions",
    "animals",
    "cars",
    "celeba",
    "chairs",
    "clip",
    "clip_info",
    "clips",
    "colmap",
    "facade",
    "folder",
    "imagenette",
    "lamps",
    "make",
    "mesh",
    "mesh_folder",
    "moving",
    "nerf_folder",
    "notes",
    "oriented_distance",
    "phantoms",
    "photos",
    "phototourism",
    "read_image",
    "read_sound",
    "recording",
    "recordings",
    "sdf",
    "sdf_mixed",
    "shapenet",
    "slice_window",
    "slices",
    "speech",
    "tangent_distance",
    "text",
    "to_square",
]
