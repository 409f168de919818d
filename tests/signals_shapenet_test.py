"""Folders of renders, published or the user's own: what is read of them, and what is refused."""

import json

import numpy as np
import pytest
from absl import logging
from PIL import Image
from scene_files import ANGLE, object_pose, write_scene, write_shapenet

from experiments import view_synthesis
from experiments.run.reading import config_of
from metainr import signals
from metainr.cameras import opengl_inverse_intrinsics
from metainr.errors import UserError
from metainr.media.cameras.pinhole import inverse_pinhole
from metainr.media.cameras.transforms import read_frames
from metainr.media.meshes.area import averaged


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    return lines


def _edit(folder, change, name="transforms.json"):
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


def _make(root, name="shapenet", resolution=8, num_views=4, **options):
    options = signals.ObjectOptions(resolution, object_folder=str(root), **options)
    return signals.make(name, options._replace(num_views=num_views))


def _greys(views):
    return [round(255 * float(value)) for value in views.images[:, 0, 0, 0]]


def test_published_folders_become_views_on_white(tmp_path, warnings):
    for folder in (tmp_path, tmp_path / "03001627"):
        signal = _make(write_shapenet(tmp_path) if folder == tmp_path else folder)
        assert signal.sizes == {"train": 2, "validation": 2, "test": 2}
        assert signal.names["validation"] == ["val0", "val1"]
        for split, grey in (("train", 10), ("validation", 50), ("test", 90)):
            views = signal.get(split, 1)
            assert _greys(views) == [grey, grey + 1, grey + 2, grey + 3]
            assert np.all(views.images[:, 4:] == 1)
    np.testing.assert_array_equal(views.poses, [object_pose(i) for i in range(4)])
    np.testing.assert_array_equal(views.bounds, [[2, 6]] * 4)
    np.testing.assert_array_equal(views.windows, [[0, 0, 8, 8]] * 4)
    assert [leaf.dtype.name for leaf in views] == ["float32"] * 4 + ["int32"]
    # The middle of the picture looks along the axis, its right edge half the angle beside that.
    for column, slope in ((3.5, 0), (7.5, np.tan(ANGLE / 2))):
        ray = views.inverse_intrinsics[0] @ [column, 3.5, 1]
        np.testing.assert_allclose(ray, [slope, 0, -1], atol=1e-6)


def test_view_synthesis_leaves_out_what_has_too_few_views_to_hold_out(tmp_path):
    root = write_shapenet(tmp_path, num=27)
    for name in ("train0", "test0"):
        _edit(root / "03001627" / name, lambda content: content["frames"].pop())
    values = {"resolution": 8, "signal": "shapenet", "object_folder": str(root)}
    values |= {"views_per_object": 4, "held_out_views": 2}
    signal = view_synthesis._signals(config_of(view_synthesis.EXPERIMENT, values))
    assert signal.sizes == {"train": 2, "validation": 2, "test": 1}
    assert signal.names["train"] == ["train0", "train1"] and signal.names["test"] == ["test1"]
    assert len(signal.get("train", 0).images) == 4 and len(signal.get("test", 0).images) == 27


def test_the_first_views_are_taken(tmp_path):
    root = write_shapenet(tmp_path, num=6)
    assert _greys(_make(root, num_views=3).get("train", 0)) == [0, 1, 2]


def test_broken_objects_are_skipped_and_counted(tmp_path, warnings):
    root = write_shapenet(tmp_path, per_split=6)
    objects = root / "03001627"
    for path in (objects / "train0").iterdir():
        path.unlink()
    (objects / "train1" / "transforms.json").write_text("")
    (objects / "train2" / "r_3.png").write_bytes(b"")
    _edit(objects / "train3", lambda content: content["frames"].pop())
    (objects / "val5" / "r_0.png").write_bytes(b"not a picture")
    write_scene(objects / "test1", size=(4, 4))
    signal = _make(root)
    assert signal.sizes == {"train": 2, "validation": 5, "test": 5}
    assert _greys(signal.get("train", 0))[0] == 40
    assert len(warnings) == 1
    assert "skipped 6 objects; the first: cannot read" in warnings[0] and "train0" in warnings[0]


def test_no_usable_object_of_a_split_is_refused(tmp_path, warnings):
    root = write_shapenet(tmp_path)
    for name in ("val0", "val1"):
        (root / "03001627" / name / "transforms.json").unlink()
    with pytest.raises(UserError, match="no usable object of the validation split.*val0"):
        _make(root)
    with pytest.raises(UserError, match="4 frames, which is too few for 5 views"):
        _make(root, num_views=5)


def test_the_folder_must_hold_one_class(tmp_path):
    with pytest.raises(UserError, match="give object_folder"):
        signals.make("shapenet", signals.ObjectOptions(8))
    with pytest.raises(UserError, match="does not exist"):
        _make(tmp_path / "nowhere")
    with pytest.raises(UserError, match="does not hold 03001627 with chair_splits.json"):
        _make(tmp_path)
    root = write_shapenet(tmp_path)
    (root / "02958343").mkdir()
    (root / "car_splits.json").write_text("{}")
    with pytest.raises(UserError, match="holds 2 classes; give object_folder one of"):
        _make(root)
    with pytest.raises(UserError, match="car_splits.json does not hold the lists"):
        _make(root / "02958343")
    _edit(root, lambda splits: splits["val"].append("train1"), "chair_splits.json")
    with pytest.raises(UserError, match="names train1 more than once"):
        _make(root / "03001627")


def _set(field, value):
    return lambda content: content.update({field: value})


def _matrix(change):
    def edit(content):
        matrix = np.array(content["frames"][2]["transform_matrix"])
        content["frames"][2]["transform_matrix"] = change(matrix).tolist()

    return edit


@pytest.mark.parametrize(
    "change,words",
    [
        (_set("frames", []), "has no frames"),
        (_set("camera_angle_x", None), "neither camera_angle_x nor fl_x"),
        (_set("camera_angle_x", 39.6), "camera_angle_x of frame 0 is 39.6; give radians"),
        (_set("camera_angle_x", "wide"), "camera_angle_x of frame 0 is 'wide'"),
        (_set("fl_x", -3), "fl_x of frame 0 is -3"),
        (_set("k1", 0.02), "k1 of frame 0 is 0.02.*undistort"),
        (_set("camera_model", "OPENCV_FISHEYE"), "camera_model of frame 0 is 'OPENCV_FISHEYE'"),
        (_set("is_fisheye", True), "is_fisheye of frame 0 is True.*undistort"),
        (_set("fl_x", 1e400), "fl_x of frame 0 is inf"),
        (_set("fl_x", 10**400), "a number in it has 401 digits"),
        (_set("w", 1e-300), "w of frame 0 is 1e-300"),
        (_set("h", True), "h of frame 0 is True"),
        (lambda c: c["frames"][1].pop("file_path"), "file_path of frame 1 is missing"),
        (lambda c: c["frames"][1].update(file_path="r_9"), "names 'r_9', which is missing"),
        (lambda c: c["frames"].append(c["frames"][0]), "r_0.png in two frames"),
        (lambda c: c["frames"][3].pop("transform_matrix"), "transform_matrix of frame 3 is miss"),
        (_matrix(lambda m: m * np.nan), "frame 2 holds NaN"),
        (_matrix(lambda m: m[:2]), r"frame 2 has the shape \[2, 4\]"),
        (_matrix(np.transpose), "transpose it"),
        (_matrix(lambda m: m * 1e200), "frame 2 has .* as its last row"),
        (_matrix(lambda m: m[:3] * [1, 1, 1, 1e200]), "frame 2 puts the camera at"),
        (_matrix(lambda m: m * [1, 1, 2, 1]), "frame 2 is no rotation"),
        (_matrix(lambda m: m * [1, -1, 1, 1]), "frame 2 is left-handed"),
        (_matrix(lambda m: m * [1, 0, 1, 1]), "frame 2 is singular"),
    ],
)
def test_mistakes_in_transforms_are_named(tmp_path, change, words):
    write_scene(tmp_path)
    _edit(tmp_path, change)
    with pytest.raises(UserError, match=words) as caught:
        read_frames(tmp_path / "transforms.json")
    assert "transforms.json" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(UserError, match=words):
        _make(tmp_path, "nerf_folder")


def test_scaled_rotations_are_taken_without_their_scale(tmp_path, warnings):
    write_scene(tmp_path)

    def scale(content):
        for frame in content["frames"]:
            matrix = np.array(frame["transform_matrix"]) * [0.25, 0.25, 0.25, 1]
            frame["transform_matrix"] = matrix.tolist()

    _edit(tmp_path, scale)
    poses = _make(tmp_path, "nerf_folder").get("test", 0).poses
    np.testing.assert_allclose(poses, [object_pose(i) for i in (0, 2, 1, 3)], rtol=1e-6, atol=1e-6)
    assert len(warnings) == 1 and "1 objects have poses that are scaled rotations" in warnings[0]


def test_distortion_that_is_zero_is_none(tmp_path):
    plain = {"fl_x": 9.0, "w": 8, "h": 8}
    write_scene(tmp_path, **plain)
    expected = _make(tmp_path, "nerf_folder").get("test", 0).inverse_intrinsics
    zeros = {"k1": 0, "k2": 0.0, "p1": 0, "k5": 0, "is_fisheye": False, "camera_model": "OPENCV"}
    write_scene(tmp_path, **plain, **zeros)
    found = _make(tmp_path, "nerf_folder").get("test", 0).inverse_intrinsics
    np.testing.assert_array_equal(found, expected)


def _turn(folder):
    """Makes EXIF ask for pictures that are turned by 90 degrees."""
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            exif = image.getexif()
            exif[0x0112] = 6
            image.save(path, exif=exif)


def test_cameras_are_those_of_the_stored_pixels(tmp_path, warnings):
    lens = {"fl_x": 20.0, "fl_y": 22.0, "cx": 7.0, "cy": 5.0}
    write_scene(tmp_path, size=(16, 8), **lens)
    plain = _make(tmp_path, "nerf_folder", resolution=16).get("test", 0)
    for stated in ({"w": 16, "h": 8}, {}):
        write_scene(tmp_path, size=(16, 8), **lens, **stated)
        _turn(tmp_path)
        turned = _make(tmp_path, "nerf_folder", resolution=16).get("test", 0)
        for one, other in zip(plain, turned):
            np.testing.assert_array_equal(one, other)
    write_scene(tmp_path, size=(16, 8), **lens, w=8, h=16)
    with pytest.raises(UserError, match="r_0.png has 16×8 pixels as stored, .*8×16: .* EXIF"):
        _make(tmp_path, "nerf_folder")
    write_scene(tmp_path, size=(16, 8), **lens, w=30, h=30)
    with pytest.raises(UserError, match="its camera 30×30; give the pictures that"):
        _make(tmp_path, "nerf_folder")


def test_one_side_tells_the_scale_of_both(tmp_path):
    lens = {"fl_x": 40.0, "cx": 14.0, "cy": 10.0}
    write_scene(tmp_path, size=(16, 8), **lens, w=32, h=16)
    expected = _make(tmp_path, "nerf_folder").get("test", 0).inverse_intrinsics
    for side in ({"w": 32}, {"h": 16}):
        write_scene(tmp_path, size=(16, 8), **lens, **side)
        found = _make(tmp_path, "nerf_folder").get("test", 0).inverse_intrinsics
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "name",
    ["../outside", "/{}/outside", "inner/../../outside", "..\\outside", "http://a.b/c", "..", "/"],
)
def test_names_do_not_lead_out_of_the_folder(tmp_path, name):
    write_scene(tmp_path / "scene")
    Image.new("RGBA", (8, 8)).save(tmp_path / "outside.png")
    (tmp_path / "scene" / "inner").mkdir()
    name = name.format(tmp_path)
    _edit(tmp_path / "scene", lambda content: content["frames"][1].update(file_path=name))
    with pytest.raises(UserError, match="which is missing or empty in .*scene; add the picture"):
        _make(tmp_path / "scene", "nerf_folder")
    # The user's own link may.
    (tmp_path / "scene" / "outside.png").symlink_to(tmp_path / "outside.png")
    if "outside" in name:
        frames = read_frames(tmp_path / "scene" / "transforms.json")
        assert frames.paths[1] == tmp_path / "scene" / "outside.png"


def test_paths_of_windows_and_capital_endings(tmp_path):
    write_scene(tmp_path, num=2, prefix="images_")
    (tmp_path / "images").mkdir()
    for index, name in enumerate(("C:\\a\\images\\0", ".\\..\\data\\images\\1.PNG")):
        place = tmp_path / "images" / f"{index}.PNG"
        (tmp_path / f"images_r_{index}.png").rename(place)
        _edit(tmp_path, lambda c, i=index, name=name: c["frames"][i].update(file_path=name))
    frames = read_frames(tmp_path / "transforms.json")
    assert frames.paths == (tmp_path / "images" / "0.PNG", tmp_path / "images" / "1.PNG")


@pytest.mark.parametrize("name", ["..", "../..", "", "/", 3, None])
def test_objects_of_a_split_lie_in_the_folder(tmp_path, name):
    root = write_shapenet(tmp_path)
    write_scene(tmp_path)
    _edit(root, lambda splits: splits["val"].append(name), "chair_splits.json")
    with pytest.raises(UserError, match="chair_splits.json does not hold the lists"):
        _make(root)


def test_split_files_that_are_no_json_are_refused(tmp_path):
    root = write_shapenet(tmp_path)
    (root / "chair_splits.json").write_text('{"train": ' + 100_000 * "[")
    with pytest.raises(UserError, match="chair_splits.json is not valid JSON .*nested"):
        _make(root)


@pytest.mark.parametrize("prefix", ["", "./", "gone/train/", "/elsewhere/gone/", "HERE/"])
@pytest.mark.parametrize("suffix", ["", ".png"])
def test_pictures_are_found_where_they_lie_now(tmp_path, prefix, suffix):
    write_scene(tmp_path, num=2)
    prefix = prefix.replace("HERE", str(tmp_path))
    for index in range(2):
        name = f"{prefix}r_{index}{suffix}"
        _edit(tmp_path, lambda c, i=index, name=name: c["frames"][i].update(file_path=name))
    frames = read_frames(tmp_path / "transforms.json")
    assert frames.paths == (tmp_path / "r_0.png", tmp_path / "r_1.png")


def test_pictures_of_other_sizes_and_damaged_ones_are_named(tmp_path, warnings):
    write_scene(tmp_path)
    signal = _make(tmp_path, "nerf_folder")
    Image.new("RGBA", (4, 8)).save(tmp_path / "r_2.png")
    with pytest.raises(UserError, match="r_2.png has 4×8 pixels and .*r_0.png 8×8"):
        signal.get("test", 0)
    (tmp_path / "r_2.png").write_bytes((tmp_path / "r_0.png").read_bytes()[:60])
    with pytest.raises(UserError, match="cannot read picture .*r_2.png"):
        signal.get("test", 0)


def test_pictures_without_alpha_are_warned_of_once(tmp_path, warnings):
    write_scene(tmp_path)
    for path in tmp_path.glob("*.png"):
        Image.open(path).convert("RGB").save(path)
    views = _make(tmp_path, "nerf_folder").get("train", 0)
    assert len(warnings) == 1 and "pictures without alpha" in warnings[0]
    assert np.all(views.images[0] == 0)


def test_one_scene_takes_turns_between_the_halves(tmp_path):
    write_scene(tmp_path, num=9)
    signal = _make(tmp_path, "nerf_folder", num_views=5)
    assert signal.sizes == {"train": 1, "validation": 1, "test": 1}
    assert _greys(signal.get("train", 0)) == [0, 4, 8, 2, 6]
    assert signal.names == {split: [tmp_path.name] for split in signal.sizes}


def test_one_scene_in_several_files(tmp_path):
    write_scene(tmp_path, num=5, name="transforms_train.json")
    with pytest.raises(UserError, match="without transforms_test.json"):
        _make(tmp_path, "nerf_folder")
    assert _greys(_make(tmp_path, "nerf_folder", num_views=1).get("train", 0)) == [0]
    write_scene(tmp_path, num=5, name="transforms_val.json", grey=50, prefix="v")
    assert _greys(_make(tmp_path, "nerf_folder").get("train", 0)) == [0, 4, 50, 54]
    write_scene(tmp_path, num=3, name="transforms_test.json", grey=100, prefix="t")
    assert _greys(_make(tmp_path, "nerf_folder", num_views=5).get("train", 0)) == [
        *(0, 2, 4),
        *(100, 102),
    ]
    with pytest.raises(
        UserError, match="transforms_test.json has 3 frames, which is too few for 5"
    ):
        _make(tmp_path, "nerf_folder", num_views=10)


def test_a_folder_of_scenes_is_split(tmp_path, warnings):
    for index in range(12):
        write_scene(tmp_path / f"scene{index:02d}", grey=10 * index)
    (tmp_path / "scene11" / "r_0.png").unlink()
    (tmp_path / "notes").mkdir()
    signal = _make(tmp_path, "nerf_folder")
    assert signal.sizes == {"train": 9, "validation": 1, "test": 1}
    found = [_greys(signal.get(split, i))[0] for split, n in signal.sizes.items() for i in range(n)]
    assert sorted(found) == list(range(0, 110, 10))
    assert sum(signal.names.values(), []) == [f"scene{grey // 10:02d}" for grey in found]
    assert len(warnings) == 1 and "skipped 1 objects" in warnings[0]
    other = _make(tmp_path, "nerf_folder", seed=1)
    again = [_greys(other.get("train", i))[0] for i in range(9)]
    assert again != found[:9]


def test_too_few_scenes_are_refused(tmp_path):
    for index in range(2):
        write_scene(tmp_path / str(index), grey=10 * index)
    with pytest.raises(UserError, match="has 2 scenes; give a folder that is a scene"):
        _make(tmp_path, "nerf_folder")


def test_a_scene_outside_the_depths_that_are_seen_is_told(tmp_path, warnings):
    write_scene(tmp_path)
    _make(tmp_path, "nerf_folder")
    assert not warnings
    _make(tmp_path, "nerf_folder", far=3.0)
    assert "look at a place that is 4.12 away (the first's), and only" in warnings.pop()

    def turn(content):  # they look outward, as those of a room do
        for frame in content["frames"]:
            turned = frame["transform_matrix"] @ np.diag([-1, 1, -1, 1])
            frame["transform_matrix"] = turned.tolist()

    _edit(tmp_path, turn)
    _make(tmp_path, "nerf_folder", far=3.0)
    _make(tmp_path, "nerf_folder", far=3.0, num_views=1)
    assert not warnings


def test_a_split_without_a_usable_scene_is_refused(tmp_path):
    for index in range(3):
        write_scene(tmp_path / str(index), num=2 + 2 * (index == 1), grey=10 * index)
    with pytest.raises(UserError, match="1 usable scenes of 3, none of them for .* has 2 frames"):
        _make(tmp_path, "nerf_folder", num_views=4)


def test_scenes_stay_in_their_splits_whatever_the_number_of_views(tmp_path):
    for index in range(20):
        write_scene(tmp_path / f"scene{index:02d}", num=6 if index % 4 else 2, grey=10 * index)
    few, many = (_make(tmp_path, "nerf_folder", num_views=n) for n in (2, 6))
    assert sum(few.sizes.values()) == 20 and sum(many.sizes.values()) == 15
    for split, names in many.names.items():
        assert set(names) <= set(few.names[split])


def test_measured_intrinsics_are_kept_through_resizing(tmp_path):
    write_scene(tmp_path, size=(16, 8), fl_x=20.0, fl_y=22.0, cx=7.0, cy=5.0)
    small = _make(tmp_path, "nerf_folder", resolution=8).get("train", 0)
    assert small.images.shape == (4, 4, 8, 3)
    np.testing.assert_array_equal(small.windows, [[0, 0, 4, 8]] * 4)
    # Pixel (1, 2) of the small picture covers columns 4, 5 and rows 2, 3: its middle is (5, 3).
    ray = small.inverse_intrinsics[0] @ [2, 1, 1]
    np.testing.assert_allclose(ray, [(5 - 7) / 20, (5 - 3) / 22, -1], atol=1e-6)
    # Values that are told for a picture twice as large.
    write_scene(tmp_path, size=(16, 8), fl_x=40.0, fl_y=44.0, cx=14.0, cy=10.0, w=32, h=16)
    again = _make(tmp_path, "nerf_folder", resolution=8).get("train", 0)
    np.testing.assert_allclose(again.inverse_intrinsics, small.inverse_intrinsics, rtol=1e-6)


def test_pinhole_is_half_a_pixel_off_the_corner_convention():
    ours, theirs = inverse_pinhole((9.0, 9.0), (4.0, 3.0)), opengl_inverse_intrinsics(9.0, 6, 8)
    np.testing.assert_allclose(ours @ [2, 1, 1], theirs @ [2.5, 1.5, 1], rtol=1e-6)


def test_averages_weigh_areas():
    rng = np.random.default_rng(0)
    image = rng.random((6, 9, 3)).astype(np.float32)
    blocks = image.reshape(3, 2, 3, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(averaged(image, 3, 3), blocks, rtol=1e-5)
    fine = image.repeat(4, axis=0).reshape(4, 6, 9, 3).mean(axis=1)
    np.testing.assert_allclose(averaged(image, 4, 9), fine, rtol=1e-5)
    np.testing.assert_allclose(averaged(image, 12, 9), image.repeat(2, axis=0), rtol=1e-5)
    np.testing.assert_array_equal(averaged(image, 6, 9), image)
    assert averaged(np.ones((7, 5, 3)), 3, 2).max() <= 1 + 1e-6
