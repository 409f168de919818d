"""Scenes and landmarks in the formats in which users have them, with known pictures and cameras."""

import json

import numpy as np
from PIL import Image

from metainr.cameras import look_at

ANGLE = 0.6911  # that an object's picture spans
NUM_PHOTOS, NUM_REGISTERED = 30, 27  # of a landmark as published, and as COLMAP wrote it
ROWS, COLUMNS = 12, 16  # of the latter's
ARRAYS = ("c2w_mats.npy", "kinv_mats.npy", "bds.npy", "res_mats.npy")


def object_pose(index):
    turn = 0.7 * index
    return look_at((4 * np.cos(turn), 4 * np.sin(turn), 1.0), np.zeros(3))


def write_scene(folder, num=4, size=(8, 8), name="transforms.json", grey=0, prefix="", **fields):
    """A scene whose picture i is of grey level `grey + i`, opaque in its upper half only."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for index in range(num):
        picture = np.full((size[1], size[0], 4), grey + index, np.uint8)
        picture[:, :, 3] = 255
        picture[size[1] // 2 :, :, 3] = 0
        Image.fromarray(picture).save(folder / f"{prefix}r_{index}.png")
        matrix = [*object_pose(index).tolist(), [0, 0, 0, 1]]
        frames.append({"file_path": f"./{prefix}r_{index}", "transform_matrix": matrix})
    lens = {} if "fl_x" in fields else {"camera_angle_x": ANGLE}
    (folder / name).write_text(json.dumps({**lens, **fields, "frames": frames}))


def write_shapenet(root, per_split=2, **scene):
    """Objects as ShapeNet's renders were published: scenes, and a file that divides them."""
    splits = {}
    for which, split in enumerate(("train", "val", "test")):
        splits[split] = [f"{split}{i}" for i in range(per_split)]
        for i, name in enumerate(splits[split]):
            grey = 40 * which + 10 * i
            write_scene(root / "03001627" / name, grey=grey, **scene)
    (root / "chair_splits.json").write_text(json.dumps(splits))
    return root


def photo_pose(index, radius):
    """An OpenCV camera on a circle, in the source's lengths."""
    eye = [radius * np.cos(index), radius * np.sin(index), 2]
    return look_at(eye, [0, 0, 3]).astype(np.float64) * [1, -1, -1, 1]


def photo_size(index):
    return (12, 16) if index % 2 else (20, 10)  # rows, columns


def photo_inverse(index):
    rows, columns = photo_size(index)
    return np.linalg.inv([[20.0, 0, columns / 2], [0, 21, rows / 2], [0, 0, 1]])


def write_photos(root):
    """Thirty photos of one grey value each (5, 10, …) and their matrices."""
    folder = root / "dense" / "images"
    folder.mkdir(parents=True)
    indices = range(NUM_PHOTOS)
    for index in indices:
        rows, columns = photo_size(index)
        Image.new("L", (columns, rows), 5 * (index + 1)).save(folder / f"{index:03d}.jpg")
    (folder / "notes.txt").write_text("no photo")
    last = [[0, 0, 0, 1]]
    np.save(root / ARRAYS[0], [np.concatenate([photo_pose(i, 30), last]) for i in indices])
    np.save(root / ARRAYS[1], [photo_inverse(i) for i in indices])
    np.save(root / ARRAYS[2], [[10 + i, 50 + i] for i in indices])
    np.save(root / ARRAYS[3], [photo_size(i) for i in indices])
    return root


def seen_points():
    return np.random.default_rng(0).uniform(-4, 4, (40, 3))


def write_reconstruction(root, camera=f"1 PINHOLE {COLUMNS} {ROWS} 20 21 8.5 6.25", num_points=40):
    """COLMAP's folder as text; photo 3 sees `num_points` of the 40 points, the others all."""
    from scipy.spatial.transform import Rotation

    sparse, folder = root / "sparse" / "0", root / "images"
    sparse.mkdir(parents=True)
    folder.mkdir()
    images, tracks = [], {k: [] for k in range(40)}
    for index in range(NUM_REGISTERED):
        Image.new("L", (COLUMNS, ROWS), 9 * index).save(folder / f"{index:02d}.jpg")
        pose = photo_pose(index, 20)
        rotation = pose[:, :3].T
        x, y, z, w = Rotation.from_matrix(rotation).as_quat()
        place = -rotation @ pose[:, 3]
        numbers = " ".join(f"{v:.17g}" for v in (w, x, y, z, *place))
        images.append(f"{index + 1} {numbers} 1 {index:02d}.jpg")
        seen = range(num_points if index == 3 else 40)
        images.append(" ".join(f"1 2 {k + 1}" for k in seen) or "1 2 -1")
        for k in seen:
            tracks[k] += [index + 1, k]
    points = [
        " ".join(map(str, (k + 1, *map(float, point), 9, 9, 9, 0.1, *tracks[k])))
        for k, point in enumerate(seen_points())
    ]
    (sparse / "cameras.txt").write_text(camera + "\n")
    (sparse / "images.txt").write_text("\n".join(images) + "\n")
    (sparse / "points3D.txt").write_text("\n".join(points) + "\n")
    return root
