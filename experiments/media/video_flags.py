"""The flags of clips."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Range


class VideoOptions(NamedTuple):
    """The clips.

    video_folder, clip: clips to learn from, or the one to fit, of a user's own.
    clip_frames: of each clip.
    """

    video_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    clip: Annotated[str | None, FILE_OR_FOLDER] = None
    clip_frames: Annotated[int, Range(2, 10_000)] = 16


VIDEO_FOLDER = define(VideoOptions, "video_folder", "clips to learn from; sets --signal")
CLIP = define(VideoOptions, "clip", "one clip to fit; sets --signal")
CLIP_FRAMES = define(
    VideoOptions, "clip_frames", "of each clip; default: 16, of a --clip all up to 64", default=None
)

OWN = OwnFlags(init=(CLIP_FRAMES,), task=(VIDEO_FOLDER, CLIP))
