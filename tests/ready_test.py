"""Inits that come with the library are read by name, and say where they come from."""

import json

import pytest

import metainr
from metainr.console import flagfiles, listing
from metainr.errors import UserError
from metainr.ready import ABOUT, PREFIX, ready_files
from metainr.weights import load_metadata


@pytest.mark.parametrize("name", ready_files())
def test_each_is_read_and_says_how_it_was_learned(name):
    path = ready_files()[name]
    assert path.stat().st_size <= 1e6 and PREFIX + name in listing()
    run = metainr.load(PREFIX + name)
    program, stem = json.loads(load_metadata(path)[ABOUT])["flagfile"].split("/")
    assert run.record["experiment"] == program and stem in flagfiles(program)
    assert run.record["workdir"] == ""


def test_an_unknown_name_is_told():
    with pytest.raises(UserError, match=r"unknown ready init 'sdf46': did you mean sdf64\?"):
        metainr.load("ready:sdf46")


def test_all_are_small():
    assert 0 < sum(path.stat().st_size for path in ready_files().values()) <= 5e6
