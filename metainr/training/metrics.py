"""Where training writes what it measures: TensorBoard and a JSON line per record."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from metainr.errors import UserError
from metainr.files import why, write_bytes
from metainr.reporting.learning import RECORDS, validations, whole_lines

_SECONDS_BETWEEN_FLUSHES = 2.0  # each waits for the disk, some milliseconds


def has_validation(directory: Path, step: int) -> bool:
    """Whether the records in a folder tell what validation measured at a step."""
    return any(number == step for number, _ in validations(directory, step))


class MetricsWriter:
    """Writes scalars to `metrics.jsonl` and TensorBoard, images to TensorBoard.

    Opened at a step, it drops the records of later ones, which a killed run left behind, and what a
    kill cut short. A context manager. Raises UserError where it cannot write.
    """

    def __init__(self, directory: Path, step: int):
        # Slow to import, needed by training alone. Not SummaryWriter: that one writes in a thread
        # of its own, and waits for it for ever once the disk is full.
        from tensorboardX import event_file_writer, summary
        from tensorboardX.proto import event_pb2

        # protobuf makes these classes as it is imported.
        self._event = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
        session = event_pb2.SessionLog  # pyright: ignore[reportAttributeAccessIssue]
        self._directory, self._summary = directory, summary
        self._flushed = time.monotonic()
        path = directory / RECORDS
        with self._writing():
            directory.mkdir(parents=True, exist_ok=True)
            write_bytes(path, "".join(whole_lines(path, step)).encode())
            self._file = path.open("a", buffering=1)
            prefix = str(directory / "events")
            self._board = event_file_writer.EventsWriter(prefix, f".{os.getpid()}.{time.time_ns()}")
            started = session(status=session.START)
            self._add(step + 1, session_log=started)  # TensorBoard hides the old run from there on

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        with self._writing():
            self._file.close()
            self._board.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes named numbers measured at a step."""
        with self._writing():
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            record, *others = (self._summary.scalar(name, value) for name, value in values.items())
            for other in others:
                record.MergeFrom(other)
            self._add(step, summary=record)
            if time.monotonic() - self._flushed > _SECONDS_BETWEEN_FLUSHES:
                self._flush()

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Writes an image [h, w, c] with values in [0, 1]."""
        shown = np.clip(image, 0, 1)
        with self._writing():
            self._add(step, summary=self._summary.image(name, shown, dataformats="HWC"))
            self._flush()

    def _flush(self):
        self._board.flush()
        self._flushed = time.monotonic()

    def _add(self, step, **content):
        self._board.write_event(self._event(wall_time=time.time(), step=step, **content))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"cannot write metrics to {self._directory}: {why(error)}; the checkpoints are kept"
            ) from error
