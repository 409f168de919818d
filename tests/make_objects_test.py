"""The writer of generated objects, and the loader of the published format on what it wrote."""

import json
import subprocess
import sys

import numpy as np
import pytest

from metainr import signals

FLAGS = "--signal=lamps --num_objects=4 --resolution=16 --num_views=3 --seed=5".split()
# Each list of arguments as if it were a process of its own; LIMITED stands for a disk that is full.
_EACH = """
import json, resource, sys
from absl import flags
from experiments import cli, make_objects
for arguments in json.loads(sys.argv[1]):
    for flag in flags.FLAGS.get_key_flags_for_module(make_objects):
        flag.unparse()
    if "LIMITED" in arguments:
        arguments.remove("LIMITED")
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    try:
        print(cli.status(make_objects.main, cli.parse(["make_objects", *arguments])))
    except SystemExit as error:
        print(error.code)
"""


def _run(folder, *arguments):
    command = [sys.executable, "-m", "experiments.make_objects", f"--output_dir={folder}"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    done = _run(folder, *FLAGS)
    assert done.returncode == 0, done.stderr
    assert "4 lamps written, 4 in all" in done.stdout
    return folder


def _files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("r_*.png")}


def _classes(folder, resolution=16, num_views=3):
    options = signals.ObjectOptions(resolution, 5, str(folder), num_views=num_views)
    return [signals.make(name, options) for name in ("shapenet", "lamps")]


def test_what_is_read_is_what_was_generated(written):
    read, generated = _classes(written)
    assert read.sizes == {"train": 2, "validation": 1, "test": 1}
    for split, size in read.sizes.items():
        for index in range(size):
            ours, truth = read.get(split, index), generated.get(split, index)
            assert np.abs(ours.images - truth.images).max() < 1.001 / 255
            np.testing.assert_allclose(ours.inverse_intrinsics, truth.inverse_intrinsics, 1e-6)
            for name in ("poses", "bounds", "windows"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(truth, name))


def test_pictures_half_as_large_have_the_same_rays(written):
    read, generated = (each.get("train", 1) for each in _classes(written, 8, 2))
    np.testing.assert_allclose(read.inverse_intrinsics, generated.inverse_intrinsics, 1e-6)
    assert np.abs(read.images - generated.images).mean() < 0.02


def test_the_same_command_goes_on(written):
    before = _files(written)
    victim = next(iter(sorted(before))).parent / "transforms.json"
    (written / "03636649" / ".writing-left.tmp").write_text("")
    victim.unlink()  # as if it had been killed in that object
    done = _run(written, *FLAGS[:1], "--num_objects=5", *FLAGS[2:])
    assert done.returncode == 0 and "2 lamps written, 5 in all" in done.stdout, done.stderr
    after = _files(written)
    changed = {path.parent for path in before if after[path] != before[path]}
    assert changed == {victim.parent}
    assert len(after) == 15 and not list(written.rglob(".writing*"))
    splits = json.loads((written / "lamp_splits.json").read_text())
    assert {name: len(names) for name, names in splits.items()} == {"train": 3, "val": 1, "test": 1}


def test_mistakes_get_one_line(written, tmp_path):
    (tmp_path / "03001627").mkdir()
    (tmp_path / "03001627" / "mine.txt").write_text("precious")
    (tmp_path / "car_splits.json").write_text("{}")
    (tmp_path / "file").write_text("")
    cases = [
        (written, [*FLAGS[:-1], "--seed=6"], "--seed was 5 and is now 6"),
        (tmp_path, [], "03001627 was not written by make_objects"),
        (tmp_path, ["--signal=cars"], "car_splits.json was not written by make_objects"),
        (tmp_path / "file", [], "cannot write to --output_dir"),
        ("", [], "--output_dir, the folder"),
        (tmp_path, ["--signal=lamp"], "did you mean lamps"),
        (tmp_path / "new", ["--num_objects=90000"], "10000"),
        (tmp_path / "full", ["--num_views=1", "LIMITED"], "make room there and run the same"),
    ]
    lists = [[f"--output_dir={folder}", *arguments] for folder, arguments, _ in cases]
    command = [sys.executable, "-c", _EACH, json.dumps(lists)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.split() == ["1"] * len(cases), done.stderr
    for line, (_, _, words) in zip(done.stderr.splitlines(), cases, strict=True):
        assert words in line
    assert (tmp_path / "03001627" / "mine.txt").read_text() == "precious"
    assert not (tmp_path / "new").exists() and not (tmp_path / "03636649").exists()
    assert not (tmp_path / "full" / "chair_splits.json").exists()
    assert not list((tmp_path / "full").rglob(".writing*"))
