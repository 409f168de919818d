"""Fits one picture from a learned init and from the standard one, side by side.

    python -m experiments.fit --init=runs/quickstart --input=picture.png --output_dir=fits/picture

With --mode=resize the picture is resized so that its longer side is the resolution that the init
was learned at, its aspect kept, and lies in the middle of the init's square. With --mode=tile it is
cut into squares of that resolution, each fitted by a field of its own. --mask=mask.png (white is
seen, black is not) or --keep=0.1 (a random tenth) shows the fit a part of the pixels; PSNR is then
given for the seen and for the unseen ones. It is that of the fields, not clipped to [0, 1], as in
training; the PSNR of the files that are written stands beside their names.

In --output_dir, at the input's bit depth:

    target.png, observed.png       what the fits aim at, and what of it they see (if not all)
    meta.png, standard.png         the fits from the learned and the standard init
    meta_x2.png                    with --scale=2: pixel (2i, 2j) is pixel (i, j) of meta.png
    psnr.png (psnr_seen.png, …)    the curves
    weights.safetensors            the field fitted from the learned init, itself good as --init;
                                   of tiles weights/ROW_COLUMN.safetensors
    results.json                   all numbers and flags
"""

import json
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

from experiments import cli, shared_flags
from experiments.inits import as_params, read_init, weights_metadata
from experiments.observed import Observed, random_mask, read_mask, scaled_to
from experiments.pictures_io import Picture, encode_png, quantised, read_picture
from experiments.tile_fits import TileFits, Tiles, make_fit_tiles
from experiments.tiles import Tiling, cut, join
from metainr import fields
from metainr.errors import UserError
from metainr.evaluation.fitting import Contender
from metainr.reporting.figures import write_figures
from metainr.reporting.results import write_bytes, write_json
from metainr.reporting.tables import NOTHING, Table, to_text
from metainr.training.checkpoints import load_meta_params
from metainr.training.workdir import environment
from metainr.types import Params
from metainr.weights import load_metadata, save_weights

INPUT = flags.DEFINE_string("input", None, "the picture to fit")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "folder to write to; made if it is missing")
STEPS = flags.DEFINE_integer("steps", 20, "gradient steps", 1)
MODE = flags.DEFINE_enum(
    "mode", "resize", ["resize", "tile"],
    "what to do with pictures of another size than the init's resolution: resize the longer side "
    "to it, or cut the picture into tiles of it, each fitted by a field of its own",
)  # fmt: skip
MASK = flags.DEFINE_string("mask", None, "picture of the same size, white where the fit may see")
KEEP = flags.DEFINE_float("keep", None, "share of pixels, random ones, that the fit may see")
SCALE = flags.DEFINE_integer("scale", 1, "times the resolution to sample the fitted field at", 1)

_OWN = (INPUT, OUTPUT_DIR, STEPS, MODE, MASK, KEEP, SCALE)
_SHARED = (
    shared_flags.INIT, shared_flags.SEED, shared_flags.RESOLUTION, shared_flags.INNER_OPTIMIZER,
    shared_flags.INNER_LEARNING_RATE, shared_flags.INNER_POINTS, shared_flags.BASELINE_OPTIMIZER,
    shared_flags.BASELINE_LEARNING_RATE,
)  # fmt: skip
_USED = (*(holder.name for holder in (*_OWN, *_SHARED)), *shared_flags.FIELD_FLAGS)
for _name in _USED:
    flags.declare_key_flag(_name)

_NAMES = {"meta": "learned init", "standard": "standard init"}


class Fit(NamedTuple):
    """A fit of the whole picture: float32 [scale·h, scale·w, 3], not clipped, PSNR [steps + 1] in
    dB by kind of pixel, "seen" and, if there are any, "unseen", and the seconds it took.
    """

    picture: np.ndarray
    psnr: dict[str, np.ndarray]
    seconds: float


def main() -> None:
    """Fits, prints and writes as the flags say."""
    config, learned, field = _problem()
    picture = read_picture(config.input)
    if picture.values[..., 0].size == 1:
        raise UserError(f"--input={config.input} has a single pixel; give a larger picture")
    if picture.has_alpha:
        print(f"{config.input} has transparency: it is laid on white")
    observed = _observed(picture.values, config)
    tiling = Tiling(*observed.seen.shape, config.resolution)
    directory = _writable(config.output_dir)
    contenders = {
        "meta": Contender(learned, config.inner_optimizer, config.inner_learning_rate),
        "standard": Contender(
            field.init(jax.random.fold_in(jax.random.key(config.seed), 1)),
            config.baseline_optimizer,
            config.baseline_learning_rate,
        ),
    }
    try:
        fits, files = _fits(contenders, field, observed, tiling, config)
        results = _results(fits, contenders, tiling, config)
        _write(results, fits, observed, picture, files, config)
    except OSError as error:
        raise UserError(f"cannot write to --output_dir={directory}: {error.strerror}") from error


def _problem():
    """The flags with those that the init was learned with, the init, and its field."""
    config = shared_flags.configuration()
    config = SimpleNamespace(**vars(config) | {holder.name: holder.value for holder in _OWN})
    for holder in (shared_flags.INIT, INPUT, OUTPUT_DIR):
        if not holder.value:
            raise UserError(f"--{holder.name} is missing: {holder.help}; --help lists all flags")
    if config.mask is not None and config.keep is not None:
        raise UserError("--mask and --keep both say what the fit may see; give one of them")
    if config.keep is not None and not 0 < config.keep <= 1:
        raise UserError(f"--keep={config.keep} is no share of the pixels; give e.g. 0.1, at most 1")
    config, weights = read_init(config)
    config.resolution = _resolution(config)
    field = fields.make(config.field, shared_flags.field_options(config, in_dim=2, out_dim=3))
    return config, as_params(weights, field, config.init), field
