"""Classes of signals by name; a new one is one file in its kind's folder and one line here."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from metainr.media import clip_info, read_image, read_sound, to_square
from metainr.registry import look_up
from metainr.signals.access import check_seed
from metainr.signals.arrays import checked_signals, of_arrays
from metainr.signals.audio import SoundOptions, chords, notes, recording, recordings, speech
from metainr.signals.clouds import (
    Cloud,
    CloudOptions,
    animals,
    mesh,
    mesh_folder,
    oriented_distance,
    tangent_distance,
)
from metainr.signals.ct import SliceOptions, phantoms, slice_window, slices
from metainr.signals.images import (
    ImageOptions,
    PictureOptions,
    camera,
    celeba,
    digits,
    folder,
    image,
    imagenette,
    noise,
    photos,
    sdf,
    sdf_mixed,
    text,
    text_on_photos,
    textured,
)
from metainr.signals.landmarks import LandmarkOptions, colmap, facade, phototourism
from metainr.signals.mixture import mixed, mixture
from metainr.signals.objects import (
    ObjectOptions,
    cars,
    chairs,
    lamps,
    nerf_folder,
    reading_chairs,
    shapenet,
)
from metainr.signals.video import ClipOptions, clip, clips, moving
from metainr.signals.waves import SourceOptions, single, sources
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
            "digits": digits,
            "photos": photos,
            "noise": noise,
            "text_on_photos": text_on_photos,
            "textured": textured,
            "folder": folder,
            "celeba": celeba,
            "imagenette": imagenette,
        },
    ),
    PictureOptions: Family("picture", {"camera": camera, "image": image}),
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
            "reading_chairs": reading_chairs,
            "shapenet": shapenet,
            "nerf_folder": nerf_folder,
        },
    ),
    SoundOptions: Family(
        "class of sounds",
        {
            "notes": notes,
            "chords": chords,
            "speech": speech,
            "recordings": recordings,
            "recording": recording,
        },
    ),
    ClipOptions: Family("class of clips", {"moving": moving, "clips": clips, "clip": clip}),
    CloudOptions: Family(
        "class of clouds", {"animals": animals, "mesh": mesh, "mesh_folder": mesh_folder}
    ),
    SourceOptions: Family("class of sources", {"sources": sources, "single": single}),
}

Options = (
    ImageOptions
    | PictureOptions
    | SliceOptions
    | LandmarkOptions
    | ObjectOptions
    | SoundOptions
    | ClipOptions
    | CloudOptions
    | SourceOptions
)


def make(name: str, options: Options) -> SignalClass:
    """Builds the class of signals called `name` among those that take such options.

    Several names with commas are a mixture, such as "sdf,photos" or "sdf:2,photos" (`mixed`).
    Raises UserError if there is none of that name, the seed is negative, or classes do not mix.

    >>> curves = metainr.signals.make("sdf", metainr.signals.ImageOptions(resolution=32))
    >>> curves.get("test", 0).shape, curves.sizes["test"]
    ((32, 32, 3), 1000)
    """
    if "," in name or ":" in name:
        return mixture(name, lambda part: make(part, options))
    family = FAMILIES[type(options)]
    build = look_up(family.kind, name, family.classes)
    check_seed(options)
    return build(options)


__all__ = [
    "FAMILIES",
    "ClipOptions",
    "Cloud",
    "CloudOptions",
    "ImageOptions",
    "LandmarkOptions",
    "ObjectOptions",
    "PictureOptions",
    "SliceOptions",
    "SoundOptions",
    "SourceOptions",
    "animals",
    "camera",
    "cars",
    "celeba",
    "chairs",
    "checked_signals",
    "chords",
    "clip",
    "clip_info",
    "clips",
    "colmap",
    "digits",
    "facade",
    "folder",
    "image",
    "imagenette",
    "lamps",
    "make",
    "mesh",
    "mesh_folder",
    "mixed",
    "moving",
    "nerf_folder",
    "noise",
    "notes",
    "of_arrays",
    "oriented_distance",
    "phantoms",
    "photos",
    "phototourism",
    "read_image",
    "reading_chairs",
    "read_sound",
    "recording",
    "recordings",
    "sdf",
    "sdf_mixed",
    "shapenet",
    "single",
    "slice_window",
    "slices",
    "sources",
    "speech",
    "tangent_distance",
    "text",
    "text_on_photos",
    "textured",
    "to_square",
]
