"""Finished runs on one page, and sweeps over the values of flags."""

import json
import shutil
from pathlib import Path

import pytest
from absl.testing import flagsaver
from tiny_runs import TINY, run_here

from experiments import cli, compare, sweep
from metainr.errors import UserError
from metainr.reporting import read_results
from metainr.reporting.runs import read_runs, run_tables
from metainr.reporting.tables import plain


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for steps in (1, 2):
        assert run_here(root / f"inner_steps={steps}", f"--inner_steps={steps}") == 0
    return root


def _folders(runs):
    return [str(path) for path in sorted(runs.glob("inner_steps=*"))]


def test_the_page_tells_what_differs_and_what_it_comes_to(runs, tmp_path, capsys):
    compare.report(_folders(runs), str(tmp_path))
    differences, quality, costs = run_tables(read_runs(_folders(runs)))
    assert differences.header == ("run", "inner_steps")
    assert differences.rows == (("inner_steps=1", "1"), ("inner_steps=2", "2"))
    for name, _, _, second, *_ in quality.rows:
        found = read_results(runs / name)["settings"]["default"]["inits"]["meta"]
        metric = found["metrics"]["psnr"]
        assert plain(second) == f"{metric['mean'][2]:.2f} ± {metric['stderr'][2]:.2f}"
    assert [row[1] for row in costs.rows] == ["2", "2"]
    page = (tmp_path / "report.html").read_text()
    assert page.count('<img class="figure"') == 2 and "Image regression: sdf, 2 runs" in page
    values = {}
    for path in map(Path, _folders(runs)):
        inits = read_results(path)["settings"]["default"]["inits"]
        values[path.name] = inits["meta"]["metrics"]["psnr"]["mean"][2]
    best = max(values, key=values.__getitem__)
    assert f"After 2 steps {best} leads with {values[best]:.2f}&nbsp;dB." in page
    assert "What differs" in capsys.readouterr().out


def _changed(runs, tmp_path, **values):
    shutil.copytree(runs / "inner_steps=1", tmp_path / "a")
    shutil.copytree(runs / "inner_steps=1", tmp_path / "b")
    results = read_results(tmp_path / "b") | values
    (tmp_path / "b" / "results.json").write_text(json.dumps(results))
    return [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize(
    "values, told",
    [
        ({"signal": "text"}, "a and b differ in --signal, sdf and text"),
        ({"num_test": 3}, "a and b differ in --num_test, 2 and 3"),
        ({"experiment": "audio"}, "a and b differ in --experiment"),
    ],
)
def test_runs_that_do_not_compare_are_refused(runs, tmp_path, values, told):
    with pytest.raises(UserError, match=told):
        read_runs(_changed(runs, tmp_path, **values))


def test_other_metrics_and_no_runs_are_refused(runs, tmp_path):
    first, second = _changed(runs, tmp_path)
    results = read_results(second)
    results["settings"]["default"]["metric"] = "ssim"
    (second / "results.json").write_text(json.dumps(results))
    with pytest.raises(UserError, match="a and b differ in metric, psnr and ssim"):
        read_runs([first, second])
    with pytest.raises(UserError, match="1 runs are no comparison; name two workdirs or more"):
        read_runs([first, first])
    with pytest.raises(UserError, match="cannot read JSON file .*nowhere"):
        read_runs([first, tmp_path / "nowhere"])


@pytest.mark.slow
def test_a_sweep_runs_what_is_missing_and_compares(runs, capfd):
    arguments = ["image_regression", *TINY, f"--workdir={runs}", "--inner_steps=1,2"]
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("results.json")}
    sweep.main(arguments)  # both are finished
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("results.json")} == before
    assert "inner_steps=2" in (runs / "compared.md").read_text()
    assert capfd.readouterr().out.count("What differs") == 1
    found = read_runs(sorted(runs.iterdir()))  # as runs/steps/* names them, the page's files too
    assert [run.name for run in found] == ["inner_steps=1", "inner_steps=2"]


@pytest.mark.slow
def test_a_sweep_outlives_a_run_that_diverges(tmp_path, capfd):
    given = ["image_regression", *TINY, f"--workdir={tmp_path}"]
    with pytest.raises(UserError, match=r"outer_learning_rate=1e30: failed, .* the 2 compared"):
        sweep.main([*given, "--outer_learning_rate=1e30,1e-4,1e-5"])
    assert "outer_learning_rate=1e-5" in (tmp_path / "compared.md").read_text()


@pytest.mark.parametrize(
    "arguments, told",
    [
        ([], "name an experiment and its flags"),
        (["image_regresion"], "did you mean image_regression"),
        (["image_regression", "--workdir=w"], "no flag has several values"),
        (["image_regression", "--inner_steps=1,2"], "give --workdir"),
        (["image_regression", "--workdir=w", "--inner_steps=1,x"], "'x' is no value of this flag"),
    ],
)
def test_mistakes_of_sweeps_are_told(arguments, told):
    with pytest.raises(UserError, match=told):
        sweep.main(arguments)


def test_no_page_is_written_over_a_run(runs):
    folders = _folders(runs)
    before = (runs / "inner_steps=1" / "report.html").read_bytes()
    with flagsaver.flagsaver():
        cli.parse(["compare", f"--workdir={folders[0]}"])
        with pytest.raises(UserError, match="holds a run, whose page would be lost"):
            compare.main(folders)
    assert (runs / "inner_steps=1" / "report.html").read_bytes() == before


def test_a_run_that_has_not_ended_is_named(runs, tmp_path):
    (tmp_path / "begun").mkdir()
    with pytest.raises(UserError, match="begun holds no finished run; leave it out"):
        read_runs([runs / "inner_steps=1", tmp_path / "begun"])
