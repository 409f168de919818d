"""Every flagfile opens with a comment and runs: two steps, at a size for tests."""

import importlib
import json
from pathlib import Path

import pytest
from absl.testing import flagsaver
from tfds_sets import write_tfds_sets
from tiny_runs import ROOT, TINY_OWN, run_here

from experiments import cli
from experiments.run import shared_flags
from metainr import console

FLAGFILES = sorted((ROOT / "experiments" / "flags").glob("*/*.flags"))
OF_EXPERIMENTS = [path for path in FLAGFILES if path.parent.name in console.LEARNING]
EXPERIMENTS = sorted(path.stem for path in (ROOT / "experiments").glob("*.py"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return write_tfds_sets(tmp_path_factory.mktemp("tfds"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_experiment_with_flagfiles_has_a_quickstart():
    for folder in {path.parent for path in FLAGFILES}:
        assert folder.name in EXPERIMENTS
        assert folder / "quickstart.flags" in FLAGFILES


@pytest.mark.parametrize("path", FLAGFILES, ids=_name)
def test_it_opens_with_a_comment(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# ") and len(lines[0]) > 20
    assert all(line.startswith(("# ", "--")) for line in lines)
    given = [line.split("=")[0] for line in lines if line.startswith("--")]
    assert len(given) == len(set(given))


@pytest.mark.parametrize("path", OF_EXPERIMENTS, ids=_name)
def test_its_flags_belong_together(path):
    experiment = importlib.import_module(f"experiments.{path.parent.name}").EXPERIMENT
    with flagsaver.flagsaver():
        cli.parse([path.parent.name, f"--flagfile={path}"])
        config = shared_flags.configuration(experiment)
    assert config.experiment == path.parent.name


@pytest.mark.slow
@pytest.mark.parametrize("path", OF_EXPERIMENTS, ids=_name)
def test_it_runs(path, data_dir, tmp_path):
    name = path.parent.name
    module = importlib.import_module(f"experiments.{name}")
    sizes = [f"--flagfile={path}", "--resolution=16", "--width=16", "--tasks_per_step=2"]
    counts = ["--train_steps=2", "--num_test=2", "--test_steps=3"]
    if name in TINY_OWN:
        counts += [*TINY_OWN[name], "--num_validation=2", "--notune"]
    else:
        counts += [f"--data_dir={data_dir}"]
    assert run_here(tmp_path / "run", *sizes, *counts, experiment=module) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    alone = results["config"]["algorithm"] == "none"
    assert results["experiment"] == name and results["train_steps"] == (0 if alone else 2)
    learned = {"standard", "mean", "matched", "shuffled", "meta"}
    fitted = set(results["config"]["networks"] or ["standard"]) if alone else learned
    for setting in results["settings"].values():
        assert fitted <= setting["inits"].keys()
        for init, entry in setting["inits"].items():
            means = entry["metrics"]["psnr"]["mean"]
            # Methods without a field have no steps: theirs is the last one.
            assert None not in (means if init in fitted else means[-1:])
    assert (tmp_path / "run" / "report.html").stat().st_size > 1000
