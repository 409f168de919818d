"""Long work tells how far it is, on a terminal and off it."""

import io
import re
import sys

from metainr import progress as module
from metainr.progress import progress
from metainr.runs import watching


def test_off_a_terminal_it_is_lines(capsys, monkeypatch):
    monkeypatch.setattr(module, "_LINE_EVERY", 1e-9)
    with progress(4, "step", "fits", initial=1) as bar:
        bar.set_postfix({"validation PSNR": "30.00 dB"}, refresh=False)
        for _ in range(3):
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    told = r"fits: \d of 4 steps, \S+ (s/step|step/s), \S+ left, validation PSNR=30.00 dB"
    assert lines and all(re.fullmatch(told, line) for line in lines), lines


def test_lines_of_work_within_work_move_no_cursor(capsys, monkeypatch):
    monkeypatch.setattr(module, "_LINE_EVERY", 1e-9)
    with progress(2, "init", "inits") as outer, progress(2, "trial", "rates") as inner:
        inner.update()
        outer.update()
    assert "\x1b" not in capsys.readouterr().err


def test_short_work_says_nothing_off_a_terminal(capsys):
    with progress(3, "step") as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""


def test_in_a_notebook_it_is_a_bar(monkeypatch):
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(3, "step") as bar:
        bar.update(3)
    assert "\r100%|" in stream.getvalue()


def test_the_clock_of_fits_runs_from_the_first_of_them(tmp_path, monkeypatch):
    """What is tuned before would count as theirs, and hours be told to be left."""
    made = []
    monkeypatch.setattr(watching, "progress", lambda *a, **k: made.append(a) or progress(*a, **k))
    with watching.watched(tmp_path, "fits", 8) as make_watch:
        watch = make_watch("these fits")
        assert not made
        watch.advanced(4)
        watch.advanced(4)
    assert len(made) == 1
