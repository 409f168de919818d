"""Folders as users have them: mixed, damaged, missing or empty."""

import re

import numpy as np
import pytest
from absl import logging
from PIL import Image

from metainr import signals
from metainr.errors import UserError
from metainr.signals.own_files import split_paths


@pytest.fixture
def pictures(tmp_path):
    """Twelve pictures of one grey value each (20, 30, …), in two folders and several formats."""
    (tmp_path / "below" / "deeper").mkdir(parents=True)
    for index in range(12):
        folder = tmp_path if index % 2 else tmp_path / "below" / "deeper"
        suffix = ("png", "PNG", "tif", "bmp", "jpeg", "webp")[index % 6]
        image = Image.new("L", (20 + index, 31 - index), 20 + 10 * index)
        image.save(folder / f"picture{index}.{suffix}")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    return lines


def _make(path, resolution=16, seed=0):
    return signals.make("folder", signals.ImageOptions(resolution, seed, image_folder=str(path)))


def _greys(signal, split):
    return [round(255 * float(signal.get(split, i).mean())) for i in range(signal.sizes[split])]


@pytest.mark.parametrize("resolution", [16, 37])
def test_every_picture_is_in_one_split(pictures, warnings, resolution):
    signal = _make(pictures, resolution)
    assert signal.sizes == {"train": 10, "validation": 1, "test": 1}
    greys = sum((_greys(signal, split) for split in signal.sizes), [])
    np.testing.assert_allclose(sorted(greys), 20 + 10 * np.arange(12), atol=2)
    image = signal.get("train", 0)
    assert image.shape == (resolution, resolution, 3)
    assert image.dtype == np.float32
    assert not warnings
    for split, names in signal.names.items():
        assert [20 + 10 * int(re.search(r"\d+", name)[0]) for name in names] == pytest.approx(
            _greys(signal, split), abs=2
        )
    everything = sum(signal.names.values(), [])
    assert {"picture1.PNG", "below/deeper/picture0.png"} < {*everything}


def test_split_depends_on_the_seed_alone(pictures):
    orders = [_greys(_make(pictures, seed=seed), "train") for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_indices_are_checked(pictures):
    signal = _make(pictures)
    for index in (-1, 10):
        with pytest.raises(IndexError, match="'train', which has 10"):
            signal.get("train", index)


@pytest.mark.parametrize("count, held_out", [(3, 1), (19, 1), (20, 2), (1000, 100)])
def test_split_fractions(count, held_out):
    paths = [f"{index}.png" for index in range(count)]
    parts = split_paths(paths, 5)
    assert [len(part) for part in parts.values()] == [count - 2 * held_out, held_out, held_out]
    assert sorted(sum(parts.values(), [])) == sorted(paths)
    assert split_paths(paths[::-1], 5) == parts


def test_the_centre_is_cut_after_scaling(tmp_path):
    columns = np.zeros((20, 60, 3), np.uint8)
    columns[:, 20:40] = 255
    for index in range(3):
        columns[:, 0] = index  # or they were copies
        Image.fromarray(columns).save(tmp_path / f"{index}.png")
    np.testing.assert_array_equal(_make(tmp_path, 20).get("train", 0), 1)
    np.testing.assert_array_equal(_make(tmp_path, 10).get("train", 0)[:, 1:-1], 1)


def test_damaged_pictures_are_skipped_with_one_line(pictures, warnings):
    good = (pictures / "picture1.PNG").read_bytes()
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "truncated.png").write_bytes(good[: len(good) // 2])
    (pictures / "text.jpg").write_text("hello")
    Image.new("L", (1, 9)).save(pictures / "thin.png")
    signal = _make(pictures)
    assert sum(signal.sizes.values()) == 12
    assert len(warnings) == 1
    assert "skipped 4 unreadable or tiny pictures" in warnings[0]
    for name in ("empty.png", "truncated.png", "text.jpg", "thin.png"):
        assert name in warnings[0]


def test_many_damaged_pictures_are_counted_but_not_all_named(pictures, warnings):
    for index in range(9):
        (pictures / f"bad{index}.png").write_bytes(b"")
    _make(pictures)
    assert "skipped 9" in warnings[0]
    assert warnings[0].endswith("bad4.png, …")


def test_a_picture_that_vanishes_is_named(pictures):
    signal = _make(pictures)
    for path in pictures.rglob("picture*"):
        path.unlink()
    with pytest.raises(UserError, match="cannot read picture .*picture"):
        signal.get("test", 0)


def test_folders_that_cannot_do(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "bad.png").write_bytes(b"")
    for index in range(2):
        Image.new("L", (4, 4), index).save(tmp_path / "few" / f"{index}.png")
    (tmp_path / "file.png").write_bytes(b"")
    for name, message in {
        "missing": "missing does not exist; give image_folder",
        "file.png": "file.png is a file; give image_folder",
        "empty": "empty has no pictures among its 0 files; put PNG",
        "few": r"few has 2 good pictures and 1 unreadable or too small \(bad.png\); .*add pictures",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            _make(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_no_folder_names_the_flag():
    with pytest.raises(UserError, match="image_folder"):
        signals.make("folder", signals.ImageOptions(16))


def test_pictures_of_two_splits_that_are_nearly_equal_are_told(tmp_path, caplog):
    rng = np.random.default_rng(0)
    for number in range(6):
        image = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize((60, 60))
        image.save(tmp_path / f"{number}.png")
    assert _make(tmp_path).sizes and "nearly equal" not in caplog.text
    for number in range(6):  # one of its twin lies in another split, whatever the shuffle
        Image.open(tmp_path / f"{number}.png").save(tmp_path / f"{number}.jpg", quality=70)
    _make(tmp_path)
    assert "pairs of pictures in different splits are nearly equal" in caplog.text
