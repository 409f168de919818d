"""The benchmarks' contenders agree with metainr, and every binary runs and records its tables."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks import (
    costs,
    flops,
    kernels,
    ours,
    recipe,
    report,
    timing,
    torch_memory,
    torch_recipe,
)
from benchmarks.ahead_of_time_worker import collectives
from benchmarks.comparison import OURS, Contender, compare, if_it_fits
from benchmarks.derivative_contenders import KINDS, make_contenders
from benchmarks.differences import largest_differences
from benchmarks.setting import Setting, make_images
from metainr.reporting.tables import Table

ROOT = Path(__file__).parents[1]
TINY = Setting(side=12, tasks=2, width=8, depth=3, omega=20.0, inner_rate=0.1)
TABLE = Table("A table", ("contender", "seconds"), (("ours", "1"), ("recipe", "2")), "A note.")
BINARIES = {
    "meta_step": "--rounds=2 --part=steps --steps=1 --side=8 --width=8 --depth=2 --tasks=1",
    "fit_many": "--rounds=2 --sets=3x8 --steps=2 --slots=2 --width=8 --depth=2",
    "memory": "--steps=1 --sides=8 --side=8 --width=8 --depth=2 --tasks=1",
    "scaling": "--rounds=2 --side=8 --tasks=2 --devices=2 --processes=2 --width=8 --depth=2",
    "products": "--rounds=2 --rows=8 --chunks=2 --width=8 --squares=16",
    "render": "--rounds=2 --side=8 --views=2 --samples=4 --width=8 --depth=2 --fit_steps=2 "
    "--resolution=4",
    "derivatives": "--rounds=2 --side=8 --width=8 --depth=2",
    "ahead_of_time": "--target=cuda --programs=image_regression --own=--resolution=8",
    "roofline": "--setting=image_regression/sdf --chip=v5e",
    "roundings": "--part=learned --signals=sdf --side=8 --width=8 --depth=2 --train_steps=2 "
    "--num_test=1",
}
QUICK_BINARIES = ("meta_step",)
FIRST_CELLS = {
    "meta_step": ["1"] * 4,
    "fit_many": ["3 of 8²"] * 3,
    "memory": ["1", "weights per extra step", "8²"],
    "scaling": ["1 device", "2 devices", "2 processes"],
    "products": [
        *kernels.PRODUCTS, "square, 16", "rounding of x @ W", "x @ W", *kernels.FUNCTIONS,
        "x @ W", "g @ Wᵀ", "xᵀ @ g", "sin + cos, metainr's", "whole step",
    ],
    "render": ["full", "occupancy grid", "its products alone"],
    "derivatives": ["value"] * 3 + ["gradient"] * 3 + ["laplacian"] * 3,
    "ahead_of_time": ["cuda"] * 2,
    "roofline": ["v5e"] * 2,
    "roundings": [
        "float32", "six passes", "three passes but for the first layer",
        "one pass in hidden layers",
    ],
}  # fmt: skip
_HEADINGS = (
    "---", "K", "images", "pixels", "divided over", "product", "function", "renderer",
    "loss of", "target", "chip", "products", "part",
)  # fmt: skip
MISTAKES = {
    "--part=defalt": "default,steps,sides,algorithms",
    "--steps=1,x": "give whole numbers",
}


@pytest.fixture(autouse=True)
def plain_broadcasting():
    """The recipe is as one writes it, with biases that gain an axis."""
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def counted_tensors(monkeypatch):
    """What PyTorch keeps is not measured anew: 2 tensors besides, and 5 per inner step."""
    monkeypatch.setattr(torch_memory, "_tensors", lambda small, bf16: (2.0, 5.0))


def _run(name, *arguments):
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # PyTorch's threads wait by spinning
    return subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=120
    )


@pytest.mark.usefixtures("counted_tensors")
@pytest.mark.parametrize(
    ("algorithm", "dtype", "tolerance"),
    [
        pytest.param("maml", "float32", 1e-4, marks=pytest.mark.slow),
        ("maml", "float64", 1e-9),
        ("first_order_maml", "float64", 1e-9),
        ("reptile", "float64", 1e-9),
    ],
)
def test_meta_gradients_agree(algorithm, dtype, tolerance):
    depth = TINY.depth if algorithm == "maml" else 2  # compiling takes most of the time
    found = largest_differences(TINY._replace(algorithm=algorithm, depth=depth), dtype)
    exact = {name for name in found if "bf16" not in name}
    assert exact == {OURS, *(["PyTorch"] if torch_recipe.is_installed() else [])}
    assert all(found[name] < tolerance for name in exact), found


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind == "laplacian" else pytest.mark.slow) for kind in KINDS],
)
def test_gradients_of_losses_of_derivatives_agree(kind):
    contenders = make_contenders(TINY._replace(omega=5.0), kind)
    runs = {name: contender.run for name, contender in contenders.items() if contender.run}
    assert len(runs) == 2 + torch_recipe.is_installed()
    expected = jax.tree.leaves(runs[OURS]())
    scale = max(np.abs(x).max() for x in expected)
    for run in runs.values():
        for found, known in zip(jax.tree.leaves(run()), expected, strict=True):
            np.testing.assert_allclose(found, known, rtol=1e-3, atol=1e-4 * scale)


def test_outer_steps_agree():
    images = make_images(TINY.tasks, TINY.side)
    step, state = ours.make_step(TINY)
    plain_step, plain_state = recipe.make_step(TINY, recipe.layers(ours.first_params(TINY)))
    for _ in range(3):
        state, metrics = step(state, images)
        plain_state, norm = plain_step(plain_state, images)
        np.testing.assert_allclose(metrics["gradient_norm"], norm, rtol=1e-4)
    assert int(state.step) == 3


def test_the_torch_recipe_takes_steps(monkeypatch):
    torch = pytest.importorskip("torch")
    weights = recipe.layers(ours.first_params(TINY))
    adam, seen = torch.optim.Adam, []
    images = make_images(TINY.tasks, TINY.side)

    def watched(params, rate):
        seen.append(params)
        return adam(params, rate)

    monkeypatch.setattr(torch.optim, "Adam", watched)
    torch_recipe.make_step(TINY, weights, images, bf16=False, device="cpu")()
    (params,) = seen
    for before, after in zip((x for pair in weights for x in pair), params):
        moved = np.abs(before - after.detach().numpy()).max()
        np.testing.assert_allclose(moved, TINY.outer_rate, rtol=1e-2)  # Adam's first step


def test_flops_against_a_count_by_hand():
    setting = Setting(side=4, tasks=3, inner_steps=2, width=8, depth=3)
    forward = 2 * (2 * 8 + 8 * 8 + 8 * 3)
    passes = {"maml": 2 * (3 + 6) + 3, "first_order_maml": 2 * 3 + 3, "reptile": 2 * 3}
    for algorithm, count in passes.items():
        counted = flops.step_flops(setting._replace(algorithm=algorithm))
        assert counted == 3 * 16 * forward * count
    assert flops.fit_flops(setting, 5) == 16 * forward * 3 * 5


def test_least_time_of_a_network_of_one_square_layer():
    """A layer of n units does 2 n² operations on 8 n bytes: n/4 operations a byte."""
    params = {"kernel": np.zeros((64, 64)), "bias": np.zeros(64)}
    assert costs.intensity(params) == 16
    step = costs.StepCosts(steps=1, flops=32e12, moved_bytes=2e12)
    assert costs.least_seconds(step, teraflops=16, gigabytes=500) == (2, 4)


def test_contenders_take_turns_and_ratios_are_of_a_round(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def contender(name, seconds):
        def run():
            calls.append(name)
            clock[0] += seconds.pop(0)

        return run

    runs = {"a": contender("a", [9.0, 1.0, 2.0, 4.0]), "b": contender("b", [9.0, 1.0, 4.0, 12.0])}
    seconds = timing.alternate(runs, 3)
    assert calls == ["a", "b"] * 4
    assert seconds == {"a": [1, 2, 4], "b": [1, 4, 12]}
    assert timing.ratio(seconds["b"], seconds["a"]) == (2, 1, 3)
    assert str(timing.ratio(seconds["a"], seconds["a"])) == "1.00 [1.00–1.00]"


def test_equal_contenders_are_equally_fast():
    work = lambda: sum(range(100_000))  # noqa: E731
    seconds = timing.alternate({"a": work, "b": work}, 9)
    found = timing.ratio(seconds["a"], seconds["b"])
    assert found.low <= found.median <= found.high and 0.3 < found.median < 3


def test_what_does_not_fit_is_listed_and_not_run():
    ran = []
    contenders = {
        OURS: Contender(lambda: None),
        "large": if_it_fits(Contender(lambda: ran.append(1)), 3e9, 2e9),
    }
    measured = compare(contenders, 2)
    assert [m.name for m in measured] == [OURS, "large"] and not ran
    assert measured[1].seconds is None and measured[1].contender.note == "does not fit (3.0 GB)"


@pytest.mark.usefixtures("counted_tensors")
def test_predicted_memory_grows_with_points_and_steps():
    setting = Setting(side=10, width=8, depth=3, inner_steps=4)
    assert torch_memory.predicted_bytes(setting, False) == 4 * 100 * 8 * 2 * (2 + 5 * 4)


def test_sections_are_appended(tmp_path, capsys):
    results = tmp_path / "results.md"
    results.write_text("# Results\n", encoding="utf-8")
    for _ in range(2):
        report.report("some_name", iter([TABLE, TABLE]), results)
    text = results.read_text(encoding="utf-8")
    assert text.startswith("# Results\n\n## some_name, ")
    assert len(_sections(text, "some_name")) == 2 and text.count("**A table**") == 4
    assert capsys.readouterr().out.count("**A table**") == 4
    report.report("some_name", iter([TABLE]), None)
    assert results.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "name",
    [pytest.param(x, marks=() if x in QUICK_BINARIES else pytest.mark.slow) for x in BINARIES],
)
def test_binaries_run_and_record(tmp_path, name):
    results = tmp_path / "results.md"
    done = _run(name, *BINARIES[name].split(), "--record", f"--results={results}")
    assert done.returncode == 0, done.stderr
    (section,) = _sections(results.read_text(encoding="utf-8"), name)
    assert str(results) not in section and "--record" not in section
    assert f"`python -m benchmarks.{name} {BINARIES[name]}`" in section and "jax " in section
    rows = [line[2:-2].split(" | ") for line in section.splitlines() if line.startswith("| ")]
    assert all(cell.strip() for row in rows for cell in row)
    assert [row[0] for row in rows if row[0] not in _HEADINGS] == FIRST_CELLS[name]
    assert section.split("\n\n", 3)[3].strip() in done.stdout


def _sections(text, name):
    """The sections of a file of results; each has its heading, command and machine."""
    head = rf"## {name}, \d{{4}}-\d\d-\d\d\n\n`python -m benchmarks\.{name}.*`\n\nPython [^\n]+\n\n"
    return re.findall(rf"{head}(?:(?!## ).*\n)+", text)


@pytest.mark.slow
@pytest.mark.parametrize("argument", MISTAKES)
def test_mistakes_are_told_in_one_line(argument):
    done = _run("meta_step", argument)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")
    assert MISTAKES[argument] in done.stderr


@pytest.mark.slow
def test_a_step_compiles_for_tpus_that_are_not_there(tmp_path):
    """On four chips that share the observations: no chip asks others for theirs."""
    pytest.importorskip("libtpu")
    results = tmp_path / "results.md"
    done = _run(
        "ahead_of_time", "--target=v5e", "--chips=4", "--division=observations", "--kind=step",
        "--programs=image_regression", "--own=--resolution=16 --width=16 --depth=3",
        "--record", f"--results={results}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in results.read_text().splitlines() if line.startswith("| v5e")]
    assert "all-reduce" in row and "all-gather" not in row
    assert float(row.split(" | ")[4]) < 10  # MB of program


def test_collectives_are_counted_with_their_bytes():
    text = """
      %all-reduce.6 = (f32[16]{0:T(128)}, f32[2,3]{1,0}, /*index=5*/f32[]{:T(128)}) all-reduce(%x)
      %y = f32[]{:T(128)} get-tuple-element(%all-reduce.6), index=2
      %all-gather-start.1 = bf16[8,2]{1,0} all-gather-start(%z), dimensions={0}
    """
    assert collectives(text) == {"all-reduce": (1, 4 * (16 + 6 + 1)), "all-gather": (1, 2 * 16)}
