"""Files of pictures, sounds, clips, slices, surfaces and cameras, as arrays."""

from metainr.media.clips import ClipInfo, clip_info, is_clip, read_clip
from metainr.media.pictures import read_image
from metainr.media.resizing import resize, to_square
from metainr.media.sounds import fitted_to, read_sound, resampled
from metainr.media.stacks import is_stack, read_stack
from metainr.media.surfaces import Surface, read_surface
from metainr.media.transforms import Frames, read_frames

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
