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


def test_it_runs_and_the_learned_init_wins(notebook, tmp_path):
    NotebookClient(
        notebook, timeout=_SECONDS, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert list(tmp_path.iterdir()) == []  # nothing was installed or left behind
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    text = "".join(output.text for output in outputs if "text" in output)
    whole, tenth = (dict(re.findall(r"^  (\w+) +([\d.]+)", t, re.M)) for t in _tables(text))
    assert float(whole.pop("meta")) > max(map(float, whole.values())) + 5
    assert float(tenth["meta"]) > float(tenth["standard"]) + 5


def _tables(text):
    """The two printed tables of PSNR; of each row the first number counts."""
    return re.split(r"^PSNR in dB.*$", text, flags=re.MULTILINE)[1:]
