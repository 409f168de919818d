"""What can be said of any class of clips."""

from typing import NamedTuple

from metainr.errors import UserError
from metainr.signals.access import check_resolution

_MOST = 2**31  # bytes of a clip's frames


class ClipOptions(NamedTuple):
    """The size and origin of clips; each class reads those that concern it.

    resolution: side of the square frames in pixels, at least 2.
    frames: of each clip, at least 2; all of them take 2 GiB at most.
    seed: of the generated classes, of a folder's split and of where its clips are cut; other seeds
        give other clips.
    video_folder: where the files of the class `clips` lie.
    clip: the file, or folder of frames, of the class `clip`.
    """

    resolution: int
    frames: int
    seed: int = 0
    video_folder: str | None = None
    clip: str | None = None


def checked(options: ClipOptions) -> ClipOptions:
    """The options themselves. Raises UserError if there is no such clip."""
    check_resolution(options)
    if options.frames < 2:
        raise UserError(f"{options.frames} frames are no clip; give at least 2")
    size = 3 * 4 * options.frames * options.resolution**2  # float32
    if size > _MOST:
        raise UserError(
            f"clips of --clip_frames={options.frames} at --resolution={options.resolution} take "
            f"{size / 2**30:.3g} GiB each, more than {_MOST / 2**30:g}; give a smaller --resolution"
        )
    return options
