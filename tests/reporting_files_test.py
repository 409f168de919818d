"""What reporting reads and writes: JSON, samples, figures and whole reports."""

import base64
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from metainr.errors import UserError
from metainr.reporting import (
    read_results,
    read_samples,
    report,
    write_json,
    write_samples,
    write_transfer_report,
)
from metainr.reporting.embedding import embed_pictures
from metainr.reporting.figures import metric_figure, save_figure
from metainr.reporting.samples import load_frames, load_picture

METRICS = {
    "psnr": {"mean": [8.0, None, 20.0], "stderr": [0.5, None, 0.5], "per_signal": [[8, 9, 20]]}
}
MINIMAL = {
    "settings": {"default": {"steps": [0, 1, 2], "inits": {"standard": {"metrics": METRICS}}}}
}


def noise(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def write_noise(folder, setting="default", signals=2, steps=3, size=8, channels=3):
    targets = list(noise(signals, size, size, channels))
    frames = {init: noise(signals, steps, size, size, channels) for init in ("standard", "meta")}
    labels = [f"signal {i}" for i in range(signals)]
    write_samples(folder, setting, range(steps), labels, targets, frames)
    return targets, frames


def test_reporting_imports_no_jax():
    program = "import sys, metainr.reporting; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_json_holds_null_for_what_is_not_finite(tmp_path):
    value = {"a": [1.0, float("nan"), np.float32("inf")], "b": {"c": np.arange(2)}, 1: np.int64(3)}
    path = write_json(tmp_path / "deep" / "x.json", value)
    assert json.loads(path.read_text()) == {"a": [1.0, None, None], "b": {"c": [0, 1]}, "1": 3}


def test_failed_write_leaves_the_old_file_alone(tmp_path):
    path = write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):  # a file cannot replace a folder
        write_json(tmp_path / "folder", {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert sorted(item.name for item in tmp_path.iterdir()) == ["folder", "x.json"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        '{"settings": {"default": {"steps": [0',
        "[]",
        "{}",
        '{"settings": {}}',
        '{"settings": {"default": {"steps": [], "inits": {}}}}',
        '{"settings": {"default": {"steps": [0], "inits": {"a": {"metrics": {"psnr": '
        '{"mean": [1, 2], "stderr": [1, 2]}}}}}}}',
    ],
)
def test_bad_results_are_refused_in_one_line(tmp_path, text):
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    with pytest.raises(UserError, match="results.json.*evaluation again") as error:
        read_results(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_round_trip(tmp_path, channels):
    targets, frames = write_noise(tmp_path, channels=channels)
    samples = read_samples(tmp_path)["default"]
    assert samples.steps == (0, 1, 2)
    assert [signal.label for signal in samples.signals] == ["signal 0", "signal 1"]
    for i, signal in enumerate(samples.signals):
        np.testing.assert_array_equal(load_picture(signal.target), np.round(targets[i] * 255))
        for init in ("standard", "meta"):
            read = load_frames(signal.frames[init], 3)
            np.testing.assert_array_equal(read, np.round(frames[init][i] * 255))


def test_samples_are_clipped_and_nan_is_black(tmp_path):
    target = np.array([[[-1.0], [2.0], [np.nan], [0.5]]])
    write_samples(tmp_path, "a", [0], ["x"], [target], {})
    picture = load_picture(read_samples(tmp_path)["a"].signals[0].target)
    assert picture[0, :, 0].tolist() == [0, 255, 0, 128]


def test_samples_of_other_settings_stay(tmp_path):
    for setting in ("views=4", "../x y", "views=4"):
        write_noise(tmp_path / "samples", setting, signals=1)
    assert set(read_samples(tmp_path / "samples")) == {"views=4", "../x y"}
    assert [item.name for item in tmp_path.iterdir()] == ["samples"]


def test_samples_that_do_not_fit_are_refused(tmp_path):
    assert read_samples(tmp_path / "none") == {}
    with pytest.raises(UserError, match="'meta' have shape"):
        write_samples(
            tmp_path, "a", [0, 1], ["x"], [noise(4, 4, 3)], {"meta": noise(1, 3, 4, 4, 3)}
        )
    write_noise(tmp_path)
    file = read_samples(tmp_path)["default"].signals[0].target
    file.write_bytes(b"no picture")
    with pytest.raises(UserError, match="no picture"):
        load_picture(file)
    file.unlink()
    with pytest.raises(UserError, match="missing"):
        read_samples(tmp_path)


def decoded(pictures):
    uris = re.findall(r"data:image/\w+;base64,([^'\"]+)", str(pictures.settings))
    return [base64.b64decode(uri) for uri in uris]


def test_pictures_stay_within_their_budget(tmp_path):
    _, frames = write_noise(tmp_path, signals=4, steps=5, size=64)
    samples = read_samples(tmp_path)
    exact = embed_pictures(samples)
    assert exact.note == ""
    sheet = np.asarray(Image.open(io.BytesIO(decoded(exact)[1])))
    expected = np.concatenate(list(np.round(frames["standard"][0] * 255)), axis=1)
    np.testing.assert_array_equal(sheet, expected)
    sizes = []
    for budget in (200_000, 60_000, 30_000):
        pictures = embed_pictures(samples, budget)
        sizes.append((len(pictures.settings["default"]["signals"]), pictures.note))
        assert 0 < sum(map(len, decoded(pictures))) <= budget
    assert sizes[0][0] == 4 and sizes[-1][0] < 4
    assert "of 4 signals are shown" in sizes[-1][1]
    nothing = embed_pictures(samples, 10)
    assert nothing.settings == {} and "too large" in nothing.note


def test_many_steps_are_laid_out_in_rows(tmp_path):
    steps, targets = 300, [noise(8, 64, 1)]
    frames = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None, None, None]
    frames = {"meta": np.broadcast_to(frames, (1, steps, 8, 64, 1))}
    write_samples(tmp_path, "default", range(steps), ["x"], targets, frames)
    entry = embed_pictures(read_samples(tmp_path)).settings["default"]
    uri = entry["signals"][0]["frames"]["meta"].partition(",")[2]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))))
    assert entry["columns"] == 250 and sheet.shape == (16, 16000)
    assert sheet[8, 49 * 64] == 255  # frame 299 stands in the second row
    assert not sheet[8:, 50 * 64 :].any()


def test_report_of_minimal_results(tmp_path):
    write_json(tmp_path / "results.json", MINIMAL)
    paths = report(tmp_path)
    assert [path.name for path in paths] == ["tables.md", "results.csv", "psnr.png", "report.html"]
    assert "| standard | 8.00 ± 0.50 | 20.00 ± 0.50 |" in paths[0].read_text()


def test_report_with_samples_and_families(tmp_path):
    inits = MINIMAL["settings"]["default"]["inits"]
    settings = {f"train_signals={n}": {"steps": [0, 1, 2], "inits": inits} for n in (10, 100)}
    write_json(tmp_path / "results.json", {"settings": settings})
    write_noise(tmp_path / "samples", "train_signals=10")  # not the one that the page opens with
    names = {path.name for path in report(tmp_path)}
    assert {
        "train_signals.png",
        "filmstrip.png",
        "signals_train_signals-10.png",
        "tables.md",
    } <= names
    for path in (tmp_path / "figures").iterdir():
        assert Image.open(path).width == 1660


def test_figures_take_the_format_of_their_name(tmp_path):
    figure = metric_figure(MINIMAL, "default")
    assert save_figure(figure, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert b"<svg" in save_figure(figure, tmp_path / "a.svg").read_bytes()


def test_transfer_report(tmp_path):
    transfer = {
        "metric": "psnr",
        "step": 2,
        "rows": ["<b>"],
        "columns": ["<b>", "text"],
        "mean": [[30.0, None]],
        "stderr": [[0.5, None]],
    }
    write_json(tmp_path / "transfer.json", transfer)
    table, figure, page = write_transfer_report(tmp_path)
    assert "| <b> | 30.00 ± 0.50 | – |" in table.read_text()
    assert Image.open(figure).width == 1660
    assert "&lt;b&gt;" in page.read_text() and "<b>" not in page.read_text()
