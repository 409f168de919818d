"""What a run leaves of its comparisons, and of those before it."""

import json
import shlex

import pytest
from absl import flags
from absl.testing import flagsaver

from experiments import cli, image_regression  # noqa: F401  it defines the flags
from metainr.runs.earlier import set_others_aside
from metainr.runs.record import resumed

CONFIG = {
    "experiment": "image_regression",
    "signal": "sdf",
    "num_test": 4,
    "train_steps": 2,
    "algorithm": "maml",
    "seeds": 1,
}


@pytest.fixture
def workdir(tmp_path):
    """A folder with results and what was made of them."""
    setting = {"steps": [0], "inits": {"meta": {"metrics": {}}}}
    results = {"config": CONFIG, "seconds": {"total": 1.0}, "settings": {"default": setting}}
    (tmp_path / "results.json").write_text(json.dumps(results))
    for name in ("samples", "fits", "figures", "checkpoints"):
        (tmp_path / name).mkdir()
    (tmp_path / "report.html").write_text("a page")
    return tmp_path


def test_results_for_the_same_flags_go_on(workdir, capsys):
    assert "default" in resumed(workdir, CONFIG | {"seeds": 3}, {"seeds"})["settings"]
    assert (workdir / "results.json").exists() and capsys.readouterr().out == ""


def test_a_run_that_was_given_its_init_takes_no_outer_steps(tmp_path):
    assert resumed(tmp_path, CONFIG, set())["train_steps"] == 2
    assert resumed(tmp_path, CONFIG | {"init": "ready:notes"}, set())["train_steps"] == 0


def test_results_for_other_flags_are_kept_and_that_is_said(workdir, capsys):
    written = (workdir / "results.json").read_bytes()
    for number in (1, 2):
        found = resumed(workdir, CONFIG | {"num_test": 8, "signal": "text"}, {"seeds"})
        assert found["settings"] == {} and found["num_test"] == 8
        folder = workdir / f"evaluation-{number}"
        line = f"results for other values of --signal, --num_test are kept in {folder}\n"
        assert capsys.readouterr().out == line
        assert (folder / "results.json").read_bytes() == written
        (workdir / "results.json").write_bytes(written)
    kept = {path.name for path in (workdir / "evaluation-1").iterdir()}
    assert kept == {"results.json", "samples", "fits", "figures", "report.html"}
    assert (workdir / "checkpoints").exists()


def test_other_results_in_a_folder_are_kept(workdir, capsys):
    written = (workdir / "results.json").read_bytes()
    same = {"default": {"steps": (0,), "inits": {"meta": {"metrics": {}}}}}
    set_others_aside(workdir / "none", same)
    set_others_aside(workdir, same)
    assert (workdir / "results.json").exists() and capsys.readouterr().out == ""
    set_others_aside(workdir, {"default": {**same["default"], "steps": (0, 1)}})
    assert (workdir / "evaluation-1" / "results.json").read_bytes() == written
    assert "earlier results are kept in" in capsys.readouterr().out
    (workdir / "results.json").write_text("{")
    set_others_aside(workdir, same)
    assert (workdir / "evaluation-2" / "results.json").read_text() == "{"


def test_the_command_is_as_it_was_given(monkeypatch):
    monkeypatch.setattr("sys.argv", ["experiments/image_regression.py"])
    with flagsaver.flagsaver():
        flags.FLAGS(["x", "--workdir=runs/a b", "--tune", "--train_signals=2,4", "--notune"])
        given = cli.command()
    program, name, *arguments = shlex.split(given)
    assert (program, name) == ("metainr", "image_regression")
    assert {"--workdir=runs/a b", "--train_signals=2,4", "--notune"} <= set(arguments)
    assert "--tune" not in arguments
