import importlib

import numpy as np
import pytest
from absl import logging
from dicom_files import write_dicom
from PIL import Image

from metainr.errors import UserError
from metainr.media.slices.stacks import read_stack
from metainr.signals import SliceOptions, make, slice_window


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *rest: lines.append(line % rest))
    return lines


def _ramp(h=6, w=6, top=1000.0):
    return (np.arange(h * w).reshape(h, w) * top / (h * w - 1)).astype(np.float32)


def _save_ramps(folder):
    """Three files of the same values, none a copy of another."""
    for number, kind in enumerate(("<f4", "<f8", ">f4")):
        np.save(folder / f"{number}.npy", _ramp().astype(kind))


def _options(root, **changes):
    return SliceOptions(6)._replace(**{"folder": str(root), **changes})


def _all(signals):
    return [signals.get(split, i) for split, size in signals.sizes.items() for i in range(size)]


@pytest.mark.parametrize(
    "name,values",
    [
        ("a.png", _ramp().astype(np.uint16)),
        ("a.png", _ramp(top=255).astype(np.uint8)),
        ("a.tif", _ramp(top=60000).astype(np.uint16)),
        ("a.tiff", _ramp() / 7),
        ("a.npy", _ramp().astype(np.float64)),
        ("A.NPY", _ramp(5, 7).astype(np.int16)),
    ],
)
def test_intensities_stay_as_they_are_stored(tmp_path, name, values):
    path = tmp_path / name
    if name.lower().endswith(".npy"):
        with path.open("wb") as file:
            np.save(file, values)
    else:
        Image.fromarray(values).save(path)
    stack = read_stack(path)
    assert stack.dtype == np.float32
    np.testing.assert_array_equal(stack, values[None].astype(np.float32))


def test_pages_and_planes_are_slices(tmp_path):
    volume = np.stack([_ramp(4, 5, top) for top in (10, 20, 30)])
    pages = [Image.fromarray(page) for page in volume]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    np.save(tmp_path / "a.npy", volume)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif"), volume)
    for axis in range(3):
        found = read_stack(tmp_path / "a.npy", axis)
        np.testing.assert_array_equal(found, np.moveaxis(volume, axis, 0))


def test_dicom_is_rescaled(tmp_path):
    path, values = tmp_path / "a.dcm", _ramp(5, 4).astype(np.uint16)
    write_dicom(path, values, "1.2.3", RescaleSlope="2", RescaleIntercept="-1024")
    np.testing.assert_array_equal(read_stack(path)[0], 2.0 * values - 1024)


def test_the_padding_of_dicom_is_left_out(tmp_path):
    path, values = tmp_path / "a.dcm", np.array([[9, 500], [700, 9]], np.uint16)
    write_dicom(path, values, "1.2.3", PixelPaddingValue=9)
    np.testing.assert_array_equal(read_stack(path)[0], [[500, 500], [700, 500]])
    values = np.array([[9, 500], [700, 11]], np.uint16)
    for ends in ((9, 11), (11, 9)):
        tags = dict(zip(("PixelPaddingValue", "PixelPaddingRangeLimit"), ends))
        write_dicom(path, values, "1.2.3", **tags, RescaleSlope="-1")
        np.testing.assert_array_equal(read_stack(path)[0], [[-700, -500], [-700, -700]])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_stands_upright(tmp_path, suffix):
    nibabel = pytest.importorskip("nibabel")
    volume = np.zeros((4, 5, 3), np.float32)  # to the left, to the front, up
    volume[0, 4, 2] = 7
    path = tmp_path / f"a{suffix}"
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([-1.0, 1, 1, 1])), path)
    found = read_stack(path)
    assert found.shape == (3, 5, 4)
    assert found[2, 0, 3] == 7  # the front is above, the right on the right
    assert read_stack(path, 1).shape == (5, 3, 4)


def test_the_window_maps_to_0_and_1(tmp_path):
    _save_ramps(tmp_path)
    for image in _all(make("slices", _options(tmp_path, window=(100, 600)))):
        assert image.shape == (6, 6, 1) and image.dtype == np.float32
        np.testing.assert_allclose(image[..., 0], np.clip((_ramp() - 100) / 500, 0, 1), atol=1e-6)


def test_the_window_of_a_set_is_its_percentiles(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        np.save(tmp_path / f"{number}.npy", rng.uniform(0, 100 * (number + 1), (2, 80, 90)))
    values = np.concatenate([np.load(tmp_path / f"{number}.npy").ravel() for number in range(4)])
    window = slice_window(_options(tmp_path))
    np.testing.assert_allclose(window, np.percentile(values, (1, 99)), rtol=0.05)
    given, own = (
        make("slices", _options(tmp_path, window=one)).get("test", 0) for one in (window, None)
    )
    np.testing.assert_array_equal(given, own)
    assert slice_window(_options(tmp_path, window=(3, 4))) == (3.0, 4.0)


def test_masks_have_a_window_too(tmp_path):
    mask = np.zeros((3, 30, 30))
    mask[:, 4, 4] = 1
    np.save(tmp_path / "a.npy", mask)
    assert slice_window(_options(tmp_path)) == (0.0, 1.0)
    np.save(tmp_path / "a.npy", 0 * mask)
    with pytest.raises(UserError, match="0 everywhere; give window"):
        slice_window(_options(tmp_path))


def test_a_callers_changes_stay_with_the_caller(tmp_path):
    np.save(tmp_path / "a.npy", np.stack(3 * [_ramp()]))
    signals = make("slices", _options(tmp_path))
    first = signals.get("train", 0)
    kept = first.copy()
    first[:] = 0.5
    np.testing.assert_array_equal(signals.get("train", 0), kept)


def test_oblong_slices_get_margins(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 4, 8)))
    image = make("slices", _options(tmp_path, resolution=8, window=(0, 1))).get("train", 0)
    np.testing.assert_array_equal(image[2:6], 1)
    np.testing.assert_array_equal(image[[0, 1, 6, 7]], 0)


def _bodies(signals):
    return {
        split: {int(round(100 * float(signals.get(split, i).mean()))) for i in range(size)}
        for split, size in signals.sizes.items()
    }


def test_volumes_never_straddle_splits(tmp_path):
    for number in range(10):
        np.save(tmp_path / f"{number}.npy", np.full((3, 4, 4), number / 10))
    signals = make("slices", _options(tmp_path, window=(0, 1)))
    assert signals.sizes == {"train": 24, "validation": 3, "test": 3}
    bodies = _bodies(signals)
    assert set.union(*bodies.values()) == set(range(0, 100, 10))
    assert sum(len(part) for part in bodies.values()) == 10
    other = make("slices", _options(tmp_path, window=(0, 1), seed=1))
    assert _bodies(other) != bodies


def test_a_series_is_one_volume(tmp_path):
    for number in range(12):
        values = np.full((4, 4), 10 * (number % 4), np.uint16)
        write_dicom(tmp_path / f"{number}.dcm", values, f"1.2.{number % 4}")
    bodies = _bodies(make("slices", _options(tmp_path, window=(0, 100))))
    assert sum(len(part) for part in bodies.values()) == 4


def test_one_volume_is_cut_into_runs(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(20)[:, None, None] * np.full((1, 3, 3), 0.01))
    bodies = _bodies(make("slices", _options(tmp_path, window=(0, 1))))
    assert bodies == {"train": {*range(16)}, "validation": {16, 17}, "test": {18, 19}}


def _write_series(folder, names, series="1.2.3", **tags):
    """A file for each name; what lists of tags hold goes to them in turn."""
    for index, name in enumerate(names):
        own = {tag: values[index] for tag, values in tags.items()}
        write_dicom(folder / name, np.full((4, 4), index, np.uint16), series, **own)


def _order(folder):
    names = make("slices", _options(folder, window=(0, 20))).names
    return [name for split in ("train", "validation", "test") for name in names[split]]


def test_slices_stand_in_the_order_of_their_positions(tmp_path):
    names = [f"{letter}.dcm" for letter in "bdac"]
    # Seen from the side: the normal of these planes is the first axis.
    axes = [[0, 1, 0, 0, 0, 1]] * 4
    places = [[3 - index, 50 * index, 0] for index in range(4)]
    tags = {"ImageOrientationPatient": axes, "ImagePositionPatient": places}
    _write_series(tmp_path, names, InstanceNumber=[1, 2, 3, 4], **tags)
    assert _order(tmp_path) == ["c.dcm", "a.dcm", "d.dcm", "b.dcm"]
    # Planes that turn about an axis, as radial ones do, have no order along a normal.
    turned = [[np.cos(a), np.sin(a), 0, 0, 0, -1] for a in np.deg2rad([-90, -45, 0, 45])]
    tags = {"ImageOrientationPatient": turned, "ImagePositionPatient": [[-12, -35, 20]] * 4}
    _write_series(tmp_path, names, InstanceNumber=[1, 2, 3, 4], **tags)
    assert _order(tmp_path) == ["b.dcm", "d.dcm", "a.dcm", "c.dcm"]
    _write_series(tmp_path, names, InstanceNumber=[2, 4, 1, 3])
    assert _order(tmp_path) == ["a.dcm", "b.dcm", "c.dcm", "d.dcm"]
    _write_series(tmp_path, names, InstanceNumber=[4, 3, 2, 1])
    assert _order(tmp_path) == ["c.dcm", "a.dcm", "d.dcm", "b.dcm"]


def test_numbers_in_names_count(tmp_path):
    _write_series(tmp_path, [f"IM{number}.dcm" for number in range(1, 13)])
    assert _order(tmp_path) == [f"IM{number}.dcm" for number in range(1, 13)]


def test_a_slice_stands_in_one_split(tmp_path, warnings):
    pytest.importorskip("pydicom")
    names = [f"{letter}.dcm" for letter in "abcd"]
    _write_series(tmp_path, names, SOPInstanceUID=["1.1", "1.2", "1.3", "1.1"])
    assert _order(tmp_path) == ["a.dcm", "b.dcm", "c.dcm"]
    assert "skipped 1 unreadable, tiny or repeated files: d.dcm" in warnings[0]


def test_dicom_may_be_called_anything(tmp_path):
    _write_series(tmp_path, ["IM0001", "1.2.840.5", "scan.dat"])
    for name in ("notes", "DICOMDIR"):
        (tmp_path / name).write_bytes(b"\0" * 128 + b"DICM"[: 4 if name == "DICOMDIR" else 0])
    assert sorted(_order(tmp_path)) == ["1.2.840.5", "IM0001", "scan.dat"]


def test_files_without_an_ending_that_are_none_are_told(tmp_path, warnings):
    for number in range(3):
        values = np.full((8, 8), number, np.int16)
        write_dicom(tmp_path / f"IM{number}", values, "1.2", InstanceNumber=number)
    whole = (tmp_path / "IM1").read_bytes()
    for name in ("copy", "DICOMDIR"):  # of which other things are true
        (tmp_path / name).write_bytes(whole)
    make("slices", _options(tmp_path))
    assert not any("no ending" in line for line in warnings)
    (tmp_path / "IM9").write_bytes(whole[132:])
    make("slices", _options(tmp_path))
    assert any("left out 1 files that have no ending" in x and "IM9" in x for x in warnings)


def test_pixels_that_are_not_square_become_so(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    z, y, x = np.ogrid[-10:11:2, -10:11, -10:11]
    ball = (x**2 + y**2 + z**2 <= 64).astype(np.float32).T
    for number in range(3):
        image = nibabel.Nifti1Image(ball * (1 + number), np.diag([1.0, 1, 2, 1]))
        nibabel.save(image, tmp_path / f"{number}.nii.gz")
    signals = make("slices", _options(tmp_path, resolution=22, axis=0, window=(0, 1)))
    disc = signals.get("test", 10)[..., 0] > 0.5
    assert abs(int(disc.any(1).sum()) - int(disc.any(0).sum())) <= 2  # a slice is as thick
    assert 15 <= disc.any(1).sum() <= 18


def test_dicom_tells_its_spacing(tmp_path, warnings):
    square = np.zeros((4, 8), np.uint16)
    square[:2, :4] = 100  # of 20 by 20 mm
    for number in range(3):
        path = tmp_path / f"{number}.dcm"
        write_dicom(path, square, f"1.2.{number}", PixelSpacing=[10, 5])
    seen = make("slices", _options(tmp_path, resolution=8, window=(0, 100))).get("test", 0)
    assert not warnings
    assert (seen[:3, :3] == 1).all() and (seen[5:] == 0).all() and (seen[:, 5:] == 0).all()
    for number in range(3):
        write_dicom(tmp_path / f"{number}.dcm", square, f"1.2.{number}")
    make("slices", _options(tmp_path, window=(0, 100)))
    assert len(warnings) == 1 and "taken as square" in warnings[0]


def test_units_that_differ_are_told(tmp_path, warnings):
    pytest.importorskip("pydicom")
    _save_ramps(tmp_path)
    hounsfield = {"RescaleSlope": 1, "Modality": "CT", "PixelSpacing": [1, 1]}
    write_dicom(tmp_path / "a.dcm", np.ones((4, 4), np.uint16), "1.2", **hounsfield)
    make("slices", _options(tmp_path))
    assert (
        len(warnings) == 1 and "values are in an unknown unit (0.npy) and HU (a.dcm)" in warnings[0]
    )


def test_arrays_whose_slices_may_lie_along_the_last_axis(tmp_path, warnings):
    np.save(tmp_path / "a.npy", np.zeros((9, 12, 3)))
    with pytest.raises(UserError, match="last axis may be channels; .* give axis 2"):
        read_stack(tmp_path / "a.npy")
    assert read_stack(tmp_path / "a.npy", 2).shape == (3, 9, 12)
    np.save(tmp_path / "a.npy", np.zeros((9, 9, 12)))
    assert read_stack(tmp_path / "a.npy").shape == (9, 9, 12)
    assert "(9, 9, 12) is cut along the first axis; give axis 2" in warnings.pop()


def test_levels_of_several_depths_are_told(tmp_path, warnings):
    ramp = np.arange(64).reshape(8, 8)
    for index in range(4):
        Image.fromarray((ramp + index).astype(np.uint8)).save(tmp_path / f"{index}.png")
    Image.fromarray(np.stack(3 * [ramp.astype(np.uint8)], -1)).save(tmp_path / "colours.png")
    make("slices", _options(tmp_path))
    assert not warnings
    Image.fromarray((1000 * ramp).astype(np.uint16)).save(tmp_path / "deep.png")
    make("slices", _options(tmp_path))
    assert "values are in levels of 8 bits (0.png) and levels of 16 bits (deep.png)" in warnings[0]


def test_names_tell_the_file_and_its_slice(tmp_path):
    (tmp_path / "below").mkdir()
    np.save(tmp_path / "a.npy", _ramp())
    np.save(tmp_path / "below" / "b.npy", np.stack([_ramp(), 1 + _ramp()]))
    names = make("slices", _options(tmp_path)).names
    assert sum(names.values(), []) == ["a.npy", "below/b.npy, slice 0", "below/b.npy, slice 1"]


def test_damaged_files_are_skipped_and_counted(tmp_path, warnings):
    _save_ramps(tmp_path)
    (tmp_path / "x.png").write_bytes(b"no picture")
    np.save(tmp_path / "y.npy", np.array(["no numbers"]))
    np.save(tmp_path / "z.npy", np.ones((3, 1, 1)))
    (tmp_path / "notes.txt").write_text("no slice")
    signals = make("slices", _options(tmp_path))
    assert sum(signals.sizes.values()) == 3
    assert len(warnings) == 1
    assert (
        "skipped 3 unreadable, tiny or repeated files: x.png, y.npy, z.npy (the first: "
        in warnings[0]
    )
    assert "x.png: cannot identify image" in warnings[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_named(tmp_path, value):
    volume = np.ones((3, 4, 5))
    volume[1, 2, 3] = value
    np.save(tmp_path / "a.npy", volume)
    with pytest.raises(UserError, match="a.npy has 1 values .* slice 1, row 2, column 3; replace"):
        make("slices", _options(tmp_path))


@pytest.mark.parametrize("name,library", [("a.dcm", "pydicom"), ("a.nii.gz", "nibabel")])
def test_a_missing_library_is_named(tmp_path, monkeypatch, name, library):
    def without(name):
        raise ImportError(name)

    (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(UserError, match=rf"needs {library}; run: pip install 'metainr\[medical\]'"):
        make("slices", _options(tmp_path))


def test_mistakes_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 4, 4)))
    for changes, line in [
        ({"folder": None}, "give slices"),
        ({"folder": str(tmp_path / "gone")}, "gone does not exist; give slices a folder"),
        ({"folder": str(tmp_path / "a.npy")}, "a.npy is a file; give slices a folder"),
        ({"axis": 3}, "slice axis 3 does not exist; choose 0, 1 or 2"),
        ({}, "has 2 good slices; .* at least one each"),
        ({"axis": 1, "window": (2.0, 2.0)}, "window 2, 2 is no range; give low < high"),
        ({"axis": 1, "window": (0.0, np.nan)}, "window 0, nan is no range"),
        ({"axis": 1, "window": (0.0, 1.0), "resolution": 1}, "resolution 1 is too small"),
    ]:
        with pytest.raises(UserError, match=line):
            make("slices", _options(tmp_path, **changes))
    (tmp_path / "a.npy").rename(tmp_path / "a.txt")
    with pytest.raises(UserError, match="no slices among its 1 files"):
        make("slices", _options(tmp_path))
