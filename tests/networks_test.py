"""Networks compared from random weights, a class without training signals, and exports of fits."""

import numpy as np
import pytest
from absl.testing import flagsaver
from tiny_runs import TINY, run_here

from experiments import cli, image_regression, spine
from metainr.errors import UserError
from metainr.evaluation import fitting
from metainr.reporting import read_results
from metainr.types import SignalClass

NETWORKS = "siren,mlp:tanh,positional"
ALONE = ("--algorithm=none", f"--networks={NETWORKS}")


@pytest.mark.slow
def test_each_network_is_fitted_from_its_random_weights(tmp_path):
    together, alone = tmp_path / "together", tmp_path / "alone"
    assert run_here(together, *ALONE) == 0
    assert run_here(alone, "--algorithm=none", "--field=mlp", "--activation=tanh") == 0
    inits = read_results(together)["settings"]["default"]["inits"]
    assert list(inits) == NETWORKS.split(",")
    assert inits["mlp:tanh"] == read_results(alone)["settings"]["default"]["inits"]["standard"]
    assert inits["mlp:tanh"]["metrics"] != inits["positional"]["metrics"]
    before = (together / "results.json").stat().st_mtime_ns
    assert run_here(together, *ALONE) == 0
    assert (together / "results.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_networks_of_one_shape_do_not_take_over_each_others_fits(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "_PIECE_SECONDS", 0)  # saved after every step
    monkeypatch.setattr(fitting, "_FIRST_PIECE", 1)
    arguments = ("--algorithm=none", "--networks=mlp:relu,mlp:tanh")
    assert run_here(tmp_path / "together", *arguments) == 0
    alone = ("--algorithm=none", "--field=mlp", "--activation=tanh")
    assert run_here(tmp_path / "alone", *alone) == 0
    together = read_results(tmp_path / "together")["settings"]["default"]["inits"]["mlp:tanh"]
    assert together == read_results(tmp_path / "alone")["settings"]["default"]["inits"]["standard"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--networks=siren",), "--networks compares networks from random weights"),
        ((*ALONE, "--field=siren"), "--field and --networks both choose the network"),
        (("--algorithm=none", "--networks=sirens"), "--networks=sirens is not FIELD"),
        (("--algorithm=none", "--networks=mlp:"), "--networks=mlp: is not FIELD"),
        (("--algorithm=none", "--networks=mlp:rellu"), "unknown activation 'rellu'"),
    ],
)
def test_mistakes_get_one_line(tmp_path, capfd, arguments, said):
    assert run_here(tmp_path / "run", *arguments) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert said in line
    assert not (tmp_path / "run").exists()


def _one_signal(experiment, monkeypatch, file=None, **changes):
    """Makes the experiment's class one test signal, of that file, and changes its settings."""

    whole = experiment.EXPERIMENT

    def build(config, summation):
        problem = whole.build(config, summation)
        get = problem.signals.get
        sizes, names = {"train": 0, "validation": 0, "test": 1}, {"test": [file]} if file else {}
        one = SignalClass(sizes, lambda split, i: get(split, i), names)
        settings = {n: s._replace(**changes) for n, s in problem.settings.items()}
        return problem._replace(signals=one, settings=settings)

    monkeypatch.setattr(experiment, "EXPERIMENT", whole._replace(build=build))


def test_a_class_of_one_signal_is_fitted_and_exported(tmp_path, monkeypatch, capfd):
    def export(params, signal, path):
        np.savez(path.with_suffix(".npz"), signal=signal, **params["dense_0"])

    _one_signal(image_regression, monkeypatch, export=export)
    arguments = ("--num_test=1", "--algorithm=none")
    assert run_here(tmp_path / "run", *arguments) == 0
    inits = read_results(tmp_path / "run")["settings"]["default"]["inits"]
    assert list(inits) == ["standard"]
    fit = np.load(tmp_path / "run" / "fits" / "default" / "000_standard.npz")
    assert fit["kernel"].shape == (2, 16) and fit["signal"].shape == (16, 16, 3)
    assert not (tmp_path / "run" / "unfinished").exists()
    capfd.readouterr()
    for flag, said in (("--tune", "--tune needs validation"), ("--algorithm=maml", "no training")):
        assert run_here(tmp_path / "refused", *arguments, flag) == 1
        assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("file", "label", "stem"),
    [
        pytest.param(
            *("below/my song.v2.wav", "below/my song.v2.wav", "my-song-v2"), marks=pytest.mark.slow
        ),
        pytest.param("$^$ <b>.png", "$^$ \\u003cb>.png", "-b-", marks=pytest.mark.slow),
        ("\udce9t\udce9.png", "?t?.png", "-t-"),
        (f"{300 * 'ü'}.png", f"{300 * 'ü'}.png", 40 * "ü"),
    ],
)
def test_fits_and_pages_name_the_users_file(tmp_path, monkeypatch, file, label, stem):
    def export(params, signal, path):
        path.with_suffix(".txt").write_text("written")

    _one_signal(image_regression, monkeypatch, file, export=export)
    assert run_here(tmp_path / "run", "--num_test=1", "--algorithm=none") == 0
    (fit,) = (tmp_path / "run" / "fits" / "default").iterdir()
    assert fit.name == f"000_{stem}_standard.txt"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f'"label": "{label}"' in page and "test signal 0" not in page


def test_nothing_is_lost_where_a_fit_cannot_be_written(tmp_path, monkeypatch, capfd):
    refusals = ["no room"]

    def export(params, signal, path):
        if refusals:
            raise UserError(refusals.pop())
        path.with_suffix(".txt").write_text("written")

    monkeypatch.setattr(fitting, "_PIECE_SECONDS", 0.0)  # every piece is saved
    _one_signal(image_regression, monkeypatch, export=export)
    arguments = ("--num_test=1", "--algorithm=none")
    assert run_here(tmp_path / "run", *arguments) == 1
    assert capfd.readouterr().err.strip() == "error: no room"
    assert not (tmp_path / "run" / "results.json").exists()
    assert list((tmp_path / "run" / "unfinished").iterdir())
    assert run_here(tmp_path / "run", *arguments) == 0
    assert (tmp_path / "run" / "fits" / "default" / "000_standard.txt").exists()


def test_files_of_other_flags_are_taken_away(tmp_path, monkeypatch):
    def export(params, signal, path):
        path.with_suffix(".txt").write_text("written")

    _one_signal(image_regression, monkeypatch, export=export)
    arguments = ("--num_test=1", "--algorithm=none")
    assert run_here(tmp_path / "run", *arguments) == 0
    old = [tmp_path / "run" / f"{kind}/default/001_standard.png" for kind in ("fits", "samples")]
    for path in old:
        assert path.parent.is_dir()
        path.write_bytes(b"")
    assert run_here(tmp_path / "run", *arguments, "--test_steps=2") == 0
    assert not any(path.exists() for path in old)
    assert (tmp_path / "run" / "fits" / "default" / "000_standard.txt").exists()


def test_all_test_signals_are_fitted_where_there_are_few(tmp_path, monkeypatch):
    _one_signal(image_regression, monkeypatch)
    tiny = [flag for flag in TINY if not flag.startswith("--num_test")]
    with flagsaver.flagsaver():
        cli.parse(["image_regression", *tiny, f"--workdir={tmp_path}", "--algorithm=none"])
        assert cli.status(lambda: spine.run(image_regression.EXPERIMENT), ["image_regression"]) == 0
    assert read_results(tmp_path)["num_test"] == 1


@pytest.mark.slow
def test_a_rate_that_falls_to_zero_takes_smaller_steps_in_the_end(tmp_path):
    ends = {}
    for schedule in ("constant", "cosine"):
        workdir = tmp_path / schedule
        arguments = ("--algorithm=none", f"--test_schedule={schedule}", "--test_steps=20")
        assert run_here(workdir, *arguments, "--baseline_learning_rate=3e-3") == 0
        setting = read_results(workdir)["settings"]["default"]
        ends[schedule] = np.array(setting["inits"]["standard"]["metrics"]["psnr"]["per_signal"])
    first = [psnr[:, 1] for psnr in ends.values()]
    np.testing.assert_allclose(*first, atol=1e-4)
    steps = {name: np.abs(np.diff(psnr[:, -3:])).mean() for name, psnr in ends.items()}
    assert steps["cosine"] < 0.3 * steps["constant"]
