"""The flags of streams."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.images import image_flags
from experiments.media import audio_flags, video_flags
from experiments.run.define import define
from experiments.run.input_flag import INPUT
from experiments.scenes import landmark_flags, ray_flags, view_flags
from metainr.checks import Choice, Each, Maybe, Range, Switch
from metainr.streams import METHODS

_FREQUENCY = Range(1e-6, 1e6, real=True)


class StreamOptions(NamedTuple):
    """What arrives, in which parts, and who keeps it.

    parts: number of them along each axis; None: 2,2 of pictures, 4 of sounds and of photographs,
        4,1,1 of clips.
    overlap: points that neighbouring parts share, where modules are blended.
    part_steps: gradient steps for each part.
    methods: of `metainr.streams.METHODS` that are compared.
    buffer: points that replay keeps.
    pulls: strengths of elastic weight consolidation, of which validation chooses.
    fisher: λ of weights 1 + λ F/F̄ of observations.
    whole_omega, whole_first_omega: frequencies of the one field; None: those of modules.
    input: a file of a user's own in place of test signals, or a folder with a file for each part.
    follow: a folder in which parts appear, each a file.
    part_photos: photographs in a part of a generated object or place.
    unseen_photos: of every part, that measure it.
    The others are those of `image_regression`, `audio`, `video`, `view_synthesis` and
    `phototourism`.
    """

    parts: Annotated[tuple[int, ...] | None, Maybe(Each(Range(1, 10**4), "2,2", range(1, 5)))] = (
        None
    )
    overlap: Annotated[int, Range(0, 10**4)] = 0
    part_steps: Annotated[int, Range(1, 10**6)] = 50
    methods: Annotated[
        tuple[str, ...], Each(Choice(METHODS), "modules,sequential", range(1, 99))
    ] = tuple(METHODS)
    buffer: Annotated[int, Range(1, 2**30)] = 256
    pulls: Annotated[
        tuple[float, ...], Each(Range(0, 1e30, real=True), "1,1e3,1e6", range(1, 99))
    ] = (1.0, 1e3, 1e6)
    fisher: Annotated[float, Range(0, 1e6, real=True)] = 0.0
    whole_omega: Annotated[float | None, Maybe(_FREQUENCY)] = None
    whole_first_omega: Annotated[float | None, Maybe(_FREQUENCY)] = None
    input: Annotated[str | None, FILE_OR_FOLDER] = None
    follow: Annotated[str | None, FILE_OR_FOLDER] = None
    image_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    data_dir: Annotated[str | None, FILE_OR_FOLDER] = None
    audio_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    sample_rate: Annotated[int, Range(1_000, 384_000)] = 4000
    duration: Annotated[float, Range(1e-4, 1e5, real=True)] = 1.0
    mono: Annotated[bool, Switch()] = False
    video_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    clip_frames: Annotated[int, Range(2, 10_000)] = 16
    part_photos: Annotated[int, Range(2, 10_000)] = 6
    unseen_photos: Annotated[int, Range(1, 10_000)] = 1
    object_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    near: Annotated[float, view_flags.DEPTH] = 2.0
    far: Annotated[float, view_flags.DEPTH] = 6.0
    scene_scale: Annotated[float, landmark_flags.FACTOR] = 0.05
    near_factor: Annotated[float, landmark_flags.FACTOR] = 0.9
    far_factor: Annotated[float, landmark_flags.FACTOR] = 1.2
    ray_samples: Annotated[int, ray_flags.RAY_POINTS] = 128
    density: Annotated[str, ray_flags.ACTIVATIONS] = "softplus"


PARTS = define(
    StreamOptions,
    "parts",
    "along each axis; default: 2,2 of pictures, 4 of sounds and photographs, 4,1,1 of clips",
)
OVERLAP = define(StreamOptions, "overlap", "points that neighbouring parts share, to be blended")
PART_STEPS = define(StreamOptions, "part_steps", "gradient steps for each part")
METHODS_FLAG = define(StreamOptions, "methods", "that are compared")
BUFFER = define(StreamOptions, "buffer", "points that replay keeps")
PULLS = define(StreamOptions, "pulls", "strengths of ewc, of which validation chooses")
FISHER = define(StreamOptions, "fisher", "observations weigh 1 + this times their information")
WHOLE_OMEGA = define(
    StreamOptions, "whole_omega", "--omega of the one field; default: that of modules"
)
WHOLE_FIRST_OMEGA = define(StreamOptions, "whole_first_omega", "likewise, of its first layer")
PART_PHOTOS = define(StreamOptions, "part_photos", "in a part of a generated object or place")
UNSEEN_PHOTOS = define(StreamOptions, "unseen_photos", "of every part, that measure it")
FOLLOW = define(StreamOptions, "follow", "fit the files that appear in this folder, each a part")

OWN = OwnFlags(
    init=(
        *(PARTS, OVERLAP, WHOLE_OMEGA, WHOLE_FIRST_OMEGA),
        *(audio_flags.SAMPLE_RATE, audio_flags.DURATION, video_flags.CLIP_FRAMES),
        *(PART_PHOTOS, *ray_flags.INIT, view_flags.NEAR, view_flags.FAR),
        *(landmark_flags.SCENE_SCALE, landmark_flags.NEAR_FACTOR, landmark_flags.FAR_FACTOR),
    ),
    task=(
        *(image_flags.IMAGE_FOLDER, audio_flags.AUDIO_FOLDER, audio_flags.MONO),
        *(video_flags.VIDEO_FOLDER, view_flags.OBJECT_FOLDER),
    ),
    evaluation=(UNSEEN_PHOTOS, PART_STEPS, METHODS_FLAG, BUFFER, PULLS, FISHER, INPUT, FOLLOW),
    place=(image_flags.DATA_DIR,),
)
