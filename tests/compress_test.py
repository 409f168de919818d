"""Folders of signals through compress and decompress: what comes back, goes on, or is refused."""

import json
import shutil

import numpy as np
import pytest
from tiny_codec import SIDE, pictures_codec, untrained
from tiny_fits import saved, smooth

from experiments.compressing import compress_folder
from experiments.compressing.compress_options import CompressOptions, request_of
from experiments.compressing.curves import bytes_at
from experiments.compressing.decompress_folder import DecompressOptions, decompress_folder
from experiments.compressing.rivals import picture_rivals
from metainr.codec import load_base, make_codec, save_base
from metainr.errors import UserError
from metainr.media.images.pictures import read_picture
from metainr.runs.saved import write_saved
from metainr.training.interrupts import Interrupted


@pytest.fixture
def base(tmp_path):
    save_base(tmp_path / "base.safetensors", pictures_codec().base)
    return tmp_path / "base.safetensors"


@pytest.fixture
def pictures(tmp_path):
    """Two in a folder and one below it, grey, deep or larger than the base, and one damaged."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    grey = np.repeat(smooth(SIDE, SIDE).mean(-1, keepdims=True), 3, -1)
    saved(folder / "a.png", grey)
    saved(folder / "below" / "b.png", smooth(2 * SIDE + 1, SIDE, 1), bits=16)
    saved(folder / "c.png", smooth(SIDE - 3, SIDE, 2))
    (folder / "damaged.png").write_bytes(b"\x89PNG no more")
    return folder


def compressed(base, pictures, output, **options):
    """Compresses; returns the lines by name."""
    given = CompressOptions(str(base), str(pictures), str(output), **options)
    compress_folder.compress_folder(request_of(given))
    lines = (output / "results.jsonl").read_text().splitlines()
    return {entry["name"]: entry for entry in map(json.loads, lines)}


def decompressed(source, output, **options):
    decompress_folder(DecompressOptions(input=str(source), output_dir=str(output), **options))


def test_a_folder_goes_through_and_comes_back(base, pictures, tmp_path):
    lines = compressed(base, pictures, tmp_path / "small", bits=8)
    assert lines.keys() == {"a.png", "below/b.png", "c.png"}
    decompressed(tmp_path / "small", tmp_path / "back")
    for name, line in lines.items():
        assert line["bytes"] == (tmp_path / "small" / f"{name}.mnr").stat().st_size
        before, after = read_picture(pictures / name), read_picture(tmp_path / "back" / name)
        assert (after.bits, after.is_grey) == (before.bits, before.is_grey)
        # The PSNR that was told is that of the file that came back.
        psnr = -10 * np.log10(np.mean((before.values.astype(float) - after.values) ** 2))
        assert psnr == pytest.approx(line["psnr"], abs=1e-3)
    results = json.loads((tmp_path / "small" / "results.json").read_text())
    assert results["bytes"] == sum(line["bytes"] for line in lines.values())
    assert list(results["unreadable"]) == ["damaged.png"]
    size = (tmp_path / "small" / "base.safetensors").stat().st_size
    points = sum(line["points"] for line in lines.values())
    assert results["with_base"] == pytest.approx(8 * (results["bytes"] + size) / points)
    decompressed(tmp_path / "small" / "c.png.mnr", tmp_path / "large", scale=3)
    assert read_picture(tmp_path / "large" / "c.png").values.shape == (3 * SIDE - 9, 3 * SIDE, 3)


def test_the_same_command_goes_on_and_writes_the_same(base, pictures, tmp_path, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    compressed(base, pictures, whole)
    add = compress_folder.Record.add

    def stop_after_one(self, entry):
        add(self, entry)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(compress_folder.Record, "add", stop_after_one)
        compressed(base, pictures, parts)
    before = (parts / "results.jsonl").read_text()
    compressed(base, pictures, parts)
    assert (parts / "results.jsonl").read_text().startswith(before)
    for path in whole.rglob("*.mnr"):
        assert path.read_bytes() == (parts / path.relative_to(whole)).read_bytes()


def test_bits_are_found_for_a_rate_and_for_a_quality(base, pictures, tmp_path):
    rate = compressed(base, pictures, tmp_path / "rate", rate=3)
    assert all(line["bits_per_point"] <= 3 for line in rate.values())
    few = compressed(base, pictures, tmp_path / "few", bits=4)
    aim = min(line["psnr"] for line in few.values())
    quality = compressed(base, pictures, tmp_path / "quality", psnr=aim - 0.01)
    assert all(line["psnr"] >= aim - 0.01 for line in quality.values())
    assert all(quality[name]["bytes"] <= few[name]["bytes"] for name in few)


def test_bad_files_are_refused_by_name_and_the_others_come_back(base, pictures, tmp_path, caplog):
    small = tmp_path / "small"
    compressed(base, pictures, small)
    data = (small / "a.png.mnr").read_bytes()
    (small / "cut.png.mnr").write_bytes(data[:-9])
    (small / "empty.png.mnr").write_bytes(b"")
    shutil.copy(pictures / "a.png", small / "picture.mnr")
    (small / "flipped.png.mnr").write_bytes(data[:12] + bytes([data[12] ^ 4]) + data[13:])
    with pytest.raises(UserError, match="4 of 7 files could not be decoded: cut.png.mnr, empty"):
        decompressed(small, tmp_path / "back")
    assert sorted(path.name for path in (tmp_path / "back").rglob("*.png")) == [
        *("a.png", "b.png", "c.png")
    ]
    other = pictures_codec().base._replace(steps=1)
    other = other._replace(statistics=other.statistics._replace(counts=other.statistics.counts + 1))
    save_base(tmp_path / "other.safetensors", other)
    with pytest.raises(UserError, match="7 of 7 files could not be decoded"):
        decompressed(small, tmp_path / "none", base=str(tmp_path / "other.safetensors"))
    assert "written with the base" in caplog.text


def test_a_base_is_made_of_a_run_and_a_folder(pictures, tmp_path):
    learned = untrained("modulations", 3)
    write_saved(tmp_path / "init.safetensors", learned.init.meta_params, learned.record)
    (pictures / "damaged.png").unlink()
    init, out = tmp_path / "init.safetensors", tmp_path / "small"
    with pytest.raises(UserError, match="does not say what it was learned on"):
        compressed(init, pictures, out)
    shutil.rmtree(out)
    compressed(init, pictures, out, train_folder=str(pictures))
    made = make_codec(load_base(out / "base.safetensors"))
    assert made.base.steps == learned.init.learner.inner_steps
    assert made.decode((out / "a.png.mnr").read_bytes()).shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 1.0, "psnr": 30.0}, "give one of them"),
        ({"input": "nowhere"}, "does not exist"),
        ({"base": None}, "are needed"),
        ({"output_dir": "pictures/inside"}, "lies in"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(options, message, pictures, monkeypatch):
    monkeypatch.chdir(pictures.parent)
    given = CompressOptions("base.safetensors", "pictures", "small")._replace(**options)
    with pytest.raises(UserError, match=message):
        request_of(given)


def test_damaged_bases_are_refused(base, tmp_path):
    with pytest.raises(UserError, match="is no base of compressed fields"):
        load_base(tmp_path / "nowhere.safetensors")
    data = base.read_bytes()
    base.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError):
        load_base(base)


def test_rivals_files_are_what_pillow_writes_and_curves_cross_where_lines_do():
    picture = smooth(32, 32)
    for name, settings in picture_rivals().items():
        _, code = settings[-1]
        found = code(picture)
        assert found.values.shape == picture.shape
        assert np.mean((found.values - picture) ** 2) < (1e-2 if "half" in name else 1e-3)
    points = [{"psnr": 20, "bytes": 100}, {"psnr": 30, "bytes": 400}]
    assert bytes_at(points, 25) == pytest.approx(200)
    assert bytes_at(points, 19) is None and bytes_at(points, 31) is None
