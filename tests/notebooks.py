"""The notebooks of colabs/: how they are read, run and kept.

`python tests/notebooks.py NAME …` runs notebooks as they stand, and keeps what they showed in them.
"""

import base64
import io
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

FOLDER = Path(__file__).parents[1] / "colabs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
_SECONDS = 3600  # for one cell, on a busy machine
_SIZES = "# @title Sizes"
_SIDE = 700  # of a kept picture, in pixels, at most
_LARGE, _LESS = 40_000, 560  # bytes of one that comes down to so many, and to 96 colours


def read(name: str) -> NotebookNode:
    """The notebook of that name."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    """Its cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def resize(notebook: NotebookNode, sizes: str) -> None:
    """Has assignments take the place of what the cell of sizes says."""
    cell = next(cell for cell in code(notebook) if cell.source.startswith(_SIZES))
    cell.source += f"\n{sizes}"


def run(notebook: NotebookNode, folder: Path) -> None:
    """Runs all cells in a folder; what they show is then in the notebook."""
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=_SECONDS, resources=resources, record_timing=False)
    client.execute()


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    """What its cells show, in order."""
    return [output for cell in code(notebook) for output in cell.outputs]


def tidy(notebook: NotebookNode) -> None:
    """Of bars and lines written anew the last state stays; pictures come down to a page's width."""
    for cell in code(notebook):
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = _last_states(output.text)
            elif png := output.get("data", {}).get("image/png"):
                output.data["image/png"] = _smaller(png)
                output.data.pop("text/plain", None)
        cell.outputs = [output for output in cell.outputs if output.get("text") != ""]
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}


def _joined(shown):
    """Outputs, what came on one stream in a row being one."""
    joined = []
    for output in shown:
        if joined and output.get("name", "") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _last_states(text):
    text = text.replace("\x1b[A", "\n").replace("\r\n", "\n")  # a bar below moves up from its line
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return "".join(f"{line}\n" for line in lines if line)


def _smaller(png):
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    picture.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    picture.save(file, "png", optimize=True)
    if file.tell() > _LARGE:
        file = io.BytesIO()
        picture.thumbnail((_LESS, _LESS))
        picture.quantize(96, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _keep(name):
    notebook, began = read(name), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run(notebook, Path(folder))
    tidy(notebook)
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")
    size = (FOLDER / f"{name}.ipynb").stat().st_size
    print(f"{name}: {time.perf_counter() - began:.0f} s, {size / 1e3:.0f} kB")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or NAMES:
        _keep(chosen)
