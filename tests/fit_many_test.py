"""Fits of a folder: what fits of its pictures one by one would be, whatever comes between."""

import csv
import json
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from tiny_fits import FIELD, PARAMS, RECORD, SIDE, levels, saved, share_programs, smooth
from tiny_runs import ROOT, finish, wait_for

from experiments import cli, fit
from experiments.fitting.fit_record import Record
from metainr.errors import UserError
from metainr.weights import load_weights, save_weights

STEPS = 3


@pytest.fixture
def init(tmp_path):
    path = tmp_path / "init.safetensors"
    save_weights(path, PARAMS, {"flags": json.dumps(RECORD)})
    return path


@pytest.fixture
def pictures(tmp_path):
    """Pictures of several shapes, below one another, two of them of one stem."""
    folder = tmp_path / "pictures"
    shapes = {"a.png": (12, 12), "a.tif": (9, 14), "cats/b.png": (20, 13), "cats/old/c.png": (5, 7)}
    for seed, (name, shape) in enumerate(shapes.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        saved(folder / name, smooth(*shape, seed))
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def run(tmp_path, init, pictures, monkeypatch):
    """(flags…, name=output folder, input=…) -> output folder."""
    share_programs(monkeypatch)

    def run(*arguments, name="out", input=pictures, steps=STEPS):
        given = [f"--init={init}", f"--input={input}", f"--output_dir={tmp_path / name}"]
        with flagsaver.flagsaver():
            flags.FLAGS(["fit", *given, f"--steps={steps}", *map(str, arguments)])
            fit.main()
        return tmp_path / name

    return run


def results(folder):
    return json.loads((folder / "results.json").read_text())


def lines(folder):
    """The entries of results.jsonl by name."""
    entries = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert len({entry["name"] for entry in entries}) == len(entries)
    return {entry["name"]: entry for entry in entries}


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def names(pictures):
    paths = [path for path in pictures.rglob("*") if path.suffix in (".png", ".tif")]
    return sorted(path.relative_to(pictures).as_posix() for path in paths)


def assert_same_weights(path, other):
    jax.tree.map(np.testing.assert_array_equal, load_weights(path), load_weights(other))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), marks=pytest.mark.slow),
        pytest.param(("--mode=tile", "--scale=2", "--compare"), marks=pytest.mark.slow),
        ("--keep=1", "--compare"),
    ],
    ids=["resize", "tile", "keep"],
)
def test_each_picture_is_fitted_as_if_alone(run, pictures, options):
    folder = run(*options)
    for name in names(pictures):
        alone = run(*options, name=f"alone/{name}", input=pictures / name)
        expected = results(alone)["settings"]["default"]["inits"]
        found = lines(folder)[name]["psnr"]["seen"]
        assert found.keys() == ({"meta", "standard"} if "--compare" in options else {"meta"})
        for init, psnr in found.items():
            assert len(psnr) == STEPS + 1
            np.testing.assert_allclose(psnr, expected[init]["metrics"]["psnr"]["mean"], atol=1e-5)
        files = lines(folder)[name]["files"]
        for file, measured in files.items():
            kind = file.split("/")[0]
            assert (folder / file).read_bytes() == (alone / f"{kind}.png").read_bytes()
            assert measured == results(alone)["files"][f"{kind}.png"]
        if "--mode=tile" in options:
            tiles = folder / "weights" / name
            assert {f.name for f in tiles.iterdir()} == {
                f.name for f in (alone / "weights").iterdir()
            }
            for file in tiles.iterdir():
                assert_same_weights(file, alone / "weights" / file.name)
        else:
            weights = folder / "weights" / f"{name}.safetensors"
            assert_same_weights(weights, alone / "weights.safetensors")


def test_means_are_over_all_pictures(run, pictures, capsys):
    folder = run()
    rows = [entry["psnr"]["seen"]["meta"] for entry in lines(folder).values()]
    metric = results(folder)["settings"]["default"]["inits"]["meta"]["metrics"]["psnr"]
    np.testing.assert_allclose(metric["mean"], np.mean(rows, axis=0), atol=1e-5)
    deviation = np.std(rows, axis=0, ddof=1)
    np.testing.assert_allclose(metric["stderr"], deviation / np.sqrt(len(rows)), atol=1e-5)
    assert results(folder)["pictures"] == {"fitted": 4, "failed": 0, "unreadable": 0}
    assert (folder / "psnr.png").is_file()
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert line.startswith("pictures fitted: 4, now 4 at ") and "fields/s" in line
    assert f"mean PSNR after the last step {metric['mean'][-1]:.2f} dB" in line
    assert f"written to {folder}: config.json, meta/, psnr.png," in line


def test_fits_that_died_are_named(run, init, caplog):
    """Of weights that are zero only the last bias has a gradient."""
    save_weights(init, jax.tree.map(np.zeros_like, PARAMS), {"flags": json.dumps(RECORD)})
    folder = run("--compare")
    assert "same values everywhere (meta by sgd 0.02, 4 of 4 pictures: a.png, " in caplog.text
    assert {tuple(entry["dead"]) for entry in lines(folder).values()} == {("meta",)}
    inits = results(folder)["settings"]["default"]["inits"]
    assert {name for name, entry in inits.items() if entry.get("dead")} == {"meta"}
    assert "the fits of 4 died" in (folder / "report.html").read_text()


def test_fitted_weights_are_an_init(run, pictures):
    folder = run()
    weights = folder / "weights" / "a.png.safetensors"
    further = run(f"--init={weights}", name="further", input=pictures / "a.png")
    psnr = results(further)["settings"]["default"]["inits"]["meta"]["metrics"]["psnr"]["mean"]
    assert psnr[0] == pytest.approx(lines(folder)["a.png"]["psnr"]["seen"]["meta"][-1], abs=1e-4)


def test_a_random_part_of_every_picture_is_its_own(run, pictures):
    shutil.copy(pictures / "a.png", pictures / "same.png")
    folder = run("--keep=0.25")
    observed = {name: levels(folder / "observed" / f"{name}.png") for name in names(pictures)}
    seen = {name: (values != 128).any(-1) for name, values in observed.items()}
    assert seen["a.png"].sum() == seen["same.png"].sum() == SIDE * SIDE / 4
    assert (seen["a.png"] != seen["same.png"]).any()
    assert set(results(folder)["settings"]) == {"seen", "unseen"}
    assert (folder / "psnr_unseen.png").is_file()
    again = run("--keep=0.25", name="again")
    files = {path for path in content(folder) if path.suffix in (".png", ".safetensors")}
    assert all(content(folder)[path] == content(again)[path] for path in files)


def test_random_steps_of_every_picture_are_its_own(run, pictures, init):
    shutil.copy(pictures / "a.png", pictures / "same.png")
    save_weights(init, PARAMS, {"flags": json.dumps(RECORD | {"inner_points": 20})})
    first, same = (lines(run())[name]["psnr"]["seen"]["meta"] for name in ("a.png", "same.png"))
    assert first[0] == same[0] and first[1] != same[1]


def test_masks_are_found_by_name(run, pictures, tmp_path):
    masks = tmp_path / "masks"
    for name in names(pictures):
        path = masks / (name if name != "a.tif" else "a.tif.png")
        path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"a.png": (12, 12), "cats/b.png": (20, 13), "cats/old/c.png": (5, 7)}
    (pictures / "a.tif").rename(pictures / "d.tif")
    for name, (height, width) in (shape | {"d.png": (9, 14)}).items():
        seen = np.zeros((height, width, 1))
        seen[: height // 2 + 1] = 1
        saved(masks / name, seen)
    folder = run(f"--mask={masks}", "--mode=tile")
    alone = run(
        f"--mask={masks / 'cats' / 'b.png'}", "--mode=tile", input=pictures / "cats" / "b.png",
        name="alone",
    )  # fmt: skip
    for kind in ("seen", "unseen"):
        expected = results(alone)["settings"][kind]["inits"]["meta"]["metrics"]["psnr"]["mean"]
        found = lines(folder)["cats/b.png"]["psnr"][kind]["meta"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert levels(folder / "observed" / "d.tif.png")[-1, 0, 0] == 128
    with pytest.raises(UserError, match="is a folder and --mask=.*is not"):
        run(f"--mask={masks / 'a.png'}", name="other")
    (masks / "d.png").unlink()
    with pytest.raises(UserError, match="no mask for 1 of 4 pictures: d.tif; a mask has the name"):
        run(f"--mask={masks}", name="other")


def test_pictures_that_cannot_be_read_are_left_out(run, pictures, caplog):
    whole = run(name="whole")
    (pictures / "broken.png").write_bytes((pictures / "a.png").read_bytes()[:60])
    saved(pictures / "cats" / "dot.png", np.ones((1, 1, 3)))
    folder = run()
    assert len(caplog.messages) == 1
    assert "skipped 2 of 6 pictures: broken.png, cats/dot.png (of the first, cannot read pict" in (
        caplog.text
    )
    assert results(folder)["pictures"] == {"fitted": 4, "failed": 0, "unreadable": 2}
    assert results(folder)["settings"] == results(whole)["settings"]
    shutil.copy(pictures / "a.png", pictures / "broken.png")
    assert results(run())["pictures"] == {"fitted": 5, "failed": 0, "unreadable": 1}
    only = pictures / "only"
    only.mkdir()
    (only / "broken.png").write_text("no picture")
    with pytest.raises(UserError, match="cannot fit 1 of 1 pictures: broken.png"):
        run(name="nothing", input=only)


def test_a_fit_that_diverges_is_told_and_the_others_go_on(run, pictures, tmp_path, capsys):
    # From this init a dark picture's loss is zero, and a bright one's gradient overflows.
    params = jax.tree.map(np.zeros_like, PARAMS)
    params["dense_2"]["bias"] = np.full(3, -0.5, np.float32)
    record = RECORD | {"inner_learning_rate": 1e38}
    save_weights(tmp_path / "steep.safetensors", params, {"flags": json.dumps(record)})
    saved(pictures / "dark.png", np.zeros((12, 12, 3)))
    for _ in range(2):
        status = cli.status(lambda: run(f"--init={tmp_path / 'steep.safetensors'}"), ["fit"])
        printed = capsys.readouterr()
        assert status == 1 and printed.err.count("\n") == 1
        assert printed.err.startswith("error: 4 of 5 pictures diverged and have no files: a.png, a")
        assert "pictures fitted: 1, " in printed.out
    folder = tmp_path / "out"
    entries = lines(folder)
    assert "diverged at step" in entries["cats/b.png"]["failed"]
    assert "--inner_learning_rate=1e+38" in entries["cats/b.png"]["failed"]
    assert (levels(folder / "meta" / "dark.png.png") == 0).all()
    assert {path.name for path in (folder / "weights").rglob("*.*")} == {"dark.png.safetensors"}
    assert results(folder)["pictures"] == {"fitted": 1, "failed": 4, "unreadable": 0}
    assert results(folder)["settings"]["default"]["inits"]["meta"]["metrics"]["psnr"]["mean"] == (
        [None] * (STEPS + 1)
    )


def test_failures_are_named_in_order_whenever_they_ended(tmp_path):
    with Record(tmp_path) as record:
        for name in ("b.png", "c.png", "a.png"):
            record.add({"name": name, "failed": "why"})
        assert record.outcome({"a.png", "b.png", "d.png"}).failed == ["a.png", "b.png"]


@pytest.mark.parametrize("damage", [pytest.param("cut", marks=pytest.mark.slow), "garbage"])
def test_a_damaged_line_is_fitted_again(run, pictures, damage):
    folder = run()
    before, expected = results(folder), lines(folder)
    path = folder / "results.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:3]) + (whole[3][:-9] if damage == "cut" else b"{]\n"))
    redone = json.loads(whole[3])["name"]
    (folder / "meta" / f"{redone}.png").unlink()
    kept = {p: p.stat().st_mtime_ns for p in (folder / "weights").rglob("*.safetensors")}
    run()
    assert path.read_bytes().startswith(b"".join(whole[:3]))
    found = [json.loads(line) for line in path.read_bytes().splitlines() if line != b"{]"]
    assert {entry["name"]: entry["psnr"] for entry in found} == {
        name: entry["psnr"] for name, entry in expected.items()
    }
    assert results(folder)["settings"] == before["settings"]
    again = [path for path, time in kept.items() if path.stat().st_mtime_ns != time]
    assert again == [folder / "weights" / f"{redone}.safetensors"]


def test_a_page_shows_the_worst_first(run, pictures):
    (pictures / "bad.png").write_bytes(b"no picture")
    folder = run()
    psnr = {name: entry["psnr"]["seen"]["meta"][-1] for name, entry in lines(folder).items()}
    page = (folder / "report.html").read_text()
    order = sorted(psnr, key=lambda name: page.index(f"</b> {name}</figcaption>"))
    assert order == sorted(psnr, key=psnr.__getitem__)
    assert f"<b>{psnr[order[0]]:.2f}</b> {order[0]}" in page
    assert 'href="meta/cats/b.png.png"' in page and "--init=" in page
    rows = list(csv.DictReader((folder / "results.csv").open()))
    found = {row["name"]: row["psnr seen meta"] for row in rows}
    assert found == {**{name: str(value) for name, value in psnr.items()}, "bad.png": ""}
    assert "no picture" not in rows[-1]["name"] and rows[-1]["why there is no fit"]


def test_a_finished_folder_is_left_as_it_is(run, pictures, capsys):
    folder = run()
    before = content(folder)
    run("--num_devices=1")
    changed = {str(path) for path, data in content(folder).items() if before[path] != data}
    assert changed <= {"config.json", "results.json", "report.html"}
    assert "pictures fitted: 4, now 0, mean PSNR" in capsys.readouterr().out
    saved(pictures / "new.png", smooth(12, 12, 9))
    run()
    assert list(lines(folder))[-1] == "new.png" and len(lines(folder)) == 5


def test_another_run_is_refused(run, init, pictures, tmp_path):
    folder = run()
    before = content(folder)
    for other in ("--steps=4", "--scale=2", "--keep=0.5", "--compare", "--seed=1", "--mode=tile"):
        name = other[2:].split("=")[0]
        with pytest.raises(UserError, match=f"output_dir=.* other options: {name} was") as caught:
            run(other)
        assert "\n" not in str(caught.value)
    save_weights(init, FIELD.init(jax.random.key(6)), {"flags": json.dumps(RECORD)})
    with pytest.raises(UserError, match=r"init was .*\)' and is now"):
        run()
    assert content(folder) == before


def test_folders_are_kept_apart(run, pictures, tmp_path, monkeypatch):
    (tmp_path / "masks").mkdir()
    for arguments, message in {
        ("--output_dir={p}",): "--output_dir=.* lies in --input",
        ("--output_dir={p}/cats/x",): "--output_dir=.* lies in --input",
        ("--output_dir={t}",): "--input=.* lies in --output_dir",
        ("--output_dir={t}/masks/x", "--mask={t}/masks"): "--output_dir=.* lies in --mask",
        ("--mask={p}/cats",): "--mask=.* lies in --input",
        ("--input={t}/masks",): "no pictures among its 0 files",
        ("--output_dir={p}/notes.txt/x", "--input={p}/cats"): "cannot write to --output_dir",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            run(*(text.format(p=pictures, t=tmp_path) for text in arguments))
        assert "\n" not in str(caught.value)
    assert names(pictures) == ["a.png", "a.tif", "cats/b.png", "cats/old/c.png"]


_MANY = 150


@pytest.fixture
def many(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(_MANY):
        saved(folder / f"{seed:03d}.png", smooth(SIDE, SIDE, seed))
    return folder


def _start(init, many, output, wrapper=()):
    command = [*wrapper, sys.executable, "-m", "experiments.fit", f"--init={init}", "--steps=40"]
    return subprocess.Popen(
        [*command, f"--input={many}", f"--output_dir={output}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _count(output):
    path = output / "results.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(run, init, many, tmp_path):
    output = tmp_path / "killed"
    process = _start(init, many, output)
    wait_for(process, lambda: _count(output) >= 3)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    first = _count(output)
    kept = (output / "results.jsonl").read_bytes().splitlines(keepends=True)[:first]
    files = [output / f for line in kept for f in json.loads(line)["files"]]
    files += [output / "weights" / f"{json.loads(x)['name']}.safetensors" for x in kept]
    times = {path: path.stat().st_mtime_ns for path in files}

    process = _start(init, many, output)
    wait_for(process, lambda: _count(output) >= first + 3)
    process.send_signal(signal.SIGTERM)
    code, errors = finish(process)
    assert code == 143, errors
    assert errors.startswith("stopped after ") and len(errors.splitlines()) == 1, errors
    assert f" of {_MANY} pictures; run the same command again to go on" in errors
    assert not (output / "results.json").exists()

    (output / "meta" / ".writing-x.tmp").write_text("what a killed run leaves")
    run(name="killed", input=many, steps=40)
    undisturbed = run(name="undisturbed", input=many, steps=40)
    assert (output / "results.jsonl").read_bytes().startswith(b"".join(kept))
    assert {path: path.stat().st_mtime_ns for path in files} == times
    assert results(output)["settings"] == results(undisturbed)["settings"]
    assert {name: entry["psnr"] for name, entry in lines(output).items()} == {
        name: entry["psnr"] for name, entry in lines(undisturbed).items()
    }
    found, expected = content(output), content(undisturbed)
    assert found.keys() == expected.keys()
    for path in expected:
        if path.suffix in (".png", ".safetensors"):
            assert found[path] == expected[path], path


_LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line(run, init, many, tmp_path):
    """As on a full disk: files of pictures are small enough, and the record is not."""
    output = tmp_path / "full"
    wrapper = (sys.executable, "-c", _LIMIT, "30000")
    code, errors = finish(_start(init, many, output, wrapper))
    assert code == 1 and len(errors.splitlines()) == 1, errors
    assert errors.startswith("error: cannot write to --output_dir="), errors
    assert 0 < _count(output) < _MANY
    run(name="full", input=many, steps=40)
    assert len(lines(output)) == _MANY
