"""Sounds: notes of the stated pitch, vowels with their formants, and files that are read back."""

import io
import os
import struct

import numpy as np
import pytest
import soundfile

from metainr import signals
from metainr.errors import UserError
from metainr.media.recordings.sounds import fitted_to, read_sound, resampled
from metainr.signals.audio.notes import Note, pluck
from metainr.signals.audio.speech import VOWELS, voiced

OPTIONS = signals.SoundOptions(8000, 0.25)
RATE = 8000


def _sine(frequency, seconds, rate=RATE, channels=1):
    times = np.arange(round(seconds * rate)) / rate
    sound = 0.5 * np.sin(2 * np.pi * frequency * times)
    return np.stack([sound / (1 + channel) for channel in range(channels)], axis=1)


def _peak(sound, rate=RATE):
    """The frequency of the strongest component, to a hundredth of a bin."""
    padded = np.fft.rfft(sound * np.hanning(len(sound)), 64 * len(sound))
    return np.abs(padded).argmax() * rate / (64 * len(sound))


@pytest.fixture
def folder(tmp_path):
    """A folder of five sines, a second each, at 16 kHz."""
    for number in range(5):
        sound = _sine(300 + 100 * number, 1, 16000)
        soundfile.write(tmp_path / f"{number}.wav", sound, 16000)
    return tmp_path


@pytest.mark.parametrize("name", ["notes", "speech"])
def test_generated_sounds_are_loud(name):
    sounds = signals.make(name, OPTIONS)
    assert all(np.abs(sounds.get("train", index)).max() > 0.4 for index in range(20))


def test_names_and_options_that_do_not_exist(tmp_path):
    with pytest.raises(UserError, match="'note': did you mean notes"):
        signals.make("note", OPTIONS)
    soundfile.write(tmp_path / "long.wav", _sine(440, 20), RATE)
    options = OPTIONS._replace(recording=str(tmp_path / "long.wav"))
    too_long = {"duration": 1e9}, "8000000000000 samples .* more than 268435456"
    for wrong, told in (({"sample_rate": 3}, "3 Hz"), ({"duration": 0.001}, "0.001 s"), too_long):
        for name in signals.FAMILIES[signals.SoundOptions].classes:
            with pytest.raises(UserError, match=told):
                signals.make(name, options._replace(**wrong))


def test_a_note_has_its_pitch_its_partials_and_silence_before():
    options = signals.SoundOptions(RATE, 1.0)
    sound = pluck(Note(440.0, brightness=1.0, decay=4.0, loudness=0.7), options)[:, 0]
    assert np.abs(sound).max() == pytest.approx(0.7) and not sound[:160].any()
    assert _peak(sound) == pytest.approx(440, abs=1)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))  # bins of 1 Hz
    assert all(spectrum[440 * k] > 20 * spectrum[440 * k + 220] for k in range(1, 9))
    assert spectrum[3650:].max() < 1e-3 * spectrum.max()  # nothing above 0.45 of the rate
    # The first partial alone is heard in the end, and falls by e^(-4 · 0.2 s).
    levels = [np.abs(sound[a : a + 800]).max() for a in (5600, 7200)]
    assert levels[1] / levels[0] == pytest.approx(np.exp(-0.8), rel=0.1)


def test_the_pitches_of_notes_fill_an_octave():
    options = signals.SoundOptions(4000, 1.0)
    notes = signals.make("notes", options)
    pitches = [_peak(notes.get("train", i)[:, 0], 4000) for i in range(40)]
    assert 109 < min(pitches) < 125 and 195 < max(pitches) < 221


@pytest.mark.parametrize("vowel", VOWELS)
def test_vowels_have_their_formants(vowel):
    n = 2 * RATE
    pitch, formants = np.full(n, 20.0), np.tile(VOWELS[vowel], (n, 1))
    sound = voiced(pitch, formants.astype(float), np.ones(n), RATE)
    harmonics = np.arange(1, 170)
    # One harmonic every 20 Hz, two bins of 0.5 Hz each a period: the spectrum is sampled there.
    levels = np.abs(np.fft.rfft(sound))[40 * harmonics] * harmonics
    for formant in VOWELS[vowel]:
        near = np.abs(20 * harmonics - formant) < 120
        inner = levels[near].argmax()
        assert abs(20 * harmonics[near][inner] - formant) <= 40 and 0 < inner < near.sum() - 1


def test_speech_pauses():
    speech = signals.make("speech", signals.SoundOptions(RATE, 0.6))
    for index in range(3):
        quiet = np.abs(speech.get("train", index)[:, 0]) < 1e-6
        blocks = quiet.reshape(-1, 80).all(axis=1)
        assert 3 <= blocks.sum() < 30


@pytest.mark.parametrize(
    ("ending", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1 / 120),
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "FLOAT", 0),
        ("flac", "PCM_16", 1e-4),
        ("ogg", "VORBIS", 0.1),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_files_are_read_back(tmp_path, ending, subtype, tolerance, channels):
    sound = _sine(440, 0.5, channels=channels).astype(np.float32)
    path = tmp_path / f"sound.{ending}"
    soundfile.write(path, sound, RATE, subtype)
    found, rate = read_sound(path)
    assert rate == RATE and found.shape == sound.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, sound, atol=tolerance)
    part, _ = read_sound(path, 100, 50)
    np.testing.assert_allclose(part, sound[100:150], atol=tolerance)


@pytest.mark.parametrize(("old", "new"), [(44100, 8000), (8000, 44100), (11025, 8000)])
def test_resampling_keeps_frequencies_and_lengths(old, new):
    found = resampled(_sine(600, 0.5, old, 2), old, new)
    assert found.shape[1] == 2 and 0 <= len(found) - 0.5 * new <= 1
    inner = slice(len(found) // 10, -len(found) // 10)
    np.testing.assert_allclose(
        found[inner], _sine(600, 0.51, new, 2)[: len(found)][inner], atol=2e-3
    )


def test_resampling_does_not_alias():
    found = resampled(_sine(5000, 0.5, 16000), 16000, 8000)
    assert np.abs(found[100:-100]).max() < 0.01


def test_lengths_are_cut_and_padded():
    sound = np.array([[0.1], [-0.5], [0.2]], np.float32)
    np.testing.assert_allclose(fitted_to(sound, 2), [[0.2], [-1]])
    np.testing.assert_allclose(fitted_to(sound, 4), [[0.2], [-1], [0.4], [0]])


def test_a_folder_is_split_cut_and_resampled(folder):
    options = OPTIONS._replace(audio_folder=str(folder))
    recordings = signals.make("recordings", options)
    assert recordings.sizes == {"train": 3, "validation": 1, "test": 1}
    sounds = [recordings.get(split, i) for split, n in recordings.sizes.items() for i in range(n)]
    assert {sound.shape for sound in sounds} == {(2000, 1)}
    numbers = [int(name.removesuffix(".wav")) for name in sum(recordings.names.values(), [])]
    assert sorted(numbers) == list(range(5))
    assert [round(_peak(s[:, 0]), -1) for s in sounds] == [300 + 100 * n for n in numbers]
    np.testing.assert_array_equal(sounds[0], signals.make("recordings", options).get("train", 0))
    for sound in sounds:
        assert np.abs(sound).max() == 1


def test_pauses_are_passed_over(tmp_path):
    for number in range(3):
        sound = np.concatenate([np.zeros((7 * RATE, 1)), _sine(500 + number, 3)])
        soundfile.write(tmp_path / f"{number}.wav", sound, RATE)
    recordings = signals.make("recordings", OPTIONS._replace(audio_folder=str(tmp_path)))
    found = [recordings.get(split, 0) for split in recordings.sizes]
    assert sum(np.abs(sound).max() == 1 for sound in found) >= 2


def test_short_sounds_end_in_silence_and_bad_ones_are_left_out(folder, caplog):
    soundfile.write(folder / "short.wav", _sine(440, 0.1, 16000), 16000)
    soundfile.write(folder / "click.wav", _sine(440, 0.01, 16000), 16000)
    soundfile.write(folder / "empty.wav", np.zeros((0, 1)), 16000)
    soundfile.write(folder / "silent.flac", np.zeros((16000, 1)), 16000)
    (folder / "noise.wav").write_bytes(b"not a sound")
    options = OPTIONS._replace(audio_folder=str(folder))
    recordings = signals.make("recordings", options)
    assert sum(recordings.sizes.values()) == 6 and "left out 4 unusable" in caplog.text
    sounds = [recordings.get(s, i) for s, n in recordings.sizes.items() for i in range(n)]
    assert sum(not sound[810:].any() for sound in sounds) == 1


def test_one_file(tmp_path):
    soundfile.write(tmp_path / "a.wav", _sine(440, 0.3, channels=2), RATE)
    options = OPTIONS._replace(recording=str(tmp_path / "a.wav"))
    recording = signals.make("recording", options)
    assert recording.sizes == {"train": 0, "validation": 0, "test": 1}
    assert recording.names["test"] == ("a.wav",)
    expected = _sine(440, 0.25, channels=2)
    np.testing.assert_allclose(
        recording.get("test", 0), expected / np.abs(expected).max(), atol=1e-3
    )
    soundfile.write(tmp_path / "a.wav", np.concatenate([np.zeros(4000), np.ones(100)]), RATE)
    with pytest.raises(UserError, match="the first 0.25 s of .* are silent"):
        signals.make("recording", options)


def test_channels_are_averaged_where_one_is_asked_for(tmp_path, caplog):
    for number in range(4):
        sound = _sine(440 + number, 0.5, channels=1 + number % 2)
        soundfile.write(tmp_path / f"{number}.wav", sound, RATE)
    options = OPTIONS._replace(audio_folder=str(tmp_path))
    with pytest.raises(UserError, match="mixes channels: .* give mono to read the mean"):
        signals.make("recordings", options)
    sound = _sine(440, 0.5, channels=2) * [1, -1]
    soundfile.write(tmp_path / "opposed.wav", sound / np.abs(sound).max(0) * [0.5, 0.5], RATE)
    sounds = signals.make("recordings", options._replace(mono=True))
    assert sum(sounds.sizes.values()) == 4 and "opposed.wav is silent" in caplog.text
    assert sounds.get("train", 0).shape == (OPTIONS.resolution, 1)
    one = OPTIONS._replace(recording=str(tmp_path / "1.wav"), mono=True)
    found = signals.make("recording", one).get("test", 0)
    np.testing.assert_allclose(found, 2 * _sine(441, 0.25), atol=1e-3)  # its peak is 1


def test_a_recording_of_too_few_samples_is_named(tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, _sine(440, 1)[:2], RATE)
    options = OPTIONS._replace(recording=str(path), duration=2 / RATE)
    with pytest.raises(UserError, match=r"short.wav has 2 samples at 8000 Hz.* fewer than 32"):
        signals.make("recording", options)


def test_a_folder_is_no_sound(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: it is a folder; give a file"):
        read_sound(tmp_path)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2])
def test_sounds_that_are_cut_off(tmp_path, subtype, channels):
    data, path = _wav(_sine(440, 0.25, channels=channels), RATE, subtype), tmp_path / "cut.wav"
    size = len(_wav(_sine(440, 0.25, channels=channels)[:478], RATE, subtype))
    path.write_bytes(data[:size])
    for part in ((), (100, 50)):
        with pytest.raises(UserError, match="cut.wav is cut off: .* 2000 samples, and 478 are"):
            read_sound(path, *part)
    # A program that writes to a pipe does not know how many there will be.
    place = data.index(b"data") + 4
    path.write_bytes(data[:place] + b"\xff" * 4 + data[place + 4 :])
    assert len(read_sound(path)[0]) == 2000


@pytest.mark.parametrize("kind", ["RF64", "W64", "AIFF"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_large_and_aiff_sounds_that_are_cut_off(tmp_path, kind, subtype):
    ending = "aiff" if kind == "AIFF" else "wav"
    path = tmp_path / f"cut.{ending}"
    soundfile.write(path, _sine(440, 0.25, channels=2), RATE, subtype, format=kind)
    assert len(read_sound(path)[0]) == 2000
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=f"cut.{ending} is cut off: it promises 2000 samples"):
        read_sound(path)


def test_big_endian_sounds_that_are_cut_off(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, _sine(440, 0.25, channels=2), RATE, "PCM_16", endian="BIG", format="WAV")
    data = path.read_bytes()
    assert data[:4] == b"RIFX" and len(read_sound(path)[0]) == 2000
    path.write_bytes(data[:5000])
    with pytest.raises(UserError, match="a.wav is cut off: it promises 2000 samples"):
        read_sound(path)


def test_a_header_of_no_samples_before_some_is_named(tmp_path):
    data, path = _wav(_sine(440, 0.25), RATE, "PCM_16"), tmp_path / "zero.wav"
    place = data.index(b"data") + 4
    headers = data[:4] + bytes([place - 4, 0, 0, 0]) + data[8:place] + bytes(4)
    path.write_bytes(headers + data[place + 4 :])
    with pytest.raises(UserError, match="zero.wav says that it has no samples, and 4000 bytes"):
        read_sound(path)
    path.write_bytes(headers)
    with pytest.raises(UserError, match="zero.wav is empty"):
        read_sound(path)


def test_an_mp3_that_is_cut_off(tmp_path):
    path = tmp_path / "cut.mp3"
    soundfile.write(path, _sine(440, 5), RATE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="cut.mp3 is cut off: it promises 40000 samples"):
        read_sound(path)


@pytest.mark.parametrize("turn", [1, -1])
def test_an_mp3_of_variable_rate_that_does_not_tell_its_length(tmp_path, turn):
    path, noise = tmp_path / "a.mp3", 0.3 * np.random.default_rng(0).normal(size=(80000, 1))
    sound = np.concatenate([noise, 0 * noise])[::turn]
    soundfile.write(path, sound, RATE, compression_level=0.5, bitrate_mode="VARIABLE")
    assert len(read_sound(path)[0]) == 160000
    data = path.read_bytes()
    path.write_bytes(data[data.index(data[:2], 2) :])  # without the frame that tells it
    if turn == 1:  # by the rate of the first frames the decoder takes it for shorter
        with pytest.raises(UserError, match="holds 16.* of which its decoder reads .* as WAV"):
            read_sound(path)
    else:
        assert len(read_sound(path)[0]) == pytest.approx(160000, abs=2000)


def test_several_mp3s_in_one(tmp_path):
    path = tmp_path / "a.mp3"
    soundfile.write(path, _sine(440, 5), RATE)
    path.write_bytes(2 * path.read_bytes())
    with pytest.raises(UserError, match="of which its decoder reads 40000.* several MP3s in one"):
        read_sound(path)


def test_oggs_without_an_end_and_of_several_recordings_are_told(tmp_path, caplog):
    path = tmp_path / "a.ogg"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=(99999, 1)), RATE)
    data = path.read_bytes()
    read_sound(path)
    assert not caplog.text
    path.write_bytes(data[: len(data) * 2 // 3])
    assert len(read_sound(path)[0]) < 99999 and "a.ogg: it has no end" in caplog.text
    path.write_bytes(2 * data)
    assert len(read_sound(path)[0]) == 99999 and "a.ogg: it holds several recordings" in caplog.text


def test_samples_behind_those_that_a_header_tells_of(tmp_path):
    path = tmp_path / "old.wav"
    data = _wav(_sine(440, 1), RATE, "PCM_16")
    place = data.index(b"data") + 4
    path.write_bytes(data[:place] + struct.pack("<I", 4002) + data[place + 4 :])
    with pytest.raises(UserError, match="old.wav goes on for 11998 bytes after the samples"):
        read_sound(path)
    # Parts of other programs, whole or padded, are none.
    for rest in (b"LIST" + struct.pack("<I", 5000) + bytes(5000), bytes(5000)):
        path.write_bytes(data + rest)
        assert len(read_sound(path)[0]) == RATE


def test_codes_and_lengths_that_are_not_read_are_named(tmp_path):
    soundfile.write(tmp_path / "a.wav", _sine(440, 1), RATE, "GSM610")
    with pytest.raises(UserError, match="a.wav is coded as GSM 6.10, .* save it as PCM"):
        read_sound(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.flac", _sine(440, 1), RATE)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21:26] = bytes([data[21] & 240, *bytes(4)])  # the count of samples, as a pipe leaves it
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(UserError, match="a.flac does not say how long it is; write it anew"):
        read_sound(tmp_path / "a.flac")


def test_a_sound_that_claims_more_than_memory_holds(tmp_path):
    path = tmp_path / "bomb.flac"
    soundfile.write(path, _sine(440, 1), RATE)
    data = bytearray(path.read_bytes())
    data[21:26] = bytes([data[21] | 15, *[255] * 4])  # the count of samples, 36 bits
    path.write_bytes(data)
    with pytest.raises(UserError, match="has 68719476735 values, more than the 268435456"):
        read_sound(path)


def test_pipes_and_devices_are_no_sounds(folder):
    os.mkfifo(folder / "pipe.wav")
    (folder / "device.wav").symlink_to("/dev/zero")
    for name in ("pipe.wav", "device.wav"):
        with pytest.raises(UserError, match=f"sound .*{name}: it is a pipe or device; give a file"):
            read_sound(folder / name)
    recordings = signals.make("recordings", OPTIONS._replace(audio_folder=str(folder)))
    assert sum(recordings.sizes.values()) == 5


def test_a_sounds_own_level_is_known(folder, tmp_path):
    for number in range(5):
        soundfile.write(
            folder / f"{number}.wav", 0.1 * (1 + number) * _sine(300 + number, 1, 16000), 16000
        )
    options = OPTIONS._replace(audio_folder=str(folder), recording=str(folder / "1.wav"))
    recordings = signals.make("recordings", options)
    for split, names in recordings.names.items():
        for index, name in enumerate(names):
            expected = 0.05 * (1 + int(name[0]))
            assert recordings.level(split, index) == pytest.approx(expected, rel=0.01)
            assert np.abs(recordings.get(split, index)).max() == 1
    assert signals.make("recording", options).level("test", 0) == pytest.approx(0.1, rel=0.01)
    assert signals.make("notes", OPTIONS).level("test", 3) == 1


def _wav(samples, rate=RATE, subtype="FLOAT"):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype, format="WAV")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"RIFF", "cannot read sound"),
        (_wav(np.zeros((0, 1))), "is empty"),
        (_wav(np.zeros(100)), "is silent"),
        (_wav(np.array([0.1, np.nan])), "not finite"),
        (_wav(_sine(440, 1), rate=2), "2 samples a second"),
        (_wav(_sine(440, 1), rate=10**6), "1000000 samples a second"),
    ],
    # Named, as a WAV file holds the time at which it was written, and workers collect at others.
    ids=["no sound", "empty", "silent", "not finite", "too slow", "too fast"],
)
def test_bad_files(tmp_path, data, expected):
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    with pytest.raises(UserError, match=expected) as raised:
        read_sound(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_folders_that_are_no_class(folder, tmp_path):
    def refusal(path):
        with pytest.raises(UserError) as raised:
            signals.make("recordings", OPTIONS._replace(audio_folder=path))
        return str(raised.value)

    assert "give audio_folder" in refusal(None)
    assert "does not exist" in refusal("/nowhere")
    assert "is a file" in refusal(str(folder / "0.wav"))
    (tmp_path / "none").mkdir()
    assert "has no sounds" in refusal(str(tmp_path / "none"))
    for number in (0, 1, 2):
        (folder / f"{number}.wav").write_bytes(b"")
    assert "has 2 good sounds and 3 unusable: 0.wav" in refusal(str(folder))
    for number in (0, 1):
        soundfile.write(folder / f"{number}.wav", _sine(440, 1, 16000, 2), 16000)
    assert "3.wav has 1, " in refusal(str(folder)) or "4.wav has 1, " in refusal(str(folder))
