"""A small field, pictures for it, and programs that tests of `experiments.fit` share."""

import functools

import jax
import numpy as np
from PIL import Image

from experiments.fitting import fit_setup
from experiments.fitting.pictures_io import encode_png
from experiments.fitting.tile_fits import SLOTS, make_tile_stream
from metainr import fields
from metainr.media.images.pictures import read_picture

SIDE = 12
OPTIONS = {"width": 16, "depth": 3, "omega": 30.0, "first_omega": 30.0}
RECORD = {"field": "siren", "inner_learning_rate": 0.02, "resolution": SIDE} | OPTIONS
FIELD = fields.make("siren", fields.FieldOptions(**OPTIONS))
PARAMS = FIELD.init(jax.random.key(5))


def smooth(height, width, seed=0):
    """A picture of low contrast, whose fits need no clipping: [h, w, 3]."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(90, 160, (3, 3, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BILINEAR)) / 255


def saved(path, values, bits=8):
    path.write_bytes(encode_png(np.round(values * (2**bits - 1)).astype(f"u{bits // 8}")))
    return path


def levels(path):
    picture = read_picture(path)
    return np.round(picture.values * (2**picture.bits - 1)).astype(int)


@functools.cache
def _compiled(side, inner_points, **options):
    return make_tile_stream(FIELD, side, inner_points, **options)


def share_programs(monkeypatch):
    """All fits use one field and as many slots then: compiling takes most of the time."""

    def make(field, side, inner_points, **options):
        return _compiled(side, inner_points, **options | {"slots": SLOTS})

    monkeypatch.setattr(fit_setup, "make_tile_stream", make)
