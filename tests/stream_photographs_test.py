"""The program on streams, of photographs: objects, a user's own scene, places, and mistakes."""

import numpy as np
import pytest
from scene_files import write_reconstruction, write_scene
from tiny_runs import run_here

from experiments import stream as program
from metainr.reporting.streams import read_stream, stream_tables

TINY = (
    *("--signal=lamps", "--resolution=8", "--field=positional", "--octaves=2", "--frequencies=2"),
    *("--width=8", "--depth=2", "--algorithm=reptile", "--inner_points=16", "--inner_steps=2"),
    *("--ray_samples=4", "--train_steps=1", "--num_validation=1", "--part_steps=2"),
    *("--parts=3", "--part_photos=2", "--buffer=16", "--methods=modules"),
)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("photographs")
    assert run_here(workdir, *TINY, experiment=program) == 0
    return workdir


def test_blocks_of_photographs_are_parts(compared):
    record = read_stream(compared)
    entry = record["methods"]["modules"]["learned"]
    last = entry["budgets"]["2"]
    assert np.shape(last["matrix"]) == (3, 3) and last["forgetting"]["values"] == [0, 0]
    inputs = 3 * 2 * 2  # sines and cosines of three coordinates at two frequencies
    assert entry["weights"] == 3 * ((inputs + 1) * 8 + 9 * 4)
    assert record["layout"]["part_shape"] == [2]
    assert stream_tables(record)[0].title == "lamps in 3 parts of 2 photographs"
    with np.load(compared / entry["frames"]) as archive:
        assert archive["frames"].shape[:2] == (2, 3)


def test_a_scene_of_ones_own_is_a_stream(compared, tmp_path):
    write_scene(tmp_path / "mine", num=7, grey=100)
    flags = (*TINY, f"--input={tmp_path / 'mine'}")
    assert run_here(compared, *flags, experiment=program) == 0
    assert read_stream(compared)["num_test"] == 1


@pytest.mark.slow
def test_places_are_streams_too(tmp_path):
    flags = (*TINY, "--signal=facade", "--num_test=1", "--methods=modules,ewc", "--pulls=1")
    assert run_here(tmp_path, *flags, experiment=program) == 0
    for method in ("modules", "ewc"):
        last = read_stream(tmp_path)["methods"][method]["random"]["budgets"]["2"]
        assert np.isfinite(np.array(last["matrix"], float)).all()
    write_reconstruction(tmp_path / "street")
    assert run_here(tmp_path, *flags, f"--input={tmp_path / 'street'}", experiment=program) == 0
    assert read_stream(tmp_path)["num_test"] == 1


@pytest.mark.parametrize(
    "flags, told",
    [
        (("--unseen_photos=2",), "6 photographs make no 3 parts of at least 3"),
        (("--parts=2,2",), "--parts=2,2 is for 2 axes, and photographs come one after another"),
        (("--methods=replay", "--buffer=193"), "--buffer=193 is larger than the stream, which has"),
        (("--inner_points=0",), "--inner_points=0 draws no rays"),
        (("--overlap=1",), "--overlap=1 is of parts of a grid"),
        (("--follow=.",), "--follow has no part in streams of photographs"),
        (("--object_folder=a",), "--object_folder=a is not read by --signal=lamps"),
        (("--near=3", "--far=3"), "near 3.0 and far 3.0 hold no depths"),
        (("--signal=facade", "--near_factor=2"), "--near_factor=2.0 is not below --far_factor=1.2"),
        (("--input={folder}",), "has no transforms.json"),
        (("--input={folder}/few",), "4 photographs make no 3 parts of at least 2"),
    ],
)
def test_mistakes_are_told(compared, tmp_path, capsys, flags, told):
    write_scene(tmp_path / "few", num=4)
    given = [flag.format(folder=tmp_path) for flag in flags]
    assert run_here(compared, *TINY, *given, experiment=program) == 1
    assert told in capsys.readouterr().err
