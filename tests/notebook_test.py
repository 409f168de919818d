"""The notebooks run as they stand, and what they keep is small and of a whole run."""

import re

import nbformat
import notebooks
import pytest

_LARGEST = 300_000  # bytes of a file
_QUICK = "sounds"  # runs in every test run; the others are slow
# Assignments that make a notebook take seconds, and teach nothing.
_TINY = {
    "algorithms_compared": "RESOLUTION, WIDTH, TRAIN_STEPS, NUM_TEST = 8, 8, 2, 2",
    "ct_few_views": "SIDE, WIDTH, TRAIN_STEPS, FIT_STEPS, NUM_TEST = 12, 16, 4, 2, 1",
    "fields_as_data": (
        "RESOLUTION, LATENT, TRAIN_STEPS, NUM_TRAIN, NUM_TEST, NUM_CONTROL, PROBE_STEPS = "
        "12, 4, 2, 12, 8, 8, 3"
    ),
    "image_regression": "RESOLUTION, TRAIN_STEPS, NUM_TEST = 8, 2, 2",
    "object_from_one_photo": (
        "SIDE, WIDTH, RAY_SAMPLES, TRAIN_STEPS, FIT_STEPS, NUM_TEST, FRAMES = 8, 16, 8, 4, 2, 1, 2"
    ),
    "own_field_and_loss": "RESOLUTION, TRAIN_STEPS, NUM_TEST = 8, 2, 3",
    "shapes_and_poisson": (
        "SIDE, GRADIENT_STEPS, PHOTO_STEPS, ANIMAL_STEPS, CLOUD_STEPS, NUM_TEST = 8, 2, 2, 2, 2, 1"
    ),
    "sounds": (
        "SAMPLE_RATE, SECONDS, WIDTH, TRAIN_STEPS, NUM_TEST, LONG_FIT = 1000, 0.2, 8, 2, 2, 5"
    ),
}


@pytest.fixture(params=notebooks.NAMES)
def notebook(request):
    return notebooks.read(request.param)


def test_it_keeps_a_whole_run(notebook):
    nbformat.validate(notebook)
    kept = notebooks.outputs(notebook)
    counts = [cell.execution_count for cell in notebooks.code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert not any(output.output_type == "error" for output in kept)
    assert sum("image/png" in output.get("data", {}) for output in kept) >= 2
    text = nbformat.writes(notebook)
    assert len(text.encode()) < _LARGEST
    assert not re.search(r"[\" ](/tmp|/home|/root|/work)/", text)


def test_it_starts_as_all_do(notebook):
    """A size, a folder and a source are chosen; the rest of the cell is the same everywhere."""
    first = notebooks.code(notebook)[0].source
    assert re.findall(r'^(\w+) = "(.*?)"', first, re.MULTILINE)[:3] == [
        ("SIZE", "small"),
        ("FOLDER", "runs"),
        ("SOURCE", ""),
    ]
    shared = notebooks.code(notebooks.read(notebooks.NAMES[0]))[0].source
    assert first.partition("\n\n")[2] == shared.partition("\n\n")[2]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == _QUICK else pytest.mark.slow)
        for name in notebooks.NAMES
    ],
)
def test_every_cell_runs(name, tmp_path):
    notebook = notebooks.read(name)
    notebooks.resize(notebook, _TINY[name])
    notebooks.run(notebook, tmp_path)


@pytest.mark.slow
def test_the_learned_init_wins(tmp_path):
    notebook = notebooks.read("image_regression")
    notebooks.run(notebook, tmp_path)
    shown = (output.get("data", {}) for output in notebooks.outputs(notebook))
    tables = (data.get("text/plain", "") for data in shown)
    (table,) = [table for table in tables if table.startswith("Inits compared")]
    reached = {
        name: float(value)
        for name, value in re.findall(r"^(\w+) .*?±.*?([\d.]+) ±", table, re.MULTILINE)
    }
    assert reached.pop("meta") > max(reached.values()) + 5
