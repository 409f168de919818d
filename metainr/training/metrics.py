"""Where training writes what it measures: TensorBoard and a JSON line per record."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np


class MetricsWriter:
    """Writes scalars to `metrics.jsonl` and TensorBoard, images to TensorBoard.

    Opened at a step, it drops the records of later ones, which a killed run left behind. A context
    manager.
    """

    def __init__(self, directory: Path, step: int):
        from tensorboardX import SummaryWriter  # slow to import, needed by training alone

        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "metrics.jsonl"
        kept = [line for line in _lines(path) if json.loads(line)["step"] <= step]
        path.write_text("".join(kept))
        self._file = path.open("a", buffering=1)
        self._board = SummaryWriter(str(directory), purge_step=step + 1, write_to_disk=True)

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._board.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes named numbers measured at a step."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Writes an image [h, w, c] with values in [0, 1]."""
        self._board.add_image(name, np.clip(image, 0, 1), step, dataformats="HWC")


def _lines(path):
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]  # a kill may cut the last one short
