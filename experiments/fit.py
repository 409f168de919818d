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
    report.html, results.csv    a page of them, the worst first, and their numbers
    config.json                 the flags; with others the folder is refused

The same command goes on where it was stopped or killed. Pictures that cannot be read are skipped
with one warning, and tried again by the next run. A fit that diverges is recorded as failed, and
the others go on; the exit status is then 1.

With --as_dataset=SET the fits of a folder, or of --input=class:sdf or another generated class,
become one data set of fields (`metainr.read_fields`): what the loop adapted to each signal, cut as
in training, with names, labels by sub-folder, splits and normalisation. These may be pictures, or
sounds, clips and meshes if the init was learned by audio, video or shapes.
"""

from pathlib import Path

from absl import flags

from experiments import cli, image_regression
from experiments.config import make_field
from experiments.fitting.fit_dataset import fit_dataset
from experiments.fitting.fit_folder import fit_folder
from experiments.fitting.fit_one import fit_one
from experiments.fitting.fit_options import FitOptions
from experiments.fitting.fit_setup import Job
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.inits import as_init, read_init
from experiments.run.input_flag import INPUT
from experiments.run.reading import made
from metainr.errors import UserError

OUTPUT_DIR = define(FitOptions, "output_dir", "folder to write to; made if it is missing")
STEPS = define(FitOptions, "steps", "gradient steps")
MODE = define(
    FitOptions,
    "mode",
    "for pictures of another size than the init's resolution: resize the longer side to it, or cut "
    "them into tiles of it",
)
MASK = define(
    FitOptions,
    "mask",
    "picture of the same size, white where the fit may see; for a folder, a folder of such "
    "pictures with the same names",
)
KEEP = define(FitOptions, "keep", "share of pixels, random ones, that the fit may see")
SCALE = define(FitOptions, "scale", "also sample the fit at this many times the resolution")
COMPARE = define(
    FitOptions,
    "compare",
    "fit from the standard init too, which takes as long again; default: for a picture, not for a "
    "folder",
)
AS_DATASET = define(
    FitOptions, "as_dataset", "data set of fields to write, in place of files for each picture"
)
SIZES = define(
    FitOptions,
    "sizes",
    "at most so many signals of training, validation and test in the data set; default: all",
)

_SHARED = (
    shared_flags.INIT, shared_flags.SEED, shared_flags.RESOLUTION, shared_flags.INNER_OPTIMIZER,
    shared_flags.INNER_LEARNING_RATE, shared_flags.INNER_POINTS, shared_flags.BASELINE_OPTIMIZER,
    shared_flags.BASELINE_LEARNING_RATE, shared_flags.FINISH, shared_flags.FINISH_LEARNING_RATE,
    shared_flags.FINISH_AFTER, shared_flags.CHUNK_SIZE, shared_flags.COMPUTE_DTYPE,
    shared_flags.NUM_DEVICES,
)  # fmt: skip
_OWN = (INPUT, OUTPUT_DIR, STEPS, MODE, MASK, KEEP, SCALE, COMPARE, AS_DATASET, SIZES)
_USED = (*(flag.name for flag in (*_OWN, *_SHARED)), *shared_flags.FIELD_FLAGS)
for _name in _USED:
    flags.declare_key_flag(_name)


def main() -> None:
    """Fits, prints and writes as the flags say."""
    options = _options()
    if options.as_dataset is not None:
        init = shared_flags.INIT.value
        fit_dataset(options, init, options.steps if STEPS.present else None)
        return
    job = _job(options)
    (fit_folder if Path(job.options.input).is_dir() else fit_one)(job)


def _options() -> FitOptions:
    """What the flags say of fits. Raises UserError if they say too little, or two things."""
    options = made(FitOptions, {flag.name: flag.value for flag in _OWN})
    place = "output_dir" if options.as_dataset is None else "as_dataset"
    for name, value in (("init", shared_flags.INIT.value), *options._asdict().items()):
        if name in ("init", "input", place) and value is None:
            raise UserError(f"--{name} is missing; --init, --input and --output_dir are needed")
    if options.mask is not None and options.keep is not None:
        raise UserError("--mask and --keep both say what the fit may see; give one of them")
    if options.compare is None and options.as_dataset is None:
        return options._replace(compare=not Path(options.input).is_dir())
    return options


def _job(options: FitOptions) -> Job:
    """The flags with those that the init was learned with, the init, and its field."""
    config = shared_flags.configuration(image_regression.EXPERIMENT)
    source = read_init(config, image_regression.EXPERIMENT)
    config = source.config
    field = make_field(config.field, in_dim=2, out_dim=3)
    own = {flag.name: flag.value for flag in _OWN}
    values = {**config.record, **own, "compare": options.compare}
    record = {name: values[name] for name in _USED}
    return Job(options, config, as_init(source, field, config.run.init), field, record)


if __name__ == "__main__":
    cli.run(main)
