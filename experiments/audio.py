"""Sounds as fields: fitted one by one, or from an init that is learned for a class of sounds.

A field maps the time in [−1, 1] to the channels' values in [−1, 1]. Where sounds are fitted alone
(--algorithm=none), the first layer's frequency is set so that it makes a thousand periods of the
clip (Sitzmann et al., NeurIPS 2020, section 4); meta-gradients through such a layer explode, and an
init is learned with a lower one. --resolution is not read: --sample_rate and --duration say how
many samples there are.

    metainr audio --flagfile=quickstart --workdir=runs/audio

A file of one's own, alone:

    metainr audio --recording=speech.wav --algorithm=none --inner_points=4096 --test_steps=2000 \\
      --workdir=runs/speech

Fits are written to WORKDIR/fits as .wav. Give the flagfile first: of repeated flags the last one
counts.
"""

from collections.abc import Collection
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from absl import flags, logging

from experiments import cli, spine
from experiments.config import Config, RunOptions, Values, make_field
from experiments.experiment import Experiment
from experiments.media import audio_flags, grids, sound_pictures
from experiments.media.audio_flags import AudioOptions
from experiments.media.sounds import write_sound
from experiments.run import estimating, processes, shared_flags
from experiments.run.reading import made, run_of
from metainr import signals
from metainr.checks import Share
from metainr.errors import UserError
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr_of_mse
from metainr.numerics import Summation
from metainr.objectives import image_task, random_rows
from metainr.runs.partial import Grid, learned_from_points
from metainr.runs.problem import Problem, Setting
from metainr.runs.regression import make_problem, objectives
from metainr.signals.partial import between_gaps
from metainr.types import Array, Params

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(audio_flags)
flags.adopt_module_key_flags(processes)
flags.adopt_module_key_flags(estimating)

_DEFAULTS = {
    "signal": "notes",
    "first_omega": 200.0,
    "omega": 30.0,
    "output_offset": 0.0,
    "inner_steps": 5,
    "inner_learning_rate": 0.004,
    "outer_learning_rate": 1e-4,
    "clip_norm": 1.0,
}
_FIRST_OMEGA_ALONE = 3000.0  # of fits from random weights, no init being learned
_RATES = {"sgd": (1e-3, 3e-3, 1e-2, 1e-1), "adam": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)}
_RATE, _DURATION, _LONGEST = 8000, 0.5, 10.0
_RANGE = 2.0  # of samples, from −1 to 1
_UNITS = "samples"
_GAPS = 10  # of a sound that is seen in part


def build(config: Config[AudioOptions], summation: Summation) -> Problem:
    """The problem that the flags describe, its sums over observations taken as said."""
    run, own = config.run, config.own
    signal_class = signals.make(run.signal, _options(run, own))
    coords = grids.grid([np.linspace(-1, 1, _options(run, own).resolution)])
    channels = signal_class.get("test", 0).shape[-1]
    if run.init is not None:
        _warn_of_a_cut(run, own)
    field = make_field(config.field, in_dim=1, out_dim=channels)
    inner, query = objectives(coords, run.inner_points, random_rows)

    def listen(params: Params) -> Array:
        return grids.values_at(field, params, coords, summation.chunk_size)

    def full(params: Params, sound: Array) -> dict[str, Array]:
        error = jnp.mean(jnp.square(listen(params) - sound))
        power = jnp.mean(jnp.square(sound))
        return {"psnr": _psnr(error), "snr": 10 * jnp.log10(power / error)}

    def export(params: Params, sound: np.ndarray, path: Path) -> None:
        # Files hold no more than full scale, which float recordings may exceed.
        level = min(1.0, signal_class.level("test", grids.number(path)))
        for file, samples in ((path, listen(params)), (grids.original(path), sound)):
            write_sound(f"{file}.wav", level * np.asarray(samples), own.sample_rate)

    steps, match_step = grids.measured_steps(config)
    setting = Setting(
        make_task=image_task,
        objective=inner,
        steps=steps,
        match_step=match_step,
        score=Score(full, None if run.inner_points else lambda loss: {"psnr": _psnr(loss)}),
        view=lambda params, sound: sound_pictures.picture(listen(params)),
        target=lambda sound: sound_pictures.picture(jnp.asarray(sound)),
        caption="Above each sound's spectrogram: time to the right, frequency upward to half the "
        "sample rate, black 70 dB below a full-scale sine. Below its waveform, from −1 to 1.",
        export=export,
    )
    problem = make_problem(
        field, signal_class, query, setting, config.learner.inner_steps, 1, -1.0, _RATES, _RANGE
    )
    if run.train_seen is None:
        return problem
    places = between_gaps(len(coords), run.train_seen, _UNITS, _GAPS)
    grid = Grid(coords, (len(coords),), axes=1)
    return learned_from_points(problem, signal_class, places, grid, run.inner_points, run.seed)


def settle(values: Values, given: Collection[str]) -> Values:
    """A folder of sounds is a class of signals, and so is one; a file has a rate and a length."""
    folder, recording = values["audio_folder"], values["recording"]
    if folder is not None and recording is not None:
        raise UserError("--audio_folder and --recording each name the sounds; give one of them")
    run = run_of(values, given)
    rate, duration, chosen = _RATE, _DURATION, {}
    if run.only_tests and run.init is None and "first_omega" not in given:
        chosen = {"first_omega": _FIRST_OMEGA_ALONE}
    if folder is not None:
        chosen["signal"] = "recordings"
    if recording is not None:
        grids.check_alone(values, "recording", "sound", "audio_folder")
        sound, rate = signals.read_sound(recording)
        duration = min(len(sound) / rate, _LONGEST)
        chosen |= {"signal": "recording", "num_test": 1}
    if values["sample_rate"] is None:
        chosen["sample_rate"] = rate
    if values["duration"] is None:
        chosen["duration"] = duration
    settled = {**values, **chosen}
    if run.init is None:
        _warn_of_a_cut(run, made(AudioOptions, settled))
    return settled


def _warn_of_a_cut(run: RunOptions, own: AudioOptions) -> None:
    """Says so if less of a recording is fitted than there is, and nobody asked for that."""
    if own.recording is None:
        return
    sound, rate = signals.read_sound(own.recording)
    seconds = len(sound) / rate
    shorter = seconds > own.duration and "duration" not in run.given
    coarser = rate > own.sample_rate and "sample_rate" not in run.given
    if shorter or coarser:
        logging.warning(
            "%s lasts %.4g s at %d Hz: its first %.4g s are fitted at %d Hz%s",
            *(own.recording, seconds, rate, min(seconds, own.duration), own.sample_rate),
            "; give --duration for more" if run.init is None else ", as the init was learned",
        )


def _options(run: RunOptions, own: AudioOptions) -> signals.SoundOptions:
    return signals.SoundOptions(
        own.sample_rate, own.duration, run.seed, own.audio_folder, own.recording, own.mono
    )


def _psnr(error):
    """In dB of a mean squared error, the range [−1, 1] counting as [0, 1]."""
    return psnr_of_mse(error / _RANGE**2)


EXPERIMENT = Experiment(
    "audio", build, AudioOptions, audio_flags.OWN, _DEFAULTS, settle, Share(_UNITS)
)

if __name__ == "__main__":
    cli.run(lambda: spine.run(EXPERIMENT))
