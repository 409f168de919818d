"""What surrounds a program is right, or told in one line at the start; nothing is lost at the end.

Settings of JAX's and matplotlib's, streams, home folders, and interrupts ahead of the first line.
"""

import io
import signal
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from absl import logging
from tiny_runs import finish, run_here, start, wait_for

import metainr
from experiments import cli
from metainr import output
from metainr.checks import OptionError, Place, check
from metainr.errors import UserError
from metainr.files import expanded, why
from metainr.output import quietly, say

SMALL = ("--train_steps=2", "--num_test=1", "--test_steps=2", "--num_validation=1")
FULL = ("sh", "-c", 'exec "$@" >/dev/full', "sh")


@pytest.mark.slow
def test_settings_of_other_programs_and_a_full_output_cost_no_report(tmp_path):
    settings = ("JAX_ENABLE_X64=1", "MPLBACKEND=nope", "PYTHONIOENCODING=ascii", f"HOME={tmp_path}")
    code, errors = finish(start(Path("~/run"), *SMALL, wrapper=("env", *settings, *FULL)), 300)
    assert "float32 all the same" in errors and "Traceback" not in errors
    assert code == 1 and errors.splitlines()[-1] == "error: what this prints was lost"
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "instruments.json").is_file()


@pytest.mark.parametrize("platform", ["cuda", "nope"])
def test_a_platform_that_is_not_there(tmp_path, platform):
    process = start(tmp_path / "run", wrapper=("env", f"JAX_PLATFORMS={platform}"))
    code, errors = finish(process)
    assert code == 1 and len(errors.splitlines()) == 1, errors
    assert f"no device of JAX_PLATFORMS={platform}" in errors and "JAX_PLATFORMS=cpu" in errors
    assert not (tmp_path / "run").exists()


def test_without_compiling_nothing_begins(tmp_path, capfd):
    with jax.disable_jit():
        assert run_here(tmp_path / "run") == 1
        with pytest.raises(UserError, match="JAX_DISABLE_JIT is on"):
            metainr.learn(np.zeros((8, 6, 6)))
    assert "JAX_DISABLE_JIT is on" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_python_is_served_in_float64_as_well(float64, caplog):
    images = np.random.default_rng(0).uniform(size=(10, 6, 6))
    run = metainr.learn(images, width=8, depth=2, train_steps=1, num_validation=1)
    assert run.fit(images[0], steps=2).losses.dtype == np.float32
    assert "float32 all the same" in caplog.text
    assert jax.config.jax_enable_x64


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")
@pytest.mark.parametrize("module", ["experiments.image_regression", "metainr"])
def test_an_interrupt_of_the_imports_is_one_line(tmp_path, module):
    wrapper = ("sh", "-c", f'shift 3; exec {sys.executable} -m {module} "$@"', "sh")
    wrapper = wrapper if module != "metainr" else (*wrapper, "-", "-", "-", "image_regression")
    process = start(tmp_path, wrapper=wrapper)
    wait_for(process, lambda: "jaxlib" in Path(f"/proc/{process.pid}/maps").read_text())
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "interrupted before anything was done\n")


def test_what_an_encoding_lacks_is_escaped(monkeypatch):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, "ascii"))
    say("12 ± 1 \udcff")
    assert buffer.getvalue() == b"12 \\xb1 1 \\udcff\n"


def test_an_output_that_fails_is_told_once_and_at_the_end(monkeypatch, caplog, capfd):
    monkeypatch.setattr(output, "_lost", [])
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.status(lambda: [say("a"), say("b")], ["program"]) == 1
        assert len(caplog.records) == 1 and "No space left" in caplog.text
        assert capfd.readouterr().err.splitlines()[-1] == "error: what this prints was lost"
        full.write = lambda text: None  # it holds what it could not write
        with pytest.raises(OSError):
            full.flush()
        full.buffer.raw.close()


def test_home_folders_begin_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check("workdir", "~/a", Place()) == f"{tmp_path}/a"
    assert check("workdir", "./~/a", Place()) == "./~/a"
    assert expanded("~/a") == tmp_path / "a"
    with pytest.raises(OptionError, match="workdir is '~nobody-at-all/a'; give a path"):
        check("workdir", "~nobody-at-all/a", Place())
    with pytest.raises(UserError, match="give another path, or ./~nobody-at-all"):
        expanded("~nobody-at-all")


def test_home_folders_of_files_that_python_names(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    from metainr.weights import load_weights, save_weights

    save_weights("~/w.npz", {"a": np.ones(2)})
    assert (tmp_path / "w.npz").is_file() and load_weights("~/w.npz")["a"].shape == (2,)


@pytest.mark.parametrize(
    "error, remedy",
    [
        (OSError(28, "No space left on device", "/x"), "('/x'); make room there and run"),
        (OSError(30, "Read-only file system"), "name a place that can be written"),
        (OSError(20, "Not a directory"), "move away what is in its place"),
        (OSError("odd"), "odd; see to that and run the same command again"),
    ],
)
def test_every_refusal_of_the_system_has_a_remedy(error, remedy):
    assert remedy in why(error)


def test_warnings_are_dropped_within_and_not_after(caplog):
    with quietly():
        logging.get_absl_logger().warning("within")
    logging.get_absl_logger().warning("after")
    assert "after" in caplog.text and "within" not in caplog.text
