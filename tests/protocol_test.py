"""The comparison of algorithms at equal compute: its pieces, its tables, and its mistakes."""

import json

import pytest
from tiny_runs import run_here

from experiments import algorithms as program
from experiments import spine
from experiments.protocol.protocol_options import ProtocolOptions, learned_classes
from metainr.errors import UserError
from metainr.reporting.algorithms import algorithm_tables, read_algorithms
from metainr.training.loop import DivergenceError

FLAGS = ("--algorithms=reptile,joint", "--trials=1", "--num_validation=1", "--train_steps=4")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("compared")
    assert run_here(workdir, *FLAGS, experiment=program) == 0
    return workdir


def _pieces(workdir):
    return {path: path.stat().st_mtime_ns for path in workdir.rglob("piece.json")}


def test_compute_is_equal_and_all_is_told(compared):
    record = read_algorithms(compared)
    entries = record["classes"]["sdf"]
    assert list(entries) == ["reptile", "joint", "standard", "mean"]
    # In gradients of equal cost, MAML's four steps take 4 · (2 · 3 + 1); a Reptile step 2.
    assert entries["reptile"]["runs"][0]["outer_steps"] == 14
    assert entries["joint"]["runs"][0]["outer_steps"] == 28
    spent = [entries[name]["runs"][0]["flops"] for name in ("reptile", "joint")]
    assert spent[0] == pytest.approx(spent[1], rel=1e-6)
    quality, transfer, costs = algorithm_tables(record)
    assert "PSNR on sdf" in quality.title and "text" in transfer.title
    assert [row[0] for row in costs.rows] == ["reptile", "joint"]
    page = (compared / "report.html").read_text()
    assert page.count('<img class="figure"') == 4 and "joint" in page
    for entry in (entries["reptile"], entries["joint"]):
        (run,) = entry["runs"]
        assert run["curve"][-1][0] == run["outer_steps"] and run["curve"][-1][1] > 0


def test_nothing_is_done_twice(compared, capsys):
    assert len(_pieces(compared)) == 5  # a trial and a seed each, and the baselines
    before = _pieces(compared)
    assert run_here(compared, *FLAGS, "--minutes=0", experiment=program) == 0
    assert _pieces(compared) == before and "not yet done" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags, told",
    [
        (("--width=17",), "was made with other flags"),
        (("--transfer=",), "was made with other flags"),
        (("--algorithms=maml,mamel",), "several parted by commas, such as maml,meta_sgd"),
        (("--signal=text",), "--signal has no part here; give --classes"),
        (("--algorithm=maml",), "--algorithm has no part here; give --algorithms"),
        (("--rivals=a=b",), "--rivals has no part here; leave it out"),
        (
            ("--train_signals=1,2",),
            "--train_signals=1,2 is no single number of signals to learn from",
        ),
        (("--classes=sdf,noises",), "did you mean noise?"),
        (("--transfer=noises",), "did you mean noise?"),
        (("--leave_one_out",), "--leave_one_out needs two --classes or more"),
        (("--num_test=1000000",), "is more than the"),
    ],
)
def test_mistakes_are_told(compared, capsys, flags, told):
    assert run_here(compared, *FLAGS, *flags, experiment=program) == 1
    assert told in capsys.readouterr().err


def test_too_short_a_time_is_told(tmp_path, capsys):
    assert run_here(tmp_path, *FLAGS, "--minutes=0", experiment=program) == 1
    assert "--minutes=0 is too short for sdf/reptile/trial=0" in capsys.readouterr().err


def test_a_trial_that_diverges_is_not_chosen(tmp_path, capsys):
    flags = ("--algorithms=joint", "--trials=1", "--num_validation=1", "--train_steps=1")
    assert run_here(tmp_path, *flags, "--outer_learning_rate=1e30", experiment=program) == 1
    told = json.loads((tmp_path / "sdf/joint/trial=0/piece.json").read_text())["found"]
    assert told["psnr"] == -1e9 and told["outer_learning_rate"] == 1e30
    shown = capsys.readouterr()
    assert "sdf/joint/trial=0 diverged" in shown.out
    assert "sdf/joint diverges at the rates of all its trials" in shown.err


@pytest.mark.slow
def test_where_a_seed_diverges_the_next_best_rates_are_taken(tmp_path, capsys, monkeypatch):
    learned_init = spine.learned_init
    whole = []

    def diverging(problem, config, folder, machine):
        if config.outer.train_steps > 1:
            whole.append(config.outer.learning_rate)
            if len(whole) == 1:
                raise DivergenceError("the loss is no longer finite")
        return learned_init(problem, config, folder, machine)

    monkeypatch.setattr(spine, "learned_init", diverging)
    flags = ("--algorithms=reptile", "--trials=2", "--trial_share=0.01", "--num_validation=1")
    for _ in range(2):  # the second time nothing is learned again
        assert run_here(tmp_path, *flags, "--train_steps=4", experiment=program) == 0
    entry = read_algorithms(tmp_path)["classes"]["sdf"]["reptile"]
    chosen = entry["trials"][entry["best"]]
    assert len(whole) == 2 and chosen["outer_learning_rate"] == whole[1] != whole[0]
    assert "diverged; the next best rates take its place" in capsys.readouterr().out


def test_damaged_records_are_told(compared, tmp_path):
    record = json.loads((compared / "algorithms.json").read_text())
    record["classes"]["sdf"]["joint"]["runs"][0]["inits"]["mean"].pop()
    (tmp_path / "algorithms.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="values for all of its steps; run the comparison"):
        read_algorithms(tmp_path)


def test_classes_are_left_out_in_turn():
    options = ProtocolOptions(classes=("sdf", "text:2", "photos"), leave_one_out=True)
    assert learned_classes(options) == {
        "text:2,photos": ("text", "photos", "sdf"),
        "sdf,photos": ("sdf", "photos", "text"),
        "sdf,text:2": ("sdf", "text", "photos"),
    }
    mixed = ProtocolOptions(classes=("sdf+text", "photos"), transfer="noise")
    assert learned_classes(mixed) == {"sdf,text": ("sdf", "text", "noise"), "photos": ("noise",)}
