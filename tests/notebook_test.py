"""The notebook runs as it stands in the repository, and shows what it says."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).parents[1] / "colabs" / "image_regression.ipynb"
_SECONDS = 600  # for one cell, on a busy machine


@pytest.fixture
def notebook():
    return nbformat.read(PATH, as_version=4)


def test_it_is_valid_and_kept_without_outputs(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert "/" not in re.search(r'REPOSITORY = "(.*)"', code[0].source)[1]


def _printed(notebook, folder):
    """What it prints, having run all of it in an empty folder."""
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=_SECONDS, resources=resources).execute()
    assert list(folder.iterdir()) == []  # nothing was installed or left behind
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    return "".join(output.text for output in outputs if "text" in output)


@pytest.mark.slow
def test_every_cell_runs(notebook, tmp_path):
    """With a size of its own, of which nothing is learned."""
    settings = next(cell for cell in notebook.cells if "SIZE = " in cell.source)
    sizes, small = '"small": (32, 30, 150, 1, 1e-4, 8, 20)', '"small": (8, 30, 2, 1, 1e-4, 2, 5)'
    assert sizes in settings.source
    settings.source = settings.source.replace(sizes, small)
    whole, tenth = _tables(_printed(notebook, tmp_path))
    assert "standard" in whole and "standard" in tenth


@pytest.mark.slow
def test_the_learned_init_wins(notebook, tmp_path):
    text = _printed(notebook, tmp_path)
    whole, tenth = (dict(re.findall(r"^  (\w+) +([\d.]+)", t, re.M)) for t in _tables(text))
    assert float(whole.pop("meta")) > max(map(float, whole.values())) + 5
    assert float(tenth["meta"]) > float(tenth["standard"]) + 5


def _tables(text):
    """The two printed tables of PSNR; of each row the first number counts."""
    return re.split(r"^PSNR in dB.*$", text, flags=re.MULTILINE)[1:]
