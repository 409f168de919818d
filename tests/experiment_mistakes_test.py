"""Mistakes and mishaps of a user's: one clear line, an exit status, and nothing lost."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_runs import ROOT, TINY, assert_same_bits, finish, run_here, start, state, steps

from experiments import cli
from metainr.training.lock import alone_in
from metainr.training.portable import ABOUT, DIGEST, digest, measured_of, read_checkpoint

TRAINED = ("--depth=3", "--train_steps=6", "--checkpoint_every=2", "--num_test=1", "--test_steps=2")


@pytest.fixture
def refused(tmp_path, capfd):
    """Runs with flags that must be refused: the one line on stderr."""

    def run(*arguments, workdir=tmp_path / "run"):
        assert run_here(workdir, *arguments) == 1
        lines = capfd.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0]

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run."""
    workdir = tmp_path_factory.mktemp("trained") / "run"
    assert run_here(workdir, *TRAINED) == 0
    return workdir


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def _content(workdir):
    return {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}


def _pictures(folder, count):
    folder.mkdir()
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 255, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize(
    "argument, expected",
    [
        ("--widht=3", "Unknown command line flag 'widht'. Did you mean: width"),
        ("--learningrate=3", "did you mean --outer_learning_rate or --inner_learning_rate"),
        ("--signal=sdff", "did you mean sdf? choose one of sdf, sdf_mixed"),
        ("--field=sirn", "did you mean siren?"),
        ("--algorithm=zzz", "value should be one of <maml|"),
        ("--width=abc", "--width=abc is not possible; give a whole number from 1 to 65536"),
        ("--width=-3", "--width=-3 is not possible; give a whole number"),
        ("--flagfile=/nowhere.flags", "/nowhere.flags"),
        ("run", "'run' is not a flag; every argument starts with --"),
        ("--train_signals=4,10001", "--train_signals=10001 is more than the 10000 training"),
        ("--train_signals=4,x", "--train_signals=4,x is not possible; give a whole number"),
        ("--activation=rellu", "unknown activation 'rellu'"),
        ("--init=/nowhere", "/nowhere"),
        ("--image_folder=/nowhere", "image folder /nowhere does not exist"),
    ],
)
def test_flags(refused, tmp_path, argument, expected):
    arguments = [argument, "--field=mlp"] if "activation" in argument else [argument]
    assert expected in refused(*arguments)
    assert not (tmp_path / "run").exists()


def test_the_process_itself_exits_with_one_line(tmp_path):
    for argument, expected in {"--widht=3": "width", "--image_folder=/nowhere": "/nowhere"}.items():
        code, errors = finish(start(tmp_path / "run", argument))
        assert code == 1 and expected in errors and len(errors.splitlines()) == 1, errors


def test_sizes_beyond_the_memory(capfd):
    assert cli.status(lambda: np.empty(2**48), ["image_regression"]) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("error: not enough memory: ") and "ask for smaller sizes" in line


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("--width=65536", "--depth=200"), "a field of 850416893955 weights is above"),
        (("--resolution=8192", "--num_test=1000"), "1000 test signals need 805 GB"),
        (("--resolution=1000000000",), "--resolution=1000000000 is not possible"),
    ],
)
def test_sizes_that_the_kernel_would_kill_for(refused, arguments, expected):
    assert expected in refused("--signal=text", *arguments)


@pytest.mark.slow
def test_a_checkpoint_of_another_run_is_not_continued(refused, copied):
    about = copied / "checkpoints" / "6" / "about" / "metadata"
    told = json.loads(about.read_text())
    told["config"]["seed"] = 5
    about.write_text(json.dumps(told))
    line = refused(*TRAINED, "--train_steps=8", workdir=copied)
    assert "6 is of another run: --seed was 5 and is now 0; move it away" in line
    assert steps(copied) == [2, 4, 6]


def test_a_run_goes_on_in_one_process_at_a_time(refused, copied):
    with alone_in(copied):
        line = refused(*TRAINED, "--train_steps=8", workdir=copied)
    assert f"another process works in --workdir={copied}" in line
    assert steps(copied) == [2, 4, 6]


def test_folders_of_pictures(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "has no pictures" in refused(f"--image_folder={tmp_path / 'empty'}")


@pytest.mark.slow
def test_bad_pictures_among_good_ones_are_named(tmp_path):
    folder = _pictures(tmp_path / "pictures", 5)
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:60])
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    code, errors = finish(
        start(tmp_path / "run", f"--image_folder={folder}", "--num_test=1", "--algorithm=none")
    )
    assert code == 0, errors
    assert "skipped 2 unreadable or tiny pictures: broken.png, dot.png" in errors
    assert len(errors.splitlines()) == 1


def test_data_that_is_not_prepared(refused, tmp_path):
    line = refused("--signal=celeba", f"--data_dir={tmp_path}")
    assert "run: python -c" in line and "download_and_prepare" in line


def test_other_flags_are_named_and_nothing_is_touched(refused, copied):
    before = _content(copied)
    line = refused(*TRAINED, "--width=17", "--inner_steps=3", workdir=copied)
    assert "--inner_steps was 2 and is now 3; --width was 16 and is now 17" in line
    assert _content(copied) == before


def test_fewer_steps_than_are_done(refused, copied):
    line = refused(*TRAINED, "--train_steps=4", workdir=copied)
    assert "is at step 6, past --train_steps=4" in line
    assert steps(copied) == [2, 4, 6]


def test_an_init_of_another_architecture(refused, trained, tmp_path):
    line = refused(f"--init={trained}", "--width=32")
    assert "--width=32 contradicts" in line
    from metainr.weights import save_weights

    save_weights(tmp_path / "other.npz", {"dense_0": {"kernel": np.ones((2, 5))}})
    line = refused(f"--init={tmp_path / 'other.npz'}")
    assert "[2, 5], expected [2, 16]" in line and "dense_2/kernel" in line or "more" in line


@pytest.mark.parametrize("content", ['{"settings": {"default"', "[]", '{"settings": {}}', ""])
def test_damaged_results(refused, copied, content):
    (copied / "results.json").write_text(content)
    line = refused(*TRAINED, workdir=copied)
    assert "results.json is damaged" in line and "move it away" in line
    assert (copied / "results.json").read_text() == content
    assert steps(copied) == [2, 4, 6]


def test_a_damaged_record(refused, copied):
    (copied / "config.json").write_text('{"flags": {"wid')
    assert "config.json is not valid JSON" in refused(*TRAINED, workdir=copied)


def test_a_workdir_that_is_no_folder(refused, tmp_path):
    (tmp_path / "file").write_text("")
    for workdir in (tmp_path / "file", tmp_path / "file" / "run"):
        assert "cannot write to --workdir=" in refused(workdir=workdir)


def test_a_finished_run_is_left_as_it_is(trained, capfd):
    before = {
        path: content for path, content in _content(trained).items() if "results" in path.name
    }
    assert run_here(trained, *TRAINED) == 0
    assert not capfd.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


def test_a_damaged_newest_checkpoint_is_told_and_made_anew(trained, copied, caplog, capfd):
    (data,) = (copied / "checkpoints" / "6" / "meta_params" / "d").iterdir()
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 16
    data.write_bytes(content)
    (copied / "metrics" / "metrics.jsonl").write_text('{"step": 6, "lo')
    (copied / "results.json").unlink()
    assert run_here(copied, *TRAINED) == 0
    assert "Checkpoint 6 is damaged" in caplog.text
    assert not capfd.readouterr().err
    assert (copied / "checkpoints" / "damaged-6").is_dir()
    assert_same_bits(state(copied, 6), state(trained, 6))


def test_numbers_that_are_none_stop_the_run(refused, tmp_path):
    line = refused("--inner_learning_rate=1e30", "--train_steps=20", "--checkpoint_every=1")
    for part in ("no longer finite at step 1", "--inner_learning_rate=1e+30", "--clip_norm=1"):
        assert part in line
    assert steps(tmp_path / "run") == []


def test_divergence_keeps_the_last_good_checkpoint(copied, capfd, trained):
    # The same run, but for a rate that its records are made to agree with.
    path = copied / "config.json"
    record = json.loads(path.read_text())
    record["flags"]["outer_learning_rate"] = 1e38
    path.write_text(json.dumps(record))
    for checkpoint in (copied / "checkpoints").glob("[0-9]"):
        arrays, config = read_checkpoint(checkpoint)
        config["outer_learning_rate"] = 1e38
        about = {DIGEST: digest(arrays, config, measured_of(checkpoint)), "config": config}
        (checkpoint / ABOUT / "metadata").write_text(json.dumps(about))
    longer = ("--train_steps=30", "--outer_learning_rate=1e38")
    for _ in range(2):
        assert run_here(copied, *TRAINED, *longer) == 1
        errors = capfd.readouterr().err
        assert "no longer finite at step" in errors and "checkpoint, step 6, is kept" in errors
        assert "--outer_learning_rate=1e+38" in errors and len(errors.splitlines()) == 1
        assert steps(copied) == [2, 4, 6]
        assert_same_bits(state(copied, 6), state(trained, 6))


_LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.parametrize("file", ["record", "checkpoint"])
def test_files_that_cannot_grow(trained, copied, file):
    """As on a full disk: first the record of the run, then a checkpoint cannot be written."""
    record = (trained / "config.json").stat().st_size
    limit = 0 if file == "record" else record + 100  # less than a checkpoint's largest file
    wrapper = (sys.executable, "-c", _LIMIT, str(limit))
    code, errors = finish(start(copied, *TRAINED, "--train_steps=40", wrapper=wrapper))
    assert code == 1 and len(errors.splitlines()) == 1, errors
    if file == "record":
        assert "error: cannot write to --workdir=" in errors
    else:
        assert "error: cannot save a checkpoint" in errors and "kept steps: [2, 4, 6]" in errors
    assert steps(copied) == [2, 4, 6]
    assert_same_bits(state(copied, 6), state(trained, 6))
    if file == "checkpoint":
        assert run_here(copied, *TRAINED, "--train_steps=8") == 0
        assert steps(copied) == [4, 6, 8]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_full_disk_and_a_read_only_one(trained, tmp_path):
    """In a mount name space of its own, so that nothing stays mounted."""
    script = f"""
set -e
mount -t tmpfs -o size=4m tmpfs {tmp_path}
cp -r {trained} {tmp_path}/run
room=$(df --output=avail -B1 {tmp_path} | tail -1)
head -c $((room - 120000)) /dev/zero > {tmp_path}/filler
cd {ROOT}
run() {{ {sys.executable} -m experiments.image_regression {" ".join([*TINY, *TRAINED])} "$@"; }}
set +e
run --workdir={tmp_path}/run --train_steps=400 > {tmp_path.parent}/out; echo "status $?" >&2
ls {tmp_path}/run/checkpoints >&2
mount -o remount,ro {tmp_path}
run --workdir={tmp_path}/run --train_steps=500 > {tmp_path.parent}/out; echo "status $?" >&2
"""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("mount name spaces are not allowed here")
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True)
    lines = done.stderr.strip().splitlines()
    if "status" not in done.stderr:
        pytest.skip(f"cannot mount: {done.stderr}")
    assert "Traceback" not in done.stderr
    assert lines[0].startswith("error: cannot") and lines[1] == "status 1", done.stderr
    kept = [int(name) for name in lines[2:-2] if name.isdigit()]
    assert len(kept) >= 3 and max(kept) >= 6
    assert lines[-2].startswith("error: cannot write") and lines[-1] == "status 1"


@pytest.mark.slow
def test_a_run_from_before_a_flag_existed_goes_on(copied):
    record = copied / "config.json"
    config = json.loads(record.read_text())
    del config["flags"]["num_validation"], config["flags"]["sigma"]
    record.write_text(json.dumps(config))
    assert run_here(copied, *TRAINED, "--train_steps=8") == 0
    assert steps(copied)[-1] == 8
