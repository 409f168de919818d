"""The command `metainr`: what it lists, what it runs, and what a wheel puts where."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from experiments import cli
from metainr import console
from metainr.errors import UserError

ROOT = Path(__file__).parents[1]


def test_every_program_is_listed_with_its_flagfiles():
    programs = {
        path.stem
        for path in (ROOT / "experiments").glob("*.py")
        if 'if __name__ == "__main__":' in path.read_text()
    }
    assert set(console.names()) == programs
    listing = console.listing()
    assert all(f"  {name} " in listing for name in programs)
    assert "Image regression: learn an init for a class of images" in listing
    folders = {path.name for path in (ROOT / "experiments" / "flags").iterdir()}
    assert {name for name in programs if console.flagfiles(name)} == folders


def test_an_unknown_program_is_told_with_the_nearest():
    with pytest.raises(UserError, match="did you mean image_regression"):
        console.run("image_regresion", [])


def test_a_flagfile_is_found_by_its_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = ROOT / "experiments" / "flags" / "waves" / "pulses.flags"
    given = ["waves", "--flagfile=pulses", "--width=3"]
    assert cli.with_own_flagfiles(given) == ["waves", f"--flagfile={own}", "--width=3"]
    (tmp_path / "pulses").touch()  # a file of that name here goes before it
    assert cli.with_own_flagfiles(given) == given


@pytest.mark.slow
def test_a_wheel_brings_the_command_and_no_package_called_experiments(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    assert {path.name for path in site.iterdir() if not path.name.endswith("info")} == {"metainr"}
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import metainr, metainr.console; "
        f"assert metainr.__file__.startswith({str(site)!r}); metainr.console.main()"
    )
    flags = (
        *("--flagfile=quickstart", "--resolution=16", "--width=16", "--train_steps=2"),
        *("--num_test=2", "--test_steps=2", "--workdir=run"),
    )
    command = [sys.executable, "-c", code, "image_regression", *flags]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists()


def test_a_flagfile_of_another_program_is_told_with_the_nearest(capsys):
    with pytest.raises(SystemExit):
        cli.parse(["fit_object", "--flagfile=alone"])
    assert "--flagfile=alone is neither a file" in (line := capsys.readouterr().err)
    assert "--flagfile=view_synthesis/alone" in line


def test_help_survives_a_reader_that_goes():
    program = f"{sys.executable} -m metainr fit --help | head -n 1"
    done = subprocess.run(program, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("Fits a picture") and not done.stderr
