"""The program on streams: its comparison and page, streams of a user's own, and live mode."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_runs import ROOT, finish, run_here, wait_for

from experiments import stream as program
from metainr import signals
from metainr.errors import UserError
from metainr.reporting.streams import read_stream, stream_tables

TINY = (
    *("--resolution=8", "--width=8", "--depth=2", "--train_steps=1", "--num_validation=1"),
    *("--omega=30", "--first_omega=30", "--part_steps=2", "--buffer=16"),
)
METHODS = "--methods=modules,replay"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("stream")
    assert run_here(workdir, *TINY, METHODS, experiment=program) == 0
    return workdir


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A picture's four quadrants as files, and the picture."""
    folder = tmp_path_factory.mktemp("parts")
    picture = signals.make("photos", signals.ImageOptions(resolution=8)).get("test", 0)
    levels = np.round(255 * picture).astype(np.uint8)
    for number, (top, left) in enumerate(((0, 0), (0, 4), (4, 0), (4, 4))):
        Image.fromarray(levels[top : top + 4, left : left + 4]).save(folder / f"{number}.png")
    return folder, levels


def test_all_is_compared_and_told(compared):
    record = read_stream(compared)
    assert list(record["methods"]) == ["modules", "replay"]
    for method, inits in record["methods"].items():
        assert list(inits) == ["learned", "random"]
        for entry in inits.values():
            last = entry["budgets"]["2"]
            matrix = np.array(last["matrix"])
            assert matrix.shape == (4, 4) and np.isfinite(matrix).all()
            np.testing.assert_allclose(last["end"]["mean"], matrix[-1].mean(), rtol=1e-4)
            lost = last["best"]["mean"] - last["end"]["mean"]
            np.testing.assert_allclose(last["forgetting"]["mean"], lost, atol=1e-4)
            assert method != "modules" or last["forgetting"]["values"] == [0, 0]
    modules, replay = (record["methods"][name]["learned"] for name in ("modules", "replay"))
    assert modules["weights"] == 4 * (3 * 8 + 9 * 3)
    assert abs(replay["weights"] - modules["weights"]) <= 3  # half of what a unit more would add
    assert (modules["kept"], replay["kept"]) == (0, 16 * (2 + 3))
    quality, costs = stream_tables(record)
    assert [row[0] for row in quality.rows] == [row[0] for row in costs.rows]
    page = (compared / "report.html").read_text()
    assert page.count('<img class="figure"') == 2 and "forget nothing" in page


def test_nothing_is_done_twice_and_other_methods_join(compared):
    def pieces():
        return {path: path.stat().st_mtime_ns for path in compared.rglob("piece.json")}

    before = pieces()
    assert len(before) == 8
    flags = "--methods=modules,replay,ewc"
    assert run_here(compared, *TINY, flags, "--pulls=1", experiment=program) == 0
    after = pieces()
    assert {path: after[path] for path in before} == before and len(after) == 12


def test_a_folder_of_parts_is_the_picture_that_they_make(compared, parts, tmp_path, capsys):
    folder, levels = parts
    Image.fromarray(levels).save(tmp_path / "whole.png")
    ends = []
    for source in (folder, tmp_path / "whole.png"):
        flags = (*TINY, "--methods=modules", f"--input={source}")
        assert run_here(compared, *flags, experiment=program) == 0
        record = read_stream(compared)
        assert record["num_test"] == 1
        ends.append(record["methods"]["modules"]["learned"]["budgets"]["2"]["end"]["values"])
    assert ends[0] == ends[1]
    shown = capsys.readouterr().out
    assert re.findall(r", (\d) of 4\n", shown) == ["2", "4"]  # whatever else the folder holds
    assert "mean over parts, of one test signal." in shown


def _files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".png", ".safetensors")
    }


def test_live_parts_go_on_after_a_kill_as_if_there_was_none(compared, parts, capsys):
    folder, _ = parts
    flags = (*TINY, f"--follow={folder}")
    assert run_here(compared, *flags, experiment=program) == 0
    live = compared / "live"
    undisturbed = _files(live)
    assert len(undisturbed) == 5
    # What a kill leaves between the weights of part 3 and its entry in the record.
    record = json.loads((live / "parts.json").read_text())
    assert [part["file"] for part in record["parts"]] == ["0.png", "1.png", "2.png", "3.png"]
    (live / "parts.json").write_text(json.dumps(record | {"parts": record["parts"][:2]}))
    (live / "modules" / "0003.safetensors").unlink()
    (live / "modules" / "0002.safetensors").write_bytes(b"half")
    assert run_here(compared, *flags, experiment=program) == 0
    assert _files(live) == undisturbed
    (folder / "more").mkdir(exist_ok=True)
    assert run_here(compared, *TINY, f"--follow={folder / 'more'}", experiment=program) == 1
    assert "is of another folder, or other steps" in capsys.readouterr().err


@pytest.mark.slow
def test_live_parts_that_come_late_and_a_sigkill(compared, parts, tmp_path):
    folder, _ = parts
    workdir, incoming = tmp_path / "run", tmp_path / "incoming"
    shutil.copytree(compared, workdir)
    shutil.rmtree(workdir / "live", ignore_errors=True)
    incoming.mkdir()

    def start():
        flags = (*TINY, f"--workdir={workdir}", f"--follow={incoming}", "--num_test=2")
        flags = ("--tasks_per_step=1", *flags)
        return subprocess.Popen(
            [sys.executable, "-m", "experiments.stream", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def count():
        path = workdir / "live" / "parts.json"
        return len(json.loads(path.read_text())["parts"]) if path.exists() else 0

    process = start()
    for number in range(2):
        shutil.copy(folder / f"{number}.png", incoming)
        wait_for(process, lambda number=number: count() > number)
    process.send_signal(signal.SIGKILL)
    finish(process)
    for number in (2, 3):
        shutil.copy(folder / f"{number}.png", incoming)
    code, errors = finish(start())
    assert code == 0, errors
    assert run_here(compared, *TINY, f"--follow={folder}", experiment=program) == 0
    assert _files(workdir / "live") == _files(compared / "live")


@pytest.mark.slow
@pytest.mark.parametrize(
    "signal_flags",
    [
        ("--signal=notes", "--sample_rate=1000", "--duration=0.2", "--buffer=9"),
        ("--signal=moving", "--clip_frames=4", "--buffer=9"),
    ],
)
def test_sounds_and_clips_are_streams_too(tmp_path, signal_flags):
    flags = (*TINY, *signal_flags, "--methods=modules", "--num_test=1")
    assert run_here(tmp_path, *flags, experiment=program) == 0
    matrix = read_stream(tmp_path)["methods"]["modules"]["random"]["budgets"]["2"]["matrix"]
    assert np.shape(matrix) == (4, 4)
    written = {path.suffix for path in (tmp_path / "modules-random").rglob("000.*")}
    assert written & {".wav", ".mp4", ".gif"}


@pytest.mark.parametrize(
    "flags, told",
    [
        (("--parts=3,2",), "8 points make no 3 equal parts"),
        (("--parts=2",), "is for 1 axes, and a signal has 8 × 8 points"),
        (("--buffer=65",), "--buffer=65 is larger than the stream, which has 64 points"),
        (("--signal=photo",), "did you mean photos"),
        (("--tune",), "--tune has no part here; leave it out"),
        (("--clip=a.mp4",), "--clip has no part here; give --input"),
        (("--algorithm=none",), "--algorithm=none learns no init"),
        (("--input=none.png",), "--input=none.png does not exist"),
        (("--follow=nowhere",), "--follow=nowhere is no folder"),
        (("--input=a", "--follow=b"), "--input and --follow each name the stream"),
        (("--width=9",), "--width was 8 and is now 9"),
    ],
)
def test_mistakes_are_told(compared, capsys, flags, told):
    names = {flag.partition("=")[0] for flag in flags}
    given = [flag for flag in TINY if flag.partition("=")[0] not in names]
    assert run_here(compared, *given, METHODS, *flags, experiment=program) == 1
    assert told in capsys.readouterr().err


def test_parts_that_differ_or_are_damaged_are_told(compared, parts, tmp_path, capsys):
    shutil.copytree(parts[0], tmp_path / "parts")
    folder = tmp_path / "parts"
    shutil.rmtree(compared / "live", ignore_errors=True)
    flags = (*TINY, METHODS)
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(folder / "1.png")
    for source in (f"--input={folder}", f"--follow={folder}"):
        assert run_here(compared, *flags, source, experiment=program) == 1
        assert "has 5 × 5 pixels, and 0.png has 4 × 4 pixels" in capsys.readouterr().err
    (folder / "1.png").write_bytes(b"no picture")
    assert run_here(compared, *flags, f"--input={folder}", experiment=program) == 1
    assert "1.png" in capsys.readouterr().err
    (folder / "1.png").unlink()
    assert run_here(compared, *flags, f"--input={folder}", experiment=program) == 1
    assert "has 3 parts, and --parts makes 4 of a signal" in capsys.readouterr().err


def test_damaged_records_are_told(compared, tmp_path):
    record = json.loads((compared / "stream.json").read_text())
    record["methods"]["modules"]["learned"]["budgets"]["2"]["matrix"].pop()
    (tmp_path / "stream.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="lacks methods, or a matrix of one"):
        read_stream(tmp_path)
