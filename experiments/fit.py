"""Fits one picture from a learned init and from the standard one, side by side.

    python -m experiments.fit --init=runs/quickstart --input=picture.png --output_dir=fits/picture

With --mode=resize the picture is resized so that its longer side is the resolution that the init
was learned at, its aspect kept, and lies in the middle of the init's square. With --mode=tile it is
cut into squares of that resolution, each fitted by a field of its own. --mask=mask.png (white is
seen, black is not) or --keep=0.1 (a random tenth) shows the fits a part of the pixels; PSNR is then
given for the seen and for the unseen ones. It is that of the fields, not clipped to [0, 1], as in
training; the PSNR of the files that are written stands beside their names.

In --output_dir, pictures having the input's bit depth:

    target.png, observed.png    what the fits aim at, and what they see of it (if not all)
    meta.png, standard.png      the fits from the learned and from the standard init
    meta_x2.png, …              with --scale=2: pixel (2i, 2j) is pixel (i, j) of meta.png
    psnr.png                    PSNR by step; psnr_seen.png and psnr_unseen.png of a part
    weights.safetensors         the field fitted from the learned init, itself good as --init;
                                with --mode=tile weights/ROW_COLUMN.safetensors
    results.json                all numbers and flags
"""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
from absl import flags

from experiments import cli, fit_outputs, shared_flags
from experiments.fit_outputs import Fit
from experiments.inits import as_params, read_init, weights_metadata
from experiments.observed import Observed, random_mask, read_mask, scaled_to
from experiments.pictures_io import Picture, read_picture
from experiments.problem import standard_init
from experiments.tile_fits import make_fit_tiles, psnr_by_kind, stacked
from experiments.tiles import Tiling, cut, join
from metainr.errors import UserError
from metainr.evaluation.fitting import Contender
from metainr.reporting import to_text
from metainr.training.workdir import environment
from metainr.types import Field, Params
from metainr.weights import save_weights

INPUT = flags.DEFINE_string("input", None, "the picture to fit")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "folder to write to; made if it is missing")
STEPS = flags.DEFINE_integer("steps", 20, "gradient steps", 1)
MODE = flags.DEFINE_enum(
    "mode", "resize", ["resize", "tile"],
    "for pictures of another size than the init's resolution: resize the longer side to it, or cut "
    "them into tiles of it",
)  # fmt: skip
MASK = flags.DEFINE_string("mask", None, "picture of the same size, white where the fit may see")
KEEP = flags.DEFINE_float("keep", None, "share of pixels, random ones, that the fit may see")
SCALE = flags.DEFINE_integer("scale", 1, "also sample the fit at this many times the resolution", 1)

_SHARED = (
    shared_flags.INIT, shared_flags.SEED, shared_flags.RESOLUTION, shared_flags.INNER_OPTIMIZER,
    shared_flags.INNER_LEARNING_RATE, shared_flags.INNER_POINTS, shared_flags.BASELINE_OPTIMIZER,
    shared_flags.BASELINE_LEARNING_RATE, shared_flags.CHUNK_SIZE, shared_flags.COMPUTE_DTYPE,
)  # fmt: skip
_WEIGHTS = {"resize": "weights.safetensors", "tile": "weights/"}
_OWN = (INPUT, OUTPUT_DIR, STEPS, MODE, MASK, KEEP, SCALE)
_USED = (*(flag.name for flag in (*_OWN, *_SHARED)), *shared_flags.FIELD_FLAGS)
for _name in _USED:
    flags.declare_key_flag(_name)


def main() -> None:
    """Fits, prints and writes as the flags say."""
    began = time.perf_counter()
    config, learned, field = _start()
    source = _read_input(config.input)
    observed = _observed(source, config)
    height, width = observed.seen.shape
    tiling = Tiling(height, width, config.resolution)
    directory = _output_dir(config)
    print(_description(config, source, observed, tiling))
    try:
        fits = _fits(config, learned, field, observed, tiling)
        print(to_text(fit_outputs.psnr_table(fits)))
        files = fit_outputs.write_pictures(directory, fits, observed, source, config.scale)
        files[_WEIGHTS[config.mode]] = {}
        results = {
            "experiment": "fit",
            "seconds": {"total": time.perf_counter() - began},
            "config": {name: getattr(config, name) for name in _USED},
            "environment": environment(),
            "tiles": tiling._asdict() | {n: getattr(tiling, n) for n in ("top", "left")},
            "settings": fit_outputs.settings(fits),
            "files": files,
        }
        files |= dict.fromkeys(fit_outputs.write_numbers(directory, results), {})
        print(f"written to {directory}: {fit_outputs.listing(files)}")
    except OSError as error:
        raise _unwritable(directory, error) from error


def _start() -> tuple[SimpleNamespace, Params, Field]:
    """The flags with those that the init was learned with, the init, and its field."""
    config = shared_flags.configuration()
    config = SimpleNamespace(**vars(config) | {flag.name: flag.value for flag in _OWN})
    for flag in (shared_flags.INIT, INPUT, OUTPUT_DIR):
        if not flag.value:
            raise UserError(
                f"--{flag.name} is missing; --init, --input and --output_dir are needed"
            )
    if config.mask is not None and config.keep is not None:
        raise UserError("--mask and --keep both say what the fit may see; give one of them")
    if config.keep is not None and not 0 < config.keep <= 1:
        raise UserError(f"--keep={config.keep} is no share of the pixels; give 0.1 for a tenth")
    config, weights = read_init(config)
    field = shared_flags.make_field(config, in_dim=2, out_dim=3)
    return config, as_params(weights, field, config.init), field


def _read_input(path):
    source = read_picture(path)
    if source.values[..., 0].size == 1:
        raise UserError(f"--input={path} has a single pixel; give a larger picture")
    return source


def _observed(source: Picture, config: SimpleNamespace) -> Observed:
    shape = source.values.shape[:2]
    seen = None if config.mask is None else read_mask(config.mask, shape)
    if config.mode == "resize":
        observed = scaled_to(source.values, seen, config.resolution)
    else:
        observed = Observed(source.values, np.ones(shape, bool) if seen is None else seen)
    if config.keep is None or config.keep == 1:
        return observed
    return observed._replace(seen=random_mask(observed.seen.shape, config.keep, config.seed))


def _output_dir(config):
    """The folder to write to: it exists, may be written to, and holds nothing that was given."""
    directory = Path(config.output_dir)
    for name in (INPUT.name, MASK.name):
        given = getattr(config, name)
        if given is not None and Path(given).resolve().parent == directory.resolve():
            raise UserError(
                f"--output_dir={directory} holds --{name}={given}, which might be overwritten; "
                "name another folder"
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(directory, error):
    return UserError(
        f"cannot write to --output_dir={directory}: {error.strerror or error}; name a folder with "
        "room and permission to write"
    )


def _description(config, source, observed, tiling):
    height, width = source.values.shape[:2]
    kind = f"{source.bits}-bit {'grey' if source.is_grey else 'colours'}"
    alpha = ", its transparency laid on white" if source.has_alpha else ""
    side, num_tiles = tiling.side, tiling.rows * tiling.columns
    aim = f"{tiling.height} × {tiling.width} pixels"
    if config.mode == "tile":
        aim = f"{num_tiles} {'tile' if num_tiles == 1 else 'tiles'} of {side} × {side} pixels"
    lines = [f"{config.input}: {height} × {width} pixels, {kind}{alpha}; fitted as {aim}"]
    if not observed.seen.all():
        lines.append(f"seen: {observed.seen.sum()} of {observed.seen.size} pixels")
    blank = int((~cut(observed.seen, tiling).any(axis=(1, 2))).sum())
    if blank:
        lines.append(f"of {num_tiles} tiles {blank} show no seen pixel: there the init is kept")
    return "\n".join(lines)


def _fits(config, learned, field, observed, tiling):
    """The fits by init; the weights of those from the learned one are written as they come."""
    standard = standard_init(field, config.seed)
    contenders = {
        "meta": Contender(learned, config.inner_optimizer, config.inner_learning_rate),
        "standard": Contender(standard, config.baseline_optimizer, config.baseline_learning_rate),
    }
    summation = shared_flags.make_summation(config)
    fit_tiles = make_fit_tiles(field, config.resolution, config.inner_points, summation)
    tiles = stacked(observed, tiling)
    key = jax.random.key(config.seed)
    fits = {}
    for init, contender in contenders.items():
        began = time.perf_counter()
        keep = _weights_writer(config, tiling) if init == "meta" else lambda index, params: None
        try:
            fitted = fit_tiles(contender, tiles, key, config.steps, config.scale, keep)
        except FloatingPointError as error:
            raise UserError(_diverged(init, contender, error)) from error
        fits[init] = Fit(
            join(fitted.pictures, tiling),
            psnr_by_kind(fitted.squared_errors, observed.seen),
            contender.optimizer,
            contender.learning_rate,
            time.perf_counter() - began,
        )
    return fits


def _weights_writer(config, tiling):
    """(tile, its fitted weights) -> None: writes them as a file that `--init` takes."""
    metadata = weights_metadata(config)
    directory = Path(config.output_dir)
    if config.mode == "resize":
        return lambda index, params: save_weights(
            directory / "weights.safetensors", params, metadata
        )
    (directory / "weights").mkdir(exist_ok=True)

    def write(index, params):
        row, column = divmod(index, tiling.columns)
        save_weights(
            directory / "weights" / f"{row:03d}_{column:03d}.safetensors", params, metadata
        )

    return write


def _diverged(init, contender, error):
    how, rate = contender.optimizer, contender.learning_rate
    if init == "standard":
        return f"from the standard init {how} {error}; lower --baseline_learning_rate={rate}"
    return (
        f"from the learned init {how} with --inner_learning_rate={rate} {error}; take fewer "
        "--steps, or an init that goes with a lower rate"
    )


if __name__ == "__main__":
    cli.run(main)
