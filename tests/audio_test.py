"""Sounds as fields: what is written and shown of them, runs, and mistakes in one line."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from absl import flags
from absl.testing import flagsaver
from scipy.signal import stft
from tiny_runs import run_here

from experiments import audio, cli
from experiments.media.sound_pictures import picture, spectrogram
from experiments.media.sounds import write_sound
from experiments.run import shared_flags
from metainr.errors import UserError
from metainr.numerics import Summation
from metainr.objectives import Samples, random_rows

TINY = ("--sample_rate=2000", "--duration=0.05", "--num_validation=1", "--checkpoint_every=2")


def _sine(frequency, seconds, rate, level=1.0):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def _run(workdir, *arguments):
    return run_here(workdir, *TINY, *arguments, experiment=audio)


def test_the_spectrogram_of_a_sine():
    levels = np.asarray(spectrogram(jnp.asarray(_sine(1000, 0.5, 8000, 0.1), jnp.float32)))
    assert levels.shape == (128, 256)
    assert set(levels.argmax(axis=0)) == {1000 * 256 // 8000 - 1}
    np.testing.assert_allclose(levels.max(axis=0), -20, atol=0.01)


def test_the_spectrogram_is_scipys(float64):
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(256 + 255 * 10)  # so that places are 10 samples apart
    _, _, expected = stft(sound, nperseg=256, noverlap=246, boundary=None, padded=False)
    found = 10 ** (np.asarray(spectrogram(jnp.asarray(sound))) / 20)
    np.testing.assert_allclose(found, 2 * np.abs(expected[1:]), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("num_samples", [33, 100, 4000, 50_000])
def test_pictures(num_samples):
    sound = jnp.asarray(np.stack([_sine(0.05, num_samples, 1)] * 2, axis=1), jnp.float32)
    found = np.asarray(jax.jit(picture)(sound))
    assert found.shape == (min(256, num_samples // 2 * 2) // 2 + 2 + 63, 256, 3)
    assert found.min() >= 0 and found.max() <= 1
    wave = found[-63:, :, 0] < 0.5
    assert wave.any(axis=0).all()  # no column without ink
    assert wave[0].any() and wave[-1].any()  # it reaches from edge to edge


def test_the_waveform_is_where_the_samples_are():
    ramp = jnp.linspace(-1, 1, 2560)[:, None]
    wave = np.asarray(picture(ramp))[-63:, :, 0] < 0.5
    rows = [np.nonzero(column)[0].mean() for column in wave.T]
    np.testing.assert_allclose(rows, np.linspace(62, 0, 256), atol=1.5)


def test_written_sounds_are_read_back(tmp_path):
    samples = np.array([[0.5, -0.5], [2.0, -2.0], [np.nan, 0.25]], np.float32)
    found, rate = soundfile.read(write_sound(tmp_path / "a" / "b.wav", samples, 22050))
    assert rate == 22050
    np.testing.assert_allclose(found, [[0.5, -0.5], [1, -1], [0, 0.25]], atol=1e-4)
    assert soundfile.info(tmp_path / "a" / "b.wav").subtype == "PCM_16"
    for name, wrong in (("b.mp3", samples), ("b.wav", samples[:0])):
        with pytest.raises(UserError, match="cannot write"):
            write_sound(tmp_path / name, wrong, 8000)


def test_random_rows_are_uniform_and_belong_together():
    coords = np.arange(50, dtype=np.float32)[:, None]
    samples = Samples(jnp.asarray(2 * coords), jnp.asarray(3 * coords[:, 0]))
    drawn = random_rows(coords, 5000)({}, samples, jax.random.key(0), jnp.asarray(0))
    np.testing.assert_array_equal(drawn.targets, 2 * drawn.inputs)
    np.testing.assert_array_equal(drawn.weights, 3 * drawn.inputs[:, 0])
    counts = np.bincount(np.asarray(drawn.inputs[:, 0], int), minlength=50)
    assert 60 < counts.min() and counts.max() < 140


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("trained") / "run"
    assert _run(workdir) == 0
    return workdir


def test_a_run_reports_and_goes_on(trained):
    assert _run(trained, "--train_steps=3") == 0
    results = json.loads((trained / "results.json").read_text())
    assert results["train_steps"] == 3
    inits = results["settings"]["default"]["inits"]
    assert {"standard", "mean", "matched", "shuffled", "meta"} == inits.keys()
    metrics = inits["meta"]["metrics"]
    # Both are measured of the same error: the range is 2, so the peak's power is 4.
    sound, _ = soundfile.read(sorted((trained / "fits").rglob("*original.wav"))[0])
    expected = metrics["psnr"]["per_signal"][0][-1] + 10 * np.log10(np.mean(sound**2) / 4)
    assert metrics["snr"]["per_signal"][0][-1] == pytest.approx(expected, abs=0.01)
    assert (trained / "report.html").stat().st_size > 1000
    assert "spectrogram: time to the right" in results["settings"]["default"]["caption"]


@pytest.mark.slow
def test_a_recording_alone_and_from_an_init(trained, tmp_path, caplog):
    file = tmp_path / "a.wav"
    soundfile.write(file, _sine(300, 0.1, 4000, 0.5), 4000)
    flags = (f"--recording={file}", "--algorithm=none", "--num_test=100")
    status = run_here(tmp_path / "alone", *flags, experiment=audio)
    results = json.loads((tmp_path / "alone" / "results.json").read_text())
    assert status == 0
    assert results["config"]["sample_rate"] == 4000 and results["config"]["duration"] == 0.1
    assert results["settings"]["default"]["inits"].keys() == {"standard"}
    sounds = sorted((tmp_path / "alone" / "fits").rglob("*.wav"))
    assert len(sounds) == 2
    for path in sounds:
        samples, rate = soundfile.read(path)
        assert len(samples) == 400 and rate == 4000
    original = soundfile.read(next(path for path in sounds if "original" in path.name))[0]
    np.testing.assert_allclose(original, soundfile.read(file)[0], atol=1e-4)  # as loud, too
    caplog.clear()
    status = run_here(
        tmp_path / "more", f"--recording={file}", f"--init={trained}", experiment=audio
    )
    results = json.loads((tmp_path / "more" / "results.json").read_text())
    assert status == 0 and results["config"]["sample_rate"] == 2000
    assert "meta" in results["settings"]["default"]["inits"]
    assert [record.getMessage() for record in caplog.records if "lasts" in record.getMessage()] == [
        f"{file} lasts 0.1 s at 4000 Hz: its first 0.05 s are fitted at 2000 Hz, as the init was "
        "learned"
    ]


def _settled(*arguments):
    with flagsaver.flagsaver():
        cli.parse(["audio", *arguments])
        flags.FLAGS.mark_as_parsed()
        return shared_flags.configuration(audio.EXPERIMENT)


def test_a_long_recording_alone_is_said_to_be_cut_once(tmp_path, caplog):
    file = tmp_path / "long.wav"
    soundfile.write(file, _sine(300, 12, 1000), 1000)
    config = _settled(f"--recording={file}", "--algorithm=none", "--networks=siren,wire")
    assert config.own.duration == 10
    audio.build(config, Summation(100, None))
    _settled(f"--recording={file}", "--algorithm=none", "--duration=3")
    assert [record.getMessage() for record in caplog.records] == [
        f"{file} lasts 12 s at 1000 Hz: its first 10 s are fitted at 1000 Hz; give --duration for "
        "more"
    ]


@pytest.mark.slow
def test_an_init_of_another_number_of_channels(trained, tmp_path, capfd):
    file = tmp_path / "stereo.wav"
    soundfile.write(file, np.stack([_sine(300, 0.1, 2000)] * 2, axis=1), 2000)
    flags = (f"--recording={file}", f"--init={trained}")
    assert run_here(tmp_path / "run", *flags, experiment=audio) == 1
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert "is [1], expected [2]" in line and "of as many channels (of sounds, --mono" in line
    assert not (tmp_path / "run").exists()
    assert run_here(tmp_path / "run", *flags, "--mono", experiment=audio) == 0


def test_the_first_frequency_is_that_of_fits_alone_or_of_learning():
    def first_omega(*arguments):
        return _settled(*arguments).field.options.first_omega

    assert first_omega("--algorithm=none") == 3000
    assert first_omega("--algorithm=none", "--first_omega=7") == 7
    assert first_omega() < 3000


@pytest.mark.slow
def test_learning_with_the_defaults_is_stable(tmp_path):
    flags = ("--width=64", "--depth=5", "--train_steps=10", "--num_test=1", "--num_validation=1")
    flags += ("--sample_rate=8000", "--duration=0.05")
    assert run_here(tmp_path / "run", *flags, experiment=audio) == 0
    lines = (tmp_path / "run" / "metrics" / "metrics.jsonl").read_text().splitlines()
    norms = [entry["gradient_norm"] for entry in map(json.loads, lines) if "gradient_norm" in entry]
    assert norms and max(norms) < 100


@pytest.mark.slow
def test_stereo_and_random_samples(tmp_path):
    for number in range(3):
        sound = np.stack([_sine(200 + 50 * number, 0.2, 2000), _sine(300, 0.2, 2000)], axis=1)
        soundfile.write(tmp_path / f"{number}.flac", sound, 2000)
    flags = (f"--audio_folder={tmp_path}", "--inner_points=16", "--num_test=1")
    assert _run(tmp_path / "run", *flags, "--tasks_per_step=1") == 0
    sounds = sorted((tmp_path / "run" / "fits").rglob("*.wav"))
    assert sounds and {soundfile.info(path).channels for path in sounds} == {2}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--signal=speach", "'speach': did you mean speech"),
        ("--sample_rate=10", "--sample_rate=10 is not possible; give a whole number from 1000"),
        ("--duration=0.001", "a duration of 0.001 s"),
        ("--audio_folder=/nowhere", "--audio_folder=/nowhere does not exist"),
        (
            "--recording=/nowhere.wav --algorithm=none",
            "cannot read sound /nowhere.wav: No such file",
        ),
        ("--recording={} --audio_folder=/nowhere", "give one of them"),
        ("--recording={}", "a.wav is one sound, of which no init can be learned: give --algorithm"),
        ("--recording={} --algorithm=none --tune", "more sounds than that of --recording"),
        ("--signal=recordings", "give --audio_folder"),
    ],
)
def test_mistakes(tmp_path, capfd, arguments, expected):
    file = tmp_path / "a.wav"
    soundfile.write(file, _sine(300, 0.1, 4000), 4000)
    capfd.readouterr()
    assert _run(tmp_path / "run", *arguments.format(file).split()) == 1
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and expected in lines[0], lines
    assert not (tmp_path / "run").exists()
