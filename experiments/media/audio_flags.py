"""The flags of sounds."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from experiments.experiment import OwnFlags
from experiments.run.define import define
from metainr.checks import Range, Switch


class AudioOptions(NamedTuple):
    """The sounds.

    audio_folder, recording: sounds to learn from, or the one to fit, of a user's own.
    sample_rate: in Hz.
    duration: of each sound, in seconds.
    mono: whether files of several channels are read as the mean of these.
    """

    audio_folder: Annotated[str | None, FILE_OR_FOLDER] = None
    recording: Annotated[str | None, FILE_OR_FOLDER] = None
    sample_rate: Annotated[int, Range(1_000, 384_000)] = 8000
    duration: Annotated[float, Range(1e-4, 1e5, real=True)] = 0.5
    mono: Annotated[bool, Switch()] = False


AUDIO_FOLDER = define(AudioOptions, "audio_folder", "sounds to learn from; sets --signal")
RECORDING = define(AudioOptions, "recording", "one sound to fit; sets --signal")
SAMPLE_RATE = define(
    AudioOptions, "sample_rate", "in Hz; default: 8000, of a --recording its own", default=None
)
DURATION = define(
    AudioOptions,
    "duration",
    "of each sound, in s; default: 0.5, of a --recording its own up to 10",
    default=None,
)
MONO = define(AudioOptions, "mono", "read files of several channels as the mean of these")

OWN = OwnFlags(init=(SAMPLE_RATE, DURATION), task=(AUDIO_FOLDER, RECORDING, MONO))
