"""What can be said of any class of sounds."""

from typing import NamedTuple

from metainr.errors import UserError
from metainr.media.recordings.sounds import FASTEST, SLOWEST

FEWEST, _MOST = 32, 2**28  # samples; those of a sound at most 1 GiB a channel


class SoundOptions(NamedTuple):
    """The length and origin of sounds; each class reads those that concern it.

    sample_rate: in Hz, between 1,000 and 384,000.
    duration: of each sound, in seconds; from 32 to 2²⁸ samples.
    seed: of the generated classes, of a folder's split and of where its files are cut; other seeds
        give other sounds.
    audio_folder: where the files of the class `recordings` lie.
    recording: the file of the class `recording`.
    mono: whether files of several channels are read as the mean of these.
    """

    sample_rate: int
    duration: float
    seed: int = 0
    audio_folder: str | None = None
    recording: str | None = None
    mono: bool = False

    @property
    def resolution(self) -> int:
        """The number of samples of a sound."""
        return round(self.sample_rate * self.duration)


def checked(options: SoundOptions) -> SoundOptions:
    """The options themselves. Raises UserError if there is no such sound."""
    if not SLOWEST <= options.sample_rate <= FASTEST:
        raise UserError(
            f"a sample rate of {options.sample_rate} Hz is none of a sound; give one between "
            f"{SLOWEST} and {FASTEST}, such as 8000"
        )
    if not 0 < options.duration < float("inf") or options.resolution < FEWEST:
        raise UserError(
            f"a duration of {options.duration:g} s has fewer than {FEWEST} samples at "
            f"{options.sample_rate} Hz, or no end; give one such as 0.5"
        )
    if options.resolution > _MOST:
        raise UserError(
            f"a duration of {options.duration:g} s has {options.resolution} samples at "
            f"{options.sample_rate} Hz, more than {_MOST}; give a shorter one, such as 0.5"
        )
    return options
