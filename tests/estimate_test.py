"""What a run will take is told without running it."""

import re

from tiny_runs import run_here


def test_time_and_memory_are_told_and_nothing_is_left(tmp_path, capsys):
    workdir = tmp_path / "run"
    assert run_here(workdir, "--train_steps=500", "--estimate") == 0
    out = capsys.readouterr().out
    assert re.search(r"^training: 500 steps of [\d.e-]+ s, .* a step needs [\d.e-]+ GB$", out, re.M)
    assert re.search(r"^comparison: 2 signals from 5 inits, 3 steps each, \d", out, re.M)
    assert re.search(r"^in all: \d.*$", out, re.M)
    assert not workdir.exists()


def test_what_learns_nothing_has_no_training_to_tell(tmp_path, capsys):
    assert run_here(tmp_path / "run", "--algorithm=none", "--estimate") == 0
    out = capsys.readouterr().out
    assert "training" not in out and "comparison: 2 signals from 2 inits" in out
