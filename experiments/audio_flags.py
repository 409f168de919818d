"""The flags of sounds."""

from absl import flags

from experiments.experiment import OwnFlags

AUDIO_FOLDER = flags.DEFINE_string("audio_folder", None, "sounds to learn from; sets --signal")
RECORDING = flags.DEFINE_string("recording", None, "one sound to fit; sets --signal")
SAMPLE_RATE = flags.DEFINE_integer(
    "sample_rate", None, "in Hz; default: 8000, of a --recording its own"
)
DURATION = flags.DEFINE_float(
    "duration", None, "of each sound, in s; default: 0.5, of a --recording its own up to 10"
)

OWN = OwnFlags(init=(SAMPLE_RATE, DURATION), task=(AUDIO_FOLDER, RECORDING))
