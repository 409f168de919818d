"""Classes of signals by name; a new one is one file and one line here."""

from collections.abc import Callable

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

REGISTRY: dict[str, Callable[[ImageOptions], SignalClass]] = {
    "sdf": sdf,
    "sdf_mixed": sdf_mixed,
    "text": text,
    "photos": photos,
    "folder": folder,
    "celeba": celeba,
    "imagenette": imagenette,
}
SLICES: dict[str, Callable[[SliceOptions], SignalClass]] = {
    "phantoms": phantoms,
    "slices": slices,
}
LANDMARKS: dict[str, Callable[[LandmarkOptions], SignalClass]] = {
    "facade": facade,
    "phototourism": phototourism,
    "colmap": colmap,
}
OBJECTS: dict[str, Callable[[ObjectOptions], SignalClass]] = {
    "chairs": chairs,
    "cars": cars,
    "lamps": lamps,
    "shapenet": shapenet,
    "nerf_folder": nerf_folder,
}

SOUNDS: dict[str, Callable[[SoundOptions], SignalClass]] = {
    "notes": notes,
    "speech": speech,
    "recordings": recordings,
    "recording": recording,
}
CLIPS: dict[str, Callable[[ClipOptions], SignalClass]] = {
    "moving": moving,
    "clips": clips,
    "clip": clip,
}
CLOUDS: dict[str, Callable[[CloudOptions], SignalClass]] = {
    "animals": animals,
    "mesh": mesh,
    "mesh_folder": mesh_folder,
}


def make(name: str, options: ImageOptions) -> SignalClass:
    """Builds the class of signals called `name`. Raises UserError if there is none of that name."""
    return look_up("signal class", name, REGISTRY)(options)


def make_slices(name: str, options: SliceOptions) -> SignalClass:
    """Builds the class of grey slices called `name`. Raises UserError if there is none."""
    return look_up("class of slices", name, SLICES)(options)


def make_landmark(name: str, options: LandmarkOptions) -> SignalClass:
    """Builds the class of photos called `name`. Raises UserError if there is none of that name."""
    return look_up("landmark", name, LANDMARKS)(options)


def make_objects(name: str, options: ObjectOptions) -> SignalClass:
    """Builds the class of objects called `name`. Raises UserError if there is none of that name."""
    return look_up("class of objects", name, OBJECTS)(options)


def make_sounds(name: str, options: SoundOptions) -> SignalClass:
    """Builds the class of sounds called `name`. Raises UserError if there is none of that name."""
    return look_up("class of sounds", name, SOUNDS)(options)


def make_clips(name: str, options: ClipOptions) -> SignalClass:
    """Builds the class of clips called `name`. Raises UserError if there is none of that name."""
    return look_up("class of clips", name, CLIPS)(options)


def make_clouds(name: str, options: CloudOptions) -> SignalClass:
    """Builds the class of oriented clouds called `name`. Raises UserError if there is none."""
    return look_up("class of clouds", name, CLOUDS)(options)


__all__ = [
    "CLIPS",
    "CLOUDS",
    "LANDMARKS",
    "OBJECTS",
    "REGISTRY",
    "SLICES",
    "SOUNDS",
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
    "make_clips",
    "make_clouds",
    "make_landmark",
    "make_objects",
    "make_slices",
    "make_sounds",
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
