"""Landmarks as users have them: in the published format, or as COLMAP wrote them; and damaged."""

import numpy as np
import pytest
from absl import logging
from PIL import Image
from scene_files import ARRAYS, NUM_PHOTOS, photo_inverse, photo_pose, write_photos

from metainr import signals
from metainr.cameras import pixel_rays
from metainr.errors import UserError


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    return lines


@pytest.fixture
def scene(tmp_path):
    return write_photos(tmp_path)


def _read(root, resolution=64, name="phototourism", **options):
    options = signals.LandmarkOptions(resolution, photo_folder=str(root), **options)
    return signals.make(name, options)


def _edit(path, change):
    array = np.load(path).astype(float)
    np.save(path, change(array))


def _greys(signal, split):
    views = [signal.get(split, i) for i in range(signal.sizes[split])]
    return [round(255 * float(v.images[0, 0, 0, 0])) for v in views]


def test_splits_are_the_first_photos_the_next_and_the_rest(scene, warnings):
    signal = _read(scene)
    assert signal.sizes == {"train": 5, "validation": 5, "test": 20}
    order = [grey for split in ("test", "validation", "train") for grey in _greys(signal, split)]
    np.testing.assert_allclose(order, 5 * np.arange(1, 31), atol=1)
    assert not warnings
    assert _read(scene, num_test=3, num_validation=2).sizes["train"] == 25
    for index in (-1, 5):
        with pytest.raises(IndexError, match="'train', which has 5"):
            signal.get("train", index)


def test_photos_are_padded_and_rays_follow_the_published_formula(scene):
    views = _read(scene).get("validation", 1)  # photo 21
    assert views.images.shape == (1, 20, 16, 3)
    np.testing.assert_array_equal(views.windows, [[0, 0, 12, 16]])
    np.testing.assert_allclose(views.images[0, :12], 110 / 255, atol=0.01)
    assert not views.images[0, 12:].any()
    rays = pixel_rays(*views[1:4], np.array([[7.0, 3.0]]))
    direction = photo_pose(21, 30)[:, :3] @ photo_inverse(21) @ [3, 7, 1]
    np.testing.assert_allclose(rays.directions[0], direction, rtol=1e-5)
    np.testing.assert_allclose(rays.origins[0], 0.05 * photo_pose(21, 30)[:, 3], rtol=1e-6)
    np.testing.assert_allclose(rays.bounds[0], [0.05 * 0.9 * 31, 0.05 * 1.2 * 71], rtol=1e-6)


def test_the_longer_side_is_scaled_to_the_resolution(scene):
    views = _read(scene, 8).get("test", 0)  # 20×10
    np.testing.assert_array_equal(views.windows, [[0, 0, 8, 4]])
    assert views.images.shape == (1, 8, 8, 3)  # 12×16 becomes 6×8
    rays = pixel_rays(*views[1:4], np.array([[1.0, 2.0]]))
    direction = photo_pose(0, 30)[:, :3] @ photo_inverse(0) @ [2.5 * 2 + 0.75, 2.5 * 1 + 0.75, 1]
    np.testing.assert_allclose(rays.directions[0], direction, rtol=1e-5)


def test_sizes_may_stand_in_either_order(scene):
    rows_first = _read(scene).get("train", 0)
    _edit(scene / "res_mats.npy", lambda sizes: sizes[:, ::-1])
    for a, b in zip(rows_first, _read(scene).get("train", 0)):
        np.testing.assert_array_equal(a, b)


def test_poses_may_lack_their_last_row(scene):
    whole = _read(scene).get("train", 0)
    _edit(scene / "c2w_mats.npy", lambda poses: poses[:, :3])
    np.testing.assert_array_equal(_read(scene).get("train", 0).poses, whole.poses)


def test_scaled_rotations_are_taken_without_their_scale(scene, warnings):
    whole = _read(scene).get("train", 0)
    _edit(scene / "c2w_mats.npy", lambda poses: poses * [0.2, 0.2, 0.2, 1])
    np.testing.assert_allclose(_read(scene).get("train", 0).poses, whole.poses, atol=1e-6)
    assert len(warnings) == 1 and "c2w_mats.npy of 30 photos are scaled rotations" in warnings[0]


def test_arrays_that_are_only_claimed_are_refused(scene):
    with open(scene / "bds.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2)}
        )
        file.write(bytes(100))
    with pytest.raises(UserError, match="bds.npy is no array of numbers"):
        _read(scene)


def test_unreadable_photos_are_skipped_and_the_others_keep_their_split(scene, warnings):
    folder = scene / "dense" / "images"
    (folder / "000.jpg").write_text("no photo")
    noise = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(noise).save(folder / "027.jpg")
    whole = (folder / "027.jpg").read_bytes()
    (folder / "027.jpg").write_bytes(whole[: len(whole) // 2])
    signal = _read(scene)
    assert signal.sizes == {"train": 4, "validation": 5, "test": 19}
    np.testing.assert_allclose(_greys(signal, "train"), [130, 135, 145, 150], atol=1)
    assert signal.names["train"] == ["025.jpg", "026.jpg", "028.jpg", "029.jpg"]
    assert len(warnings) == 1
    assert "skipped photos: 2 unreadable (000.jpg, 027.jpg)" in warnings[0]


def test_a_rotated_photo_keeps_its_stored_pixels(scene):
    path = scene / "dense" / "images" / "000.jpg"
    with Image.open(path) as image:
        exif = image.getexif()
        exif[0x0112] = 6  # to be turned by 90 degrees when it is looked at
        image.save(path, exif=exif)
    np.testing.assert_array_equal(_read(scene).get("test", 0).windows, [[0, 0, 20, 10]])


def _set(index, value):
    def change(array):
        array[index] = value
        return array

    return change


MISTAKES = [
    ("c2w_mats.npy", lambda a: a[:-1], "c2w_mats.npy has 29 entries for 30 photos"),
    ("bds.npy", lambda a: np.concatenate([a, a[:1]]), "bds.npy has 31 entries for 30 photos"),
    ("c2w_mats.npy", _set((3, 0, 1), np.nan), "c2w_mats.npy of photo 003.jpg holds NaN"),
    ("c2w_mats.npy", _set((4, 1, 3), np.nan), "c2w_mats.npy of photo 004.jpg holds NaN"),
    ("c2w_mats.npy", lambda a: a * [-1, 1, 1, 1], "photo 000.jpg is left-handed"),
    ("c2w_mats.npy", _set((5, slice(3), 2), 0), "photo 005.jpg is singular"),
    ("c2w_mats.npy", lambda a: a * [2, 1, 1, 1], "photo 000.jpg is no rotation"),
    ("c2w_mats.npy", lambda a: np.moveaxis(a, 1, 2), "photo 000.jpg has .* transpose it"),
    ("c2w_mats.npy", _set((0, 0, 3), 1e300), "photo 000.jpg has translations up to 1e.300"),
    ("c2w_mats.npy", _set((0, 0, 3), 1e8), "photo 000.jpg is 1e.08 from the origin"),
    ("kinv_mats.npy", _set((0, 0, 0), 1e200), "photo 000.jpg holds .* beyond"),
    ("kinv_mats.npy", _set((2, 2), 0), "kinv_mats.npy of photo 002.jpg is singular"),
    ("kinv_mats.npy", lambda a: a * [1, -1, 1], "kinv_mats.npy of photo 000.jpg is left-handed"),
    ("bds.npy", _set(6, [5, 5]), "bds.npy of photo 006.jpg says near 5, far 5, but 0 < near < far"),
    ("bds.npy", _set((7, 0), -1), "bds.npy of photo 007.jpg says near -1"),
    ("bds.npy", _set((7, 1), np.inf), "bds.npy of photo 007.jpg says near 17, far inf"),
    ("bds.npy", lambda a: a[:, :1], r"bds.npy has the shape \[30, 1\]; it must be \[n, 2\]"),
    ("kinv_mats.npy", lambda a: a[:, 0], r"kinv_mats.npy has the shape \[30, 3\]"),
    ("res_mats.npy", _set(8, [12, 17]), "res_mats.npy says 12×17 of photo 008.jpg, which has 20 r"),
]


@pytest.mark.parametrize("name, change, message", MISTAKES)
def test_matrices_that_cannot_be_are_named(scene, name, change, message):
    _edit(scene / name, change)
    with pytest.raises(UserError, match=message) as caught:
        _read(scene)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ARRAYS)
def test_files_that_are_missing_or_damaged_are_named(scene, name):
    whole = (scene / name).read_bytes()
    for content in (b"", b"hello", whole[:100], whole[:-100]):
        (scene / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} is no array of numbers"):
            _read(scene)
    np.save(scene / name, np.array([object()]))
    with pytest.raises(UserError, match=f"{name} is no array of numbers"):
        _read(scene)
    (scene / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        _read(scene)


def test_few_photos_are_split_in_proportion_or_refused_with_the_number_needed(scene, warnings):
    for index in range(25, NUM_PHOTOS):
        (scene / "dense" / "images" / f"{index:03d}.jpg").unlink()
    for name in ARRAYS:
        _edit(scene / name, lambda array: array[:25])
    with pytest.raises(UserError, match="25 photos, which leaves none for train: .* need 26; add"):
        _read(scene, num_test=20, num_validation=5)
    assert _read(scene).sizes == {"train": 17, "validation": 3, "test": 5}
    assert len(warnings) == 1 and "25 photos, too few for the published split" in warnings[0]
    assert _read(scene, num_test=2, num_validation=1).sizes["train"] == 22


def test_folders_that_are_none(tmp_path):
    (tmp_path / "dense" / "images").mkdir(parents=True)
    with pytest.raises(UserError, match="has no .jpg files"):
        _read(tmp_path)
    with pytest.raises(UserError, match="is no folder; photo_folder"):
        _read(tmp_path / "missing")
    for name in ("phototourism", "colmap"):
        options = signals.LandmarkOptions(8)
        with pytest.raises(UserError, match="give photo_folder"):
            signals.make(name, options)
    with pytest.raises(UserError, match="did you mean phototourism"):
        _read(tmp_path, name="phototurism")
