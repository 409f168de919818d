"""Fits a picture, or every picture of a folder, from a learned init.

With --mode=resize pictures are resized so that their longer side is the resolution that the init
was learned at, the aspect kept, and lie in the middle of the init's square. With --mode=tile they
are cut into squares of that resolution, each fitted by a field of its own. --mask=mask.png (white
is seen, black is not) or --keep=0.1 (a random tenth) shows the fits a part of the pixels; PSNR is
then given for the seen and for the unseen ones. It is that of the fields, not clipped to [0, 1], as
in training; the PSNR of the files that are written stands beside their names.

In --output_dir, pictures having the input's bit depth:

    target.png, observed.png    what the fits aim at, and what they see of it (if not all)
    meta.png, standard.png      the fits from the learned and from the standard init
    meta_x2.png, …              with --scale=2: pixel (2i, 2j) is pixel (i, j) of meta.png
    psnr.png                    PSNR by step; psnr_seen.png and psnr_unseen.png of a part
    weights.safetensors         the field fitted from the learned init, itself good as --init;
                                with --mode=tile weights/ROW_COLUMN.safetensors
    results.json                all numbers and flags

If --input is a folder, all pictures in it and below it are fitted, from the learned init alone
unless --compare asks for both. A file of a picture NAME, its path below the folder with its suffix,
is then KIND/NAME.png instead of KIND.png, such as meta/cats/a.jpg.png, and
weights/NAME.safetensors or weights/NAME/ROW_COLUMN.safetensors. --mask is a folder of masks of the
same names, and --keep draws other pixels for every picture. Beside these lie

    results.jsonl               a line per picture, written as soon as its files are
    results.json, psnr.png      means over all pictures, at the end
    config.json                 the flags; with others the folder is refused

The same command goes on where it was stopped or killed. Pictures that cannot be read are skipped
with one warning, and tried again by the next run. A fit that diverges is recorded as failed, and
the others go on; the exit status is then 1.
"""

from pathlib import Path
from types import SimpleNamespace

from absl import flags

from experiments import cli, image_regression, shared_flags
from experiments.fit_folder import fit_folder
from experiments.fit_one import fit_one
from experiments.fit_setup import Job
from experiments.inits import as_init, read_init
from metainr.errors import UserError

INPUT = flags.DEFINE_string("input", None, "the picture to fit, or a folder of pictures")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "folder to write to; made if it is missing")
STEPS = flags.DEFINE_integer("steps", 20, "gradient steps", 1)
MODE = flags.DEFINE_enum(
    "mode", "resize", ["resize", "tile"],
    "for pictures of another size than the init's resolution: resize the longer side to it, or cut "
    "them into tiles of it",
)  # fmt: skip
MASK = flags.DEFINE_string(
    "mask", None,
    "picture of the same size, white where the fit may see; for a folder, a folder of such "
    "pictures with the same names",
)  # fmt: skip
KEEP = flags.DEFINE_float("keep", None, "share of pixels, random ones, that the fit may see")
SCALE = flags.DEFINE_integer("scale", 1, "also sample the fit at this many times the resolution", 1)
COMPARE = flags.DEFINE_bool(
    "compare", None,
    "fit from the standard init too, which takes as long again; default: for a picture, not for a "
    "folder",
)  # fmt: skip

_SHARED = (
    shared_flags.INIT, shared_flags.SEED, shared_flags.RESOLUTION, shared_flags.INNER_OPTIMIZER,
    shared_flags.INNER_LEARNING_RATE, shared_flags.INNER_POINTS, shared_flags.BASELINE_OPTIMIZER,
    shared_flags.BASELINE_LEARNING_RATE, shared_flags.CHUNK_SIZE, shared_flags.COMPUTE_DTYPE,
    shared_flags.NUM_DEVICES,
)  # fmt: skip
_OWN = (INPUT, OUTPUT_DIR, STEPS, MODE, MASK, KEEP, SCALE, COMPARE)
_USED = (*(flag.name for flag in (*_OWN, *_SHARED)), *shared_flags.FIELD_FLAGS)
for _name in _USED:
    flags.declare_key_flag(_name)


def main() -> None:
    """Fits, prints and writes as the flags say."""
    job = _job()
    (fit_folder if Path(job.config.input).is_dir() else fit_one)(job)


def _job() -> Job:
    """The flags with those that the init was learned with, the init, and its field."""
    config = shared_flags.configuration(image_regression.EXPERIMENT)
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
    if config.compare is None:
        config.compare = not Path(config.input).is_dir()
    source = read_init(config, image_regression.EXPERIMENT)
    config = source.config
    field = shared_flags.make_field(config, in_dim=2, out_dim=3)
    record = {name: getattr(config, name) for name in _USED}
    return Job(config, as_init(source, field, config.init), field, record)


if __name__ == "__main__":
    cli.run(main)
