"""Tables and verdicts against strings worked out by hand."""

import pytest

from metainr.errors import UserError
from metainr.reporting import init_table, to_markdown, to_text, write_json
from metainr.reporting.measures import measure
from metainr.reporting.results import families, headline
from metainr.reporting.tables import (
    Table,
    family_tables,
    plus_minus,
    seed_table,
    steps_to_match,
    verdict,
)
from metainr.reporting.transfer import read_transfer, transfer_table, transfer_verdict


def fit(psnr, rate=1e-4, optimizer="adam", **extra):
    errors = [None if value is None else 0.25 for value in psnr]
    metrics = {"psnr": {"mean": psnr, "stderr": errors, "per_signal": [psnr, psnr]}}
    return {"optimizer": optimizer, "learning_rate": rate, "metrics": metrics, **extra}


def setting(offset=0.0):
    standard = fit([8.0, 9.5, 10.875, 21.0], steps_to_match=37.92, missed=3)
    meta = fit([12.0, 25.0, 30.372 + offset, 40.0], 1e-2, "sgd")
    ssim = {"mean": [None, None, None, 0.97], "stderr": [None, None, None, 0.004]}
    meta["metrics"]["ssim"] = ssim
    return {"steps": [0, 1, 2, 20], "match_step": 2, "inits": {"meta": meta, "standard": standard}}


def results(**settings):
    return {"num_test": 32, "settings": settings or {"default": setting()}}


def test_init_table_by_hand():
    table = init_table(results(), "default")
    assert table.header == (
        "init",
        "optimizer",
        "PSNR, step 0",
        "PSNR, step 2",
        "PSNR, step 20",
        "SSIM, step 20",
        "steps to match",
    )
    assert table.rows == (
        (
            "standard",
            "adam 1e-4",
            "8.00 ± 0.25",
            "10.88 ± 0.25",
            "21.00 ± 0.25",
            "–",
            "37.9 (3 of 32 missed)",
        ),
        (
            "meta",
            "sgd 1e-2",
            "**12.00 ± 0.25**",
            "**30.37 ± 0.25**",
            "**40.00 ± 0.25**",
            "0.970 ± 0.004",
            "–",
        ),
    )
    assert "32 test signals" in table.note and "meta's PSNR after 2 steps" in table.note


@pytest.mark.parametrize(
    "mean, missed, text",
    [
        (37.92, 0, "37.9"),
        (37.92, 3, "37.9 (3 of 32 missed)"),
        (None, 32, "> 20 (32 of 32 missed)"),
        (None, 0, "–"),
        (None, None, "–"),
    ],
)
def test_steps_to_match(mean, missed, text):
    data = results()
    data["settings"]["default"]["inits"]["standard"].update(steps_to_match=mean, missed=missed)
    assert steps_to_match(data, "default", "standard") == text
    assert steps_to_match(data, "default", "meta") == "–"


@pytest.mark.parametrize(
    "rate, text",
    [(1e-4, "adam 1e-4"), (3.2e-5, "adam 3.2e-5"), (10.0, "adam 10"), (0.5, "adam 0.5")],
)
def test_rates_read_as_people_write_them(rate, text):
    data = results(default={"steps": [0], "inits": {"standard": fit([8.0], rate)}})
    assert init_table(data, "default").rows[0][1] == text


def test_missing_values_are_dashes_and_empty_columns_go():
    assert plus_minus(None, None, 2) == "–"
    assert plus_minus(1.234, None, 2) == "1.23"
    table = init_table(
        {"settings": {"a": {"steps": [0, 5], "inits": {"standard": fit([8, 9])}}}}, "a"
    )
    assert table.header == ("init", "optimizer", "PSNR, step 0", "PSNR, step 5")


def test_markdown_and_text():
    table = Table("Title", ("init", "x"), (("a|b", "1"), ("c", "22")), "Note.")
    assert to_markdown(table) == (
        "**Title**\n\n| init | x |\n| --- | ---: |\n| a\\|b | 1 |\n| c | 22 |\n\nNote.\n"
    )
    assert to_text(table) == "Title\ninit   x\n----  --\na|b    1\nc     22\nNote.\n"


def test_seed_table_by_hand():
    data = results(**{f"seed={i}": setting(offset) for i, offset in enumerate([-1.0, 0.0, 1.0])})
    table = seed_table(data)
    assert table.rows[0] == ("standard", "3", "10.88", "0.00", "10.88", "10.88")
    assert table.rows[1] == ("meta", "3", "30.37", "1.00", "29.37", "31.37")
    assert seed_table(results()) is None
    assert seed_table(results(**{"seed=0": setting()})) is None


def test_family_tables_sort_by_number():
    names = ["train_signals=100", "train_signals=10", "train_signals=1000"]
    data = results(**{name: setting(i) for i, name in enumerate(names)})
    early, final = family_tables(data)
    assert [row[0] for row in early.rows] == ["10", "100", "1000"]
    assert early.rows[0] == ("10", "10.88 ± 0.25", "**31.37 ± 0.25**")
    assert final.rows[2] == ("1000", "21.00 ± 0.25", "**40.00 ± 0.25**")
    assert headline(data) == "train_signals=1000"


def test_families_of_words_keep_their_order():
    data = results(**{"view=left": setting(), "view=all": setting(), "default": setting()})
    assert list(families(data)) == ["view"]
    assert list(families(data)["view"]) == ["left", "all"]


def test_networks_in_place_of_inits():
    data = results()
    setting = data["settings"]["default"]
    renamed = {"standard": "siren", "meta": "mlp:tanh"}
    setting["inits"] = {renamed[n]: i for n, i in setting["inits"].items() if n in renamed}
    absent = [None] * (len(setting["steps"]) - 1)
    for init in setting["inits"].values():
        chamfer = {"mean": [*absent, 0.012345], "stderr": [*absent, 0.0004], "per_signal": []}
        init["metrics"]["chamfer"] = chamfer
    table = init_table(data, "default")
    assert table.title == "Networks compared"
    last = setting["steps"][-1]
    column = table.header.index(f"Chamfer distance, step {last}")
    assert {row[column] for row in table.rows} == {"0.0123 ± 0.0004"}
    assert verdict(data) == "After 2 steps mlp:tanh reaches 30.4 dB."


def test_a_metric_of_which_less_is_better():
    data = results()
    setting = data["settings"]["default"] | {"metric": "chamfer"}
    data["settings"]["default"] = setting
    ends = dict(zip(setting["inits"], (0.5, 0.4, 0.3, 0.2, 0.1))) | {"meta": 0.01234}
    for name, init in setting["inits"].items():
        mean = [0.5] * (len(setting["steps"]) - 1) + [ends[name]]
        metric = {"mean": mean, "stderr": [0.001] * len(mean), "per_signal": []}
        init["metrics"]["chamfer"] = metric
    setting["match_step"] = last = setting["steps"][-1]
    best = min(ends.keys() - {"meta"}, key=ends.__getitem__)
    assert verdict(data) == (
        f"After {last} steps the learned init reaches a Chamfer distance of 0.0123; "
        f"the best other, {best}, {ends[best]:.3f}."
    )
    table = init_table(data, "default")
    assert f"Chamfer distance, step {last}" in table.header and f"PSNR, step {last}" in table.header
    assert "Chamfer distance; mean ± standard error" in table.note


def test_verdict():
    best = "the best other, standard, 10.9 dB"
    assert verdict(results()) == f"After 2 steps the learned init reaches 30.4 dB; {best}."
    bare = results(default={"steps": [0, 1], "inits": {"standard": fit([8.0, 9.5])}})
    assert verdict(bare) == "After 1 step the standard init reaches 9.5 dB."
    empty = results(default={"steps": [0], "inits": {"standard": fit([None])}})
    assert verdict(empty) == "No PSNR was computed after 0 steps."


TRANSFER = {
    "experiment": "transfer",
    "metric": "psnr",
    "step": 2,
    "rows": ["sdf", "text"],
    "columns": ["sdf", "text", "photos"],
    "mean": [[51.73, 17.23, 20.05], [23.14, 15.0, None]],
    "stderr": [[0.5, 0.25, 0.25], [0.5, 0.25, None]],
    "num_test": 32,
}


def test_transfer_table_and_verdict(tmp_path):
    write_json(tmp_path / "transfer.json", TRANSFER)
    transfer = read_transfer(tmp_path)
    rows = transfer_table(transfer).rows
    assert rows[0] == ("sdf", "51.73 ± 0.50", "17.23 ± 0.25", "20.05 ± 0.25")
    assert rows[1] == ("text", "23.14 ± 0.50", "15.00 ± 0.25", "–")
    assert transfer_verdict(transfer).endswith("the best one for it in 1 of 2 classes.")


def test_damaged_transfer_is_refused(tmp_path):
    write_json(tmp_path / "transfer.json", {**TRANSFER, "rows": ["sdf"]})
    with pytest.raises(UserError, match="lacks rows"):
        read_transfer(tmp_path)


@pytest.mark.parametrize(
    "value, expected", [(0.9997, "1.00"), (0.066, "0.0660"), (123.4, "123"), (0.0, "0.00")]
)
def test_three_digits_of_what_has_no_number_of_decimals(value, expected):
    assert measure("chamfer").written(value) == expected
    assert measure("chamfer").written(value, 0.02) == f"{expected} ± 0.02"
