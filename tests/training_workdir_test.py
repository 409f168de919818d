"""A workdir takes back the run it knows, and names what another one differs in."""

import json

import pytest

from metainr.errors import UserError
from metainr.training.workdir import open_workdir

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
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(UserError) as caught:
        _open(tmp_path, FLAGS | {"width": 32, "signal": "text", "steps": 5}, {"steps"})
    assert f"workdir={tmp_path} holds a run with other options" in str(caught.value)
    assert "signal was 'sdf' and is now 'text'; width was 16 and is now 32" in str(caught.value)
    assert "steps" not in str(caught.value) and "\n" not in str(caught.value)
    assert (tmp_path / "config.json").read_text() == before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"flags": 3}', '{"flags": "abc"}', "3"])
def test_a_damaged_record_is_told(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match="config.json is not a run's record.*delete that file"):
        _open(tmp_path, FLAGS, ())
    assert (tmp_path / "config.json").read_text() == content


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match="cannot write to workdir="):
            _open(path, FLAGS, ())
