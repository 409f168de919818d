"""Arrays, as NPY."""

import io

import numpy as np

from experiments.signal_files.kind import Kind
from metainr.codec.codec import About
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.media.numpy_files import load_npy
from metainr.runs.pictures import as_picture


def arrays() -> Kind:
    """The kind."""

    def read(path):
        try:
            return np.asarray(load_npy(path), np.float32), About()
        except (ValueError, EOFError, OSError) as error:
            raise UserError(f"cannot read array {path}: {error}; give an undamaged .npy") from error

    def write(path, values, about):
        stream = io.BytesIO()
        np.save(stream, values)
        write_bytes(path, stream.getvalue())

    return Kind(
        "array",
        frozenset({".npy"}),
        ".npy",
        read,
        of_signal=lambda signal: signal,
        told=lambda values: About(),
        stored=lambda values, about: values,
        write=write,
        picture=lambda values: as_picture(np.asarray(values)),
    )
