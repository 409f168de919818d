"""What a run will take is told without running it."""

import re

import numpy as np
from PIL import Image
from tiny_runs import run_here

from experiments import poisson


def test_time_and_memory_are_told_and_nothing_is_left(tmp_path, capsys):
    workdir = tmp_path / "run"
    assert run_here(workdir, "--train_steps=500", "--estimate") == 0
    out = capsys.readouterr().out
    assert re.search(r"^training: 500 steps of [\d.e-]+ s, .* a step needs [\d.e-]+ GB$", out, re.M)
    assert re.search(r"^comparison: 2 signals from 5 inits, 3 steps each, \d", out, re.M)
    assert re.search(r"^in all: \d.*$", out, re.M)
    assert not workdir.exists()


def test_more_tests_than_there_are_become_all_of_them(tmp_path, capsys, caplog):
    """As a flagfile asks for, of a folder that is small."""
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    flags = (f"--image_folder={tmp_path}", "--num_test=9", "--algorithm=none", "--estimate")
    assert run_here(tmp_path / "run", *flags) == 0
    assert "comparison: 1 signal from 2 inits" in capsys.readouterr().out
    assert "--num_test=9: all test signals are fitted, 1" in caplog.messages


def test_one_signal_alone_has_no_mean_to_start_from(tmp_path, capsys):
    flags = ("--signal=camera", "--algorithm=none", "--estimate", "--resolution=16")
    assert run_here(tmp_path / "run", *flags, experiment=poisson) == 0
    assert "comparison: 1 signal from 1 init, 3 steps" in capsys.readouterr().out


def test_what_learns_nothing_has_no_training_to_tell(tmp_path, capsys):
    assert run_here(tmp_path / "run", "--algorithm=none", "--estimate") == 0
    out = capsys.readouterr().out
    assert "training" not in out and "comparison: 2 signals from 2 inits" in out
