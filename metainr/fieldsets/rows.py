"""The rows of one split of a set of fields, by their numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metainr.fieldsets.shards import check_shards, read_vectors


class Row(NamedTuple):
    """One field: its vector [d], its label's number in the classes (−1: none) and its name.

    psnr: of the fit in dB, NaN where there is none.
    """

    vector: np.ndarray
    label: int
    name: str
    psnr: float


class Rows(Sequence[Row]):
    """A split, read from the disk as it is asked for: a source of random access for grain.

    >>> rows = metainr.read_fields("fields").splits["train"]
    >>> rows[0].vector.shape == (rows.size,)
    True
    """

    def __init__(self, folder: Path, num_shards: int, size: int, classes: Sequence[str]):
        """Reads the notes of all shards, and of no shard the vectors. Raises UserError."""
        self._folder, self.size = folder, size
        notes = check_shards(folder, num_shards)
        numbers = {label: number for number, label in enumerate(classes)}
        self.numbers = [number for note in notes for number in note.numbers]
        self.names = [name for note in notes for name in note.names]
        self.skipped = {name: why for note in notes for name, why in note.skipped.items()}
        self.label_names = [label for note in notes for label in note.labels]
        known = [-1 if label is None else numbers.get(label, -1) for label in self.label_names]
        self.labels = np.array(known, np.int32)
        psnr = [np.nan if value is None else value for note in notes for value in note.psnr]
        self.psnr = np.array(psnr, np.float32)
        self.digest = "".join(note.digest for note in notes)
        self._opened: dict[int, np.ndarray] = {}
        self._ends = np.cumsum([len(note.names) for note in notes])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Row:  # pyright: ignore[reportIncompatibleMethodOverride]  # grain asks for no slices
        """The row of that number. Raises IndexError if there is none, UserError for damage."""
        number = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= number < len(self):
            raise IndexError(f"row {index} is outside a split of {len(self)}")
        shard = int(np.searchsorted(self._ends, number, "right"))
        first = int(self._ends[shard - 1]) if shard else 0
        vector = np.array(self._shard(shard)[number - first])
        return Row(vector, int(self.labels[number]), self.names[number], float(self.psnr[number]))

    def vectors(self) -> np.ndarray:
        """All vectors [n, d]. Raises UserError for damage."""
        return np.concatenate([*self.parts(), np.empty((0, self.size), np.float32)])

    def parts(self) -> Iterator[np.ndarray]:
        """The vectors [n, d] of one shard after another. Raises UserError for damage."""
        return (self._shard(shard) for shard in range(len(self._ends)))

    def _shard(self, number):
        if number not in self._opened:
            self._opened[number] = read_vectors(self._folder, number, self.size)
        return self._opened[number]
