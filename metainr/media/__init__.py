"""Files of pictures, sounds, clips, slices, surfaces and cameras, as arrays."""

from metainr.media.cameras.transforms import Frames, read_frames
from metainr.media.images.pictures import read_image
from metainr.media.images.resizing import resize, to_square
from metainr.media.meshes.surfaces import Surface, read_surface
from metainr.media.recordings.clips import ClipInfo, clip_info, is_clip, read_clip
from metainr.media.recordings.sounds import fitted_to, read_sound, resampled
from metainr.media.slices.stacks import is_stack, read_stack

__all__ = [
    "ClipInfo",
    "Frames",
    "Surface",
    "clip_info",
    "fitted_to",
    "is_clip",
    "is_stack",
    "read_clip",
    "read_frames",
    "read_image",
    "read_sound",
    "read_stack",
    "read_surface",
    "resampled",
    "resize",
    "to_square",
]
