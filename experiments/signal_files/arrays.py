"""Arrays, as NPY."""

import io

import numpy as np

from experiments.signal_files.kind import Kind
from metainr.codec.codec import About
from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.media.numpy_files import load_npy
from metainr.runs.pictures import as_picture
from metainr.signals.arrays import checked_signals


def arrays(axes: int) -> Kind:
    """The kind, of signals on grids of so many axes, checked and scaled as `metainr.learn` does."""

    def read(path):
        try:
            array = load_npy(path)
        except (ValueError, EOFError, OSError) as error:
            raise UserError(f"cannot read array {path}: {error}; give an undamaged .npy") from error
        return checked_signals(array[None], str(path), axes)[0], About()

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
