"""A workdir takes back the run it knows, and names what another one differs in; it has one run."""

import json
import subprocess
import sys

import pytest
from tiny_runs import ROOT

from metainr.errors import UserError
from metainr.training.portable import ABOUT
from metainr.training.workdir import check_checkpoints, open_workdir

FLAGS = {"width": 16, "rate": 1e-3, "signal": "sdf", "steps": 10, "list": [1, 2], "none": None}


def _open(*arguments):
    with open_workdir(*arguments):
        pass


def test_it_is_made_and_its_record_read_back(tmp_path):
    path = tmp_path / "deep" / "run"
    for steps in (10, 20):
        _open(path, FLAGS | {"steps": steps}, {"steps"})
        record = json.loads((path / "config.json").read_text())
        assert record["flags"] == FLAGS | {"steps": steps}
        assert {"device", "jax", "python", "metainr", "git_revision"} <= set(record["environment"])


def test_every_difference_is_named(tmp_path):
    _open(tmp_path, FLAGS, {"steps"})
    (tmp_path / "metrics").mkdir()
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(UserError) as caught:
        _open(tmp_path, FLAGS | {"width": 32, "signal": "text", "steps": 5}, {"steps"})
    assert f"workdir={tmp_path} holds a run with other options" in str(caught.value)
    assert "signal was 'sdf' and is now 'text'; width was 16 and is now 32" in str(caught.value)
    assert "steps" not in str(caught.value) and "\n" not in str(caught.value)
    assert (tmp_path / "config.json").read_text() == before


def test_a_run_that_came_to_nothing_binds_nobody(tmp_path):
    """The mistake that ended it can be mended, and the same folder be given again."""
    _open(tmp_path, FLAGS, ())
    _open(tmp_path, FLAGS | {"width": 32}, ())
    assert json.loads((tmp_path / "config.json").read_text())["flags"]["width"] == 32


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"flags": 3}', '{"flags": "abc"}', "3"])
def test_a_damaged_record_is_told(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match="config.json (is not|holds a).*delete that file"):
        _open(tmp_path, FLAGS, ())
    assert (tmp_path / "config.json").read_text() == content


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match="cannot write to workdir="):
            _open(path, FLAGS, ())


@pytest.mark.parametrize("name", ["config.json", "results.json", "report.html"])
def test_a_folder_in_the_place_of_a_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=f"{name} is no file.*; move it away and run the same"):
        _open(tmp_path, FLAGS, ())


@pytest.mark.parametrize("name", ["checkpoints", "metrics", "samples", "fits", "figures"])
def test_a_file_or_a_dangling_link_in_the_place_of_a_folder(tmp_path, name):
    for make in ((tmp_path / name).touch, lambda: (tmp_path / name).symlink_to("nowhere")):
        make()
        with pytest.raises(UserError, match=f"{name} is no folder.*; move it away and run the"):
            _open(tmp_path, FLAGS, ())
        (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()  # a link that leads somewhere is as good as a folder
    _open(tmp_path, FLAGS, ())


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path):
    with open_workdir(tmp_path, FLAGS, ()):
        with pytest.raises(UserError) as caught:
            _open(tmp_path, FLAGS, ())
        assert f"another process works in workdir={tmp_path}; wait for it" in str(caught.value)
    _open(tmp_path, FLAGS, ())


def test_the_hold_on_a_folder_dies_with_its_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from metainr.training.lock import alone_in\n"
        "with alone_in(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, **pipes)
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match="another process works in"):
        _open(tmp_path, FLAGS, ())
    process.kill()
    process.communicate()
    _open(tmp_path, FLAGS, ())


def _recorded(folder, step, flags):
    about = folder / "checkpoints" / str(step) / ABOUT / "metadata"
    about.parent.mkdir(parents=True)
    about.write_text(json.dumps({"config": flags}))


def test_checkpoints_of_another_run_are_refused(tmp_path):
    _recorded(tmp_path, 4, FLAGS | {"steps": 4})
    _recorded(tmp_path, 6, {"width": 16})  # from before the other flags were known
    (tmp_path / "checkpoints" / "8").mkdir()  # damaged, of which restoring tells
    check_checkpoints(tmp_path, FLAGS, {"steps"})
    _recorded(tmp_path, 90, FLAGS | {"signal": "text"})
    with pytest.raises(UserError) as caught:
        check_checkpoints(tmp_path, FLAGS, {"steps"})
    assert "90 is of another run: signal was 'text' and is now 'sdf'" in str(caught.value)
    assert "move it away" in str(caught.value)
