"""The flags of clips."""

from absl import flags

from experiments.experiment import OwnFlags

VIDEO_FOLDER = flags.DEFINE_string("video_folder", None, "clips to learn from; sets --signal")
CLIP = flags.DEFINE_string("clip", None, "one clip to fit; sets --signal")
CLIP_FRAMES = flags.DEFINE_integer(
    "clip_frames", None, "of each clip; default: 16, of a --clip all up to 64", 2
)

OWN = OwnFlags(init=(CLIP_FRAMES,), task=(VIDEO_FOLDER, CLIP))
