"""Sounds, clips and meshes as files, data sets and samples: what comes back is what was there."""

import json
import wave

import numpy as np
import pytest
import trimesh
from absl import flags
from absl.testing import flagsaver
from tiny_codec import untrained
from tiny_runs import shared_programs

import metainr
from experiments import fit, generate
from experiments.compressing.compress_folder import BASE, compress_folder
from experiments.compressing.compress_options import CompressOptions, request_of
from experiments.compressing.decompress_folder import DecompressOptions, decompress_folder
from experiments.compressing.mesh_rivals import mesh_rivals
from experiments.compressing.rivals import sound_rivals
from experiments.media.videos import write_video
from experiments.signal_files.kinds import kind_of_file, kind_of_record
from metainr import signals
from metainr.codec import load_base, make_codec
from metainr.errors import UserError
from metainr.media import clip_info, read_sound
from metainr.runs.as_data.frames import frame_of, unit_frame
from metainr.runs.saved import write_saved
from metainr.types import Hyper

SOUND = {"experiment": "audio", "sample_rate": 4000, "duration": 0.016, "signal": "notes"}
CLIP = {"experiment": "video", "clip_frames": 4, "resolution": 8, "signal": "moving"}
SOLID = {"experiment": "shapes", "shape_from": "distance", "signal": "animals"}


def _init(folder, channels, in_dim, **told):
    run = untrained("modulations", channels, in_dim, **told)
    write_saved(folder / "init.safetensors", run.init.meta_params, run.record)
    return folder / "init.safetensors"


def _call(program, *arguments):
    with flagsaver.flagsaver(), shared_programs():
        flags.FLAGS([program.__name__.rpartition(".")[2], *map(str, arguments)])
        program.main()


def _there_and_back(init, source, folder, **options):
    """Compresses and decompresses a folder, which statistics are of, too."""
    small, back = folder / "small", folder / "back"
    given = CompressOptions(str(init), str(source), str(small), train_folder=str(source))
    compress_folder(request_of(given._replace(**options)))
    decompress_folder(DecompressOptions(input=str(small), output_dir=str(back)))
    return back


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """A folder of sounds in sub-folders, and an init of such."""
    folder = tmp_path_factory.mktemp("sounds")
    for i in range(8):
        path = folder / "sounds" / ("high" if i % 2 else "low") / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = 0.5 * np.sin((i + 1) * 0.05 * np.arange(64 + i))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 4000, 0, "NONE", ""))
            file.writeframes(np.round(32767 * tone).astype("<i2").tobytes())
    return folder / "sounds", _init(folder, 1, 1, **SOUND)


def test_sounds_come_back_as_long_and_as_loud(sounds, tmp_path):
    source, init = sounds
    back = _there_and_back(init, source, tmp_path)
    for path in source.rglob("*.wav"):
        (before, rate), (after, own) = map(read_sound, (path, back / path.relative_to(source)))
        assert (after.shape, own) == (before.shape, rate)
        assert np.abs(after).max() <= np.abs(before).max() + 1e-4  # the peak is in the file


@pytest.fixture(scope="module")
def set_of_sounds(sounds, tmp_path_factory):
    source, init = sounds
    out = tmp_path_factory.mktemp("set") / "fields"
    _call(fit, f"--init={init}", f"--input={source}", f"--as_dataset={out}", "--steps=2")
    return metainr.read_fields(out)


def test_a_set_of_sounds_renders_what_was_fitted(set_of_sounds, sounds):
    """The PSNR that was told is that of what is rendered, against the class's own signal."""
    fields = set_of_sounds
    options = signals.SoundOptions(4000, 0.016, audio_folder=str(sounds[0]))
    source = signals.make("recordings", options)
    assert fields.about.classes == ("high", "low")
    for number in range(3):
        row, signal = fields.splits["train"][number], source.get("train", number)
        found = fields.render(row.vector[None])[0]
        assert found.shape == signal.shape == (64, 1)
        error = np.mean((found - signal) ** 2)
        assert row.psnr == pytest.approx(-10 * np.log10(error / 4), abs=1e-3)
        assert fields.about.classes[row.label] == source.names["train"][number].partition("/")[0]


@pytest.mark.slow
def test_samples_of_sounds_are_sounds(set_of_sounds, tmp_path, monkeypatch):
    monkeypatch.setattr("metainr.runs.as_data.generating._FEWEST", 2)
    written = set_of_sounds.splits["train"]._folder.parent
    tiny = ("--prior_width=8", "--prior_blocks=1", "--prior_batch=4", "--prior_steps=2")
    given = (f"--fields={written}", f"--workdir={tmp_path}", *tiny)
    with pytest.raises(UserError, match="is for sets of pictures"):
        _call(generate, *given, "--complete=pixels:0.5")
    _call(generate, *given, "--samples=3")
    files = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in files] == ["0000.wav", "0001.wav", "0002.wav"]
    assert read_sound(files[0])[0].shape == (64, 1)
    assert (tmp_path / "report.html").read_text().count("<audio") == 3


def test_clips_come_back_with_their_frames_and_rate(tmp_path):
    source = tmp_path / "clips"
    for i, frames in enumerate((4, 7)):
        values = np.random.default_rng(i).integers(0, 255, (frames, 8, 8, 3), np.uint8)
        write_video(source / f"{i}.gif", values, 10)
    back = _there_and_back(_init(tmp_path, 3, 3, **CLIP), source, tmp_path, steps=1)
    for i, frames in enumerate((4, 7)):
        (after,) = back.glob(f"{i}.gif*")
        assert clip_info(after).frames == frames
        assert clip_info(after).rate == pytest.approx(10, rel=0.01)


def test_frames_lie_where_the_experiments_put_signals():
    sound = frame_of(untrained("modulations", 1, 1, **SOUND))
    np.testing.assert_allclose(sound.grid(sound.shape)[:, 0], np.linspace(-1, 1, 64), atol=1e-6)
    clip = frame_of(untrained("modulations", 3, 3, **CLIP))
    pixels = (2 * np.arange(8) + 1) / 8 - 1
    mesh = np.meshgrid(np.linspace(-1, 1, 4), pixels, pixels, indexing="ij")
    np.testing.assert_allclose(clip.grid(clip.shape), np.stack(mesh, -1).reshape(-1, 3), atol=1e-6)


@pytest.fixture(scope="module")
def frame():
    return frame_of(untrained("modulations", 1, 3, **SOLID))


def _ball(frame, radius):
    distances = np.linalg.norm(frame.grid(frame.shape), axis=1) - radius
    return frame.clipped(distances).astype(np.float32).reshape(*frame.shape, 1)


def test_a_mesh_comes_back_where_it_was(frame, tmp_path):
    """A ball of radius 3 about (5, 6, 7): read as distances, written as a mesh again."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=3)
    ball.apply_translation([5, 6, 7])
    ball.export(tmp_path / "ball.ply")
    values, about = kind_of_record(SOLID, frame).read(tmp_path / "ball.ply")
    np.testing.assert_allclose(values, _ball(frame, 0.9), atol=0.03)
    kind_of_file(about.kind).write(tmp_path / "back.glb", values, about)
    back = trimesh.load(tmp_path / "back.glb", force="mesh")
    np.testing.assert_allclose(np.linalg.norm(back.vertices - [5, 6, 7], axis=1), 3, atol=0.1)
    with pytest.raises(UserError, match="no surface"):
        kind_of_file("solid").write(tmp_path / "none.glb", np.ones_like(values), about)


def test_rounded_meshes_are_better_with_more_bits_and_points(frame):
    values = _ball(frame, 0.7)
    found = {
        name: [code(values) for _, code in (settings[0], settings[-1])]
        for name, settings in mesh_rivals(frame).items()
        if "zlib" in name
    }
    for name, (few, many) in found.items():
        assert few.size < many.size, name
        assert frame.psnr(few.values, values) < frame.psnr(many.values, values), name
    best = [frame.psnr(many.values, values) for _, many in found.values()]
    assert best == sorted(best) and best[-1] > 35


def test_sounds_of_other_codecs_are_measured_without_their_delay():
    pytest.importorskip("imageio_ffmpeg")
    rng = np.random.default_rng(0)
    tone = np.sin(0.3 * np.arange(4000)) * np.exp(-np.arange(4000) / 1500)
    sound = (0.8 * tone + 0.001 * rng.standard_normal(4000))[:, None].astype(np.float32)
    for name, settings in sound_rivals(8000).items():
        setting, code = settings[-1]
        error = np.mean((code(sound).values - sound) ** 2)
        assert -10 * np.log10(error / 4) > 30, (name, setting)


@pytest.mark.slow
def test_meshes_go_through_a_codec(frame, tmp_path):
    """What was told is the PSNR of the distances, and meshes lie where their sources did."""
    run = untrained("maml", 1, 3, Hyper("adam", 3e-3), **SOLID)
    write_saved(tmp_path / "init.safetensors", run.init.meta_params, run.record)
    (tmp_path / "balls").mkdir()
    for radius in (1, 2):
        ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
        ball.apply_translation([10 * radius, 0, 0])
        ball.export(tmp_path / "balls" / f"{radius}.ply")
    back = _there_and_back(
        tmp_path / "init.safetensors", tmp_path / "balls", tmp_path, steps=100, bits=12
    )
    kind, codec = kind_of_record(SOLID, frame), make_codec(load_base(tmp_path / "small" / BASE))
    for line in map(json.loads, (tmp_path / "small" / "results.jsonl").read_text().splitlines()):
        radius = int(line["name"][0])
        values, _ = kind.read(tmp_path / "balls" / line["name"])
        found = codec.decode((tmp_path / "small" / f"{line['name']}.mnr").read_bytes())
        assert frame.psnr(found, values) == pytest.approx(line["psnr"], abs=1e-3)
        mesh = trimesh.load(back / f"{radius}.ply.glb", force="mesh")
        np.testing.assert_allclose(mesh.vertices.mean(0), (10 * radius, 0, 0), atol=0.3 * radius)
    assert np.asarray(kind.picture(values))[48, 48].min() < 0.9  # a thing in the middle
    other = untrained("maml", 1, 3, **SOLID | {"shape_from": "cloud"})
    write_saved(tmp_path / "cloud.safetensors", other.init.meta_params, other.record)
    with pytest.raises(UserError, match="learned from clouds"):
        _there_and_back(tmp_path / "cloud.safetensors", tmp_path / "balls", tmp_path / "no")


def test_arrays_are_read_as_they_are_learned_from(tmp_path):
    """One channel need not be told, integers are scaled, and what lies outside is refused."""
    kind = kind_of_record({}, unit_frame((2, 5), 1))
    np.save(tmp_path / "levels.npy", np.array([[0, 51, 255, 0, 0]] * 2, np.uint8))
    values, _ = kind.read(tmp_path / "levels.npy")
    np.testing.assert_allclose(values, [[[0], [0.2], [1], [0], [0]]] * 2, rtol=1e-6)
    np.save(tmp_path / "far.npy", np.full((2, 5), 7.0))
    with pytest.raises(UserError, match="far.npy: values from 7 to 7, expected 0 to 1"):
        kind.read(tmp_path / "far.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "far.npy").read_bytes()[:90])
    with pytest.raises(UserError, match="cannot read array .*cut.npy"):
        kind.read(tmp_path / "cut.npy")
