"""Parts of the page against what is known of them: turns, courses, media, contact sheets."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from metainr.reporting.contact import Fitted, contact_sheet, worst_first
from metainr.reporting.glossary import MEANINGS, glossary_html
from metainr.reporting.learning import courses, thinned
from metainr.reporting.measures import measure
from metainr.reporting.media import embed_media
from metainr.reporting.results import INITS, shown_steps
from metainr.reporting.samples import Samples, Signal
from metainr.reporting.tables import marked
from metainr.reporting.turning import Turn, told, turns

PSNR = measure("psnr")


def setting(metric="psnr", **means):
    inits = {
        init: {"metrics": {metric: {"mean": mean, "stderr": [0.1] * len(mean)}}}
        for init, mean in means.items()
    }
    return {"steps": [0, 10, 20, 40], "metric": metric, "inits": inits}


def test_curves_that_get_worse_again_are_told():
    rising, falling = [10.0, 12.0, 14.0, 15.0], [10.0, 18.0, 24.5, 22.0]
    found = setting(standard=rising, meta=falling, mean=[10, 14, 14.05, 14], shuffled=[5] * 4)
    assert turns(found) == {"meta": Turn(20, 24.5, 22.0)}
    assert told(found) == "meta turns down: best after step 20 (24.50 dB), at the end 22.00 dB."
    assert told(setting(standard=rising)) == ""
    error = setting("chamfer", meta=[9.0, 2.0, None, 4.0])
    assert told(error) == "meta turns up: best after step 10 (2.00), at the end 4.00."


@pytest.mark.parametrize(
    "steps, shown",
    [
        (range(201), [0, 1, 2, 5, 10, 20, 50, 100, 200]),
        ([0, 3, 10, 33], [0, 10, 33]),
        ([0, 5000, 12_000], [0, 5000, 12_000]),
    ],
)
def test_many_steps_are_thinned(steps, shown):
    assert shown_steps(steps) == shown


def test_the_best_of_several_stands_out():
    cells = marked(PSNR, [(8.0, 0.5), (None, None), (20.0, None)])
    assert cells == ["8.00 ± 0.50", "–", "**20.00**"]
    assert marked(measure("chamfer"), [(0.5, None), (0.25, None)]) == ["0.500", "**0.250**"]
    assert marked(PSNR, [(8.0, None)]) == ["8.00"] and marked(PSNR, [(None, None)]) == ["–"]


def test_every_init_is_explained():
    assert set(MEANINGS) == set(INITS)
    assert "<dt>meta</dt>" in glossary_html(["<b>", "meta"])
    assert "<b>" not in glossary_html(["<b>", "meta"]) and glossary_html(["siren"]) == ""


def write_metrics(folder, *records):
    (folder / "metrics").mkdir(parents=True)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "metrics" / "metrics.jsonl").write_text(lines + '{"step": 3, "cut')


def test_courses_of_one_training(tmp_path):
    results = {"settings": {"default": {}}, "train_steps": 20}
    assert courses(tmp_path, results) == []
    write_metrics(
        tmp_path,
        {"step": 10, "train_psnr": 20.0, "loss_after": 0.01},
        {"step": 10, "validation_psnr": 19.0},
        {"step": 20, "train_psnr": 22.0, "loss_after": 0.001},
        {"step": 30, "train_psnr": 99.0, "loss_after": 1e-9},  # after what the results are of
    )
    (course,) = courses(tmp_path, results)
    assert course.label == "PSNR [dB]"
    assert course.curves == {"training": [(10, 20.0), (20, 22.0)], "validation": [(10, 19.0)]}


def test_courses_of_another_metric_show_the_loss(tmp_path):
    write_metrics(
        tmp_path,
        {"step": 10, "validation_chamfer": 0.5, "loss_after": 0.01},
        {"step": 20, "validation_chamfer": math.inf, "loss_after": 0.0},
    )
    found = courses(tmp_path, {"settings": {"default": {}}, "train_steps": 20})
    assert [course.label for course in found] == ["Chamfer distance", "loss, as power of 10"]
    assert [course.curves for course in found] == [
        {"validation": [(10, 0.5)]},
        {"training": [(10, -2.0)]},
    ]


def test_courses_of_several_trainings(tmp_path):
    for seed in (0, 1):
        write_metrics(tmp_path / f"seed={seed}", {"step": 5, "validation_psnr": 10.0 + seed})
    settings = {"seed=0": {}, "seed=1": {}, "other": {}}
    (course,) = courses(tmp_path, {"settings": settings, "train_steps": 20})
    assert course.curves == {"seed=0": [(5, 10.0)], "seed=1": [(5, 11.0)]}


def test_long_curves_are_thinned_to_means():
    points = [(step, float(step)) for step in range(1, 1201)]
    found = thinned(points)
    assert len(found) == 300 and found[0] == (4, 2.5) and found[-1] == (1200, 1198.5)
    assert thinned([(1, math.nan), (2, 1.0)]) == [(2, 1.0)]


def test_small_sounds_are_embedded_and_the_others_are_links(tmp_path):
    folder = tmp_path / "fits" / "default"
    folder.mkdir(parents=True)
    sizes = {"0_meta.wav": 900, "0_original.wav": 300, "1 x.mp4": 500, "0_meta.npz": 10}
    for name, size in sizes.items():
        (folder / name).write_bytes(bytes(size))
    files = {
        "meta": (folder / "0_meta.wav", folder / "0_meta.npz"),
        "target": (folder / "0_original.wav", folder / "1 x.mp4"),
    }
    signal = Signal("x", tmp_path, {}, files)
    media = embed_media({"default": Samples((0,), (signal,))}, max_bytes=1000)
    (found,) = media.settings["default"]
    assert [entry.get("tag") for entry in found["meta"]] == [None, None]
    assert [entry.get("tag") for entry in found["target"]] == ["audio", "video"]
    assert found["target"][1]["href"] == "fits/default/1%20x.mp4"
    assert found["target"][0]["src"].startswith("data:audio/wav;base64,AAAA")
    assert "1 of the 3 sounds and clips are links" in media.note
    assert embed_media({"default": Samples((0,), (signal,))}).note.endswith("after the last step.")
    assert embed_media({"default": Samples((0,), (signal._replace(files={}),))}).note == ""


def test_a_contact_sheet_shows_the_worst_first_and_names_the_rest(tmp_path):
    grey16 = Image.fromarray(np.full((40, 500), 65535, np.uint16))
    grey16.save(tmp_path / "a b.png")
    items = [Fitted(f"<{i}>", float(i), "a b.png", "a b.png") for i in range(130)]
    items.append(Fitted("exact", math.inf, "a b.png", "a b.png"))
    ordered = worst_first(items[::-1], PSNR)
    assert ordered == items
    assert worst_first(items, measure("chamfer"))[0].name == "exact"
    sheet = contact_sheet(tmp_path, ordered, PSNR)
    assert sheet.count("<figure>") == 120 and "The other 11 are in results.csv" in sheet
    assert sheet.index("&lt;0&gt;") < sheet.index("&lt;1&gt;") and "<1>" not in sheet
    assert 'href="a%20b.png"' in sheet
