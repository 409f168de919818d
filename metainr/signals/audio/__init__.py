"""Classes of sounds: notes, speech-like ones, and a user's own."""

from metainr.signals.audio.chords import chords
from metainr.signals.audio.notes import notes
from metainr.signals.audio.options import SoundOptions
from metainr.signals.audio.recordings import recording, recordings
from metainr.signals.audio.speech import speech

__all__ = [
    "SoundOptions",
    "chords",
    "notes",
    "recording",
    "recordings",
    "speech",
]
