"""The flags that experiments share, and the run's configuration made of them once."""

import contextlib
from collections.abc import Collection

from absl import flags

from experiments.config import Config, RunOptions, Values
from experiments.experiment import Experiment
from experiments.run import algorithm_flags
from experiments.run.define import define, define_kind
from experiments.run.reading import ALGORITHM, config_of
from metainr import fields
from metainr.checks import RATE, Choice, OptionError, check
from metainr.errors import UserError
from metainr.fields import FieldOptions
from metainr.runs.options import OPTIMIZER, LearnerOptions, OuterOptions, TestOptions

WORKDIR = define(RunOptions, "workdir", "folder of the run; a run in it goes on")
SEED = define(RunOptions, "seed", "seed of weights, data order and generated signals")
SIGNAL = define(
    RunOptions, "signal", "class of signals; default: the experiment's own", default=None
)
RESOLUTION = define(RunOptions, "resolution", "side of the images, in pixels")

FIELD = define_kind("field", Choice(fields.REGISTRY), "siren", "coordinate network")
WIDTH = define(FieldOptions, "width", "hidden units per layer")
DEPTH = define(FieldOptions, "depth", "linear layers, the last one included")
OMEGA = define(FieldOptions, "omega", "frequency of sine layers (SIREN, ...), radians")
FIRST_OMEGA = define(FieldOptions, "first_omega", "of the first layer")
FIRST_BIAS = define(FieldOptions, "first_bias", "largest of FINER's first layer")
SIGMA = define(FieldOptions, "sigma", "std of Gaussian activations, WIRE's windows")
ACTIVATION = define(FieldOptions, "activation", "of MLPs: relu, tanh, softplus, ...")
OUTPUT_ACTIVATION = define(
    FieldOptions, "output_activation", "of MLPs' last layer: identity, sigmoid, ..."
)
OUTPUT_OFFSET = define(FieldOptions, "output_offset", "added to the field's values")
OCTAVES = define(FieldOptions, "octaves", "highest octave of the positional encoding")
FREQUENCIES = define(FieldOptions, "frequencies", "of the positional encoding")
FOURIER_SCALE = define(FieldOptions, "fourier_scale", "std of Fourier features")
FOURIER_SEED = define(FieldOptions, "fourier_seed", "seed of Fourier features")
LEVELS = define(FieldOptions, "levels", "of the hash grid")
COARSEST = define(FieldOptions, "coarsest", "cells per axis of its first level")
FINEST = define(FieldOptions, "finest", "cells per axis of its last level")
TABLE_SIZE = define(FieldOptions, "table_size", "most entries of a level's table")
LATENT_CELLS = define(FieldOptions, "latent_cells", "per axis of a grid of latents")
LATENT_CHANNELS = define(FieldOptions, "latent_channels", "numbers at each of its vertices")

COMPUTE_DTYPE = define(FieldOptions, "compute_dtype", "factors of the hidden layers' products")
CHUNK_SIZE = define(
    RunOptions,
    "chunk_size",
    "field evaluations at a time, 0 for all; default: what suits the machine",
)

NUM_DEVICES = define(RunOptions, "num_devices", "to use per process; default: all")
TASK_MICROBATCH = define(
    RunOptions, "task_microbatch", "tasks at once on a device; default: 1 on CPU, elsewhere all"
)

ALGORITHM_NAME = define_kind("algorithm", ALGORITHM, "maml", "meta-learner; none: only evaluate")
INNER_OPTIMIZER = define_kind("inner_optimizer", OPTIMIZER, "sgd", "of the inner loop")
INNER_STEPS = define(LearnerOptions, "inner_steps", "inner steps per outer step")
INNER_LEARNING_RATE = define_kind("inner_learning_rate", RATE, 1e-2, "of the inner loop")
INNER_POINTS = define(
    RunOptions, "inner_points", "random observations per inner step; 0: all of them"
)
OUTER_LEARNING_RATE = define(
    OuterOptions, "learning_rate", "of the outer Adam", "outer_learning_rate"
)
OUTER_SCHEDULE = define(
    OuterOptions, "schedule", "of the outer rate over --train_steps", "outer_schedule"
)
CLIP_NORM = define(OuterOptions, "clip_norm", "largest norm of the meta-gradient; 0: any")
TASKS_PER_STEP = define(OuterOptions, "tasks_per_step", "signals per outer step")
COARSE_STEPS = define(
    OuterOptions, "coarse_steps", "first so many outer steps see every second point per axis"
)
TRAIN_STEPS = define(OuterOptions, "train_steps", "outer steps")
EVAL_EVERY = define(OuterOptions, "eval_every", "outer steps between validations")
CHECKPOINT_EVERY = define(OuterOptions, "checkpoint_every", "outer steps between saves")
PROFILE = define(OuterOptions, "profile", "trace ten outer steps into WORKDIR/profile")

NUM_VALIDATION = define(
    TestOptions, "num_validation", "validation signals to fit in training, and to --tune with"
)
NUM_TEST = define(TestOptions, "num_test", "test signals to fit")
TEST_STEPS = define(RunOptions, "test_steps", "gradient steps of a test-time fit")
TEST_SCHEDULE = define(
    TestOptions, "schedule", "of the rate over the test-time steps", "test_schedule"
)
BASELINE_OPTIMIZER = define_kind(
    "baseline_optimizer", OPTIMIZER, "adam", "test-time optimizer of the other inits"
)
BASELINE_LEARNING_RATE = define_kind("baseline_learning_rate", RATE, 1e-4, "its rate")
TUNE = define(TestOptions, "tune", "find each init's best optimizer and rate on validation")
FINISH = define(
    TestOptions, "finish", "optimizer that learned inits go on with after their own steps"
)
FINISH_LEARNING_RATE = define(TestOptions, "finish_learning_rate", "its rate")
FINISH_AFTER = define(
    TestOptions, "finish_after", "so many steps; default: as many as the init was learned for"
)
INITS = define(TestOptions, "inits", "that are tested, beside --rivals")
INIT = define(RunOptions, "init", "evaluate this workdir, checkpoint or file of weights")
START = define(
    RunOptions, "start", "begin learning with the init of this workdir, checkpoint or file"
)
NETWORKS = define(
    RunOptions,
    "networks",
    "FIELD[:ACTIVATION],...: to compare from random weights, --algorithm=none",
)
RIVALS = define(
    RunOptions, "rivals", "NAME=WORKDIR,...: inits of other runs to test beside this one's"
)
SEEDS = define(RunOptions, "seeds", "trainings to repeat with other seeds")
TRAIN_SIGNALS = define(
    RunOptions,
    "train_signals",
    "numbers of training signals to compare, such as 0,1,10,100; 0: only inits that need none, "
    "--rivals among them; empty: all",
)
AUGMENT = define(
    RunOptions,
    "augment",
    "changes of training signals, as far as their class allows: flips, shifts, scales, colours",
)
TRAIN_SEEN = define(
    RunOptions,
    "train_seen",
    "no signal of training and validation is seen whole, but this share of its pixels, samples (as "
    "gaps) or frames, or so many projections, views or scanned sides; default: all",
)

FIELD_FLAGS = tuple(
    holder.name
    for holder in (
        FIELD, WIDTH, DEPTH, OMEGA, FIRST_OMEGA, FIRST_BIAS, SIGMA, ACTIVATION, OUTPUT_ACTIVATION,
        OUTPUT_OFFSET, OCTAVES, FREQUENCIES, FOURIER_SCALE, FOURIER_SEED, LEVELS, COARSEST, FINEST,
        TABLE_SIZE, LATENT_CELLS, LATENT_CHANNELS,
    )
)  # fmt: skip
_INNER_FLAGS = (
    INNER_OPTIMIZER.name, INNER_STEPS.name, INNER_LEARNING_RATE.name, INNER_POINTS.name,
)  # fmt: skip
_ALGORITHM_FLAGS = tuple(name for names in algorithm_flags.NAMES.values() for name in names)
_INIT_FLAGS = (*FIELD_FLAGS, *_INNER_FLAGS, *_ALGORITHM_FLAGS, RESOLUTION.name)
_EVALUATION_FLAGS = (
    NUM_VALIDATION.name, NUM_TEST.name, TEST_STEPS.name, TEST_SCHEDULE.name,
    BASELINE_OPTIMIZER.name,
    BASELINE_LEARNING_RATE.name, TUNE.name, FINISH.name, FINISH_LEARNING_RATE.name,
    FINISH_AFTER.name, INITS.name, NETWORKS.name, RIVALS.name, SEEDS.name,
    TRAIN_SIGNALS.name,
)  # fmt: skip
_CHANGEABLE_FLAGS = (
    WORKDIR.name, NUM_DEVICES.name, TASK_MICROBATCH.name, TRAIN_STEPS.name,
    EVAL_EVERY.name, CHECKPOINT_EVERY.name, PROFILE.name, *_EVALUATION_FLAGS,
)  # fmt: skip
_NEUTRAL_FLAGS = (WORKDIR.name, PROFILE.name, SEEDS.name, TRAIN_SIGNALS.name)


def configuration(experiment: Experiment) -> Config:
    """The configuration that the command line asks for, checked."""
    shared = flags.FLAGS.flags_by_module_dict()[__name__]
    own = [flags.FLAGS[holder.name] for group in experiment.flags for holder in group]
    learned = [flags.FLAGS[name] for name in _ALGORITHM_FLAGS]
    chosen = (*shared, *learned, *own)
    given = {flag.name for flag in chosen if flag.present}
    values = {flag.name: flag.value for flag in chosen}
    values |= {name: value for name, value in experiment.defaults.items() if name not in given}
    values |= {
        "experiment": experiment.name,
        "train_signals": [int(count) for count in values["train_signals"]],
    }
    values |= {"train_seen": _seen(experiment, values["train_seen"])}
    return _read(experiment, experiment.settle(values, given), given)


def _seen(experiment, value):
    """What is seen of a training signal, of the kind that the experiment says."""
    if value is None:
        return None
    if experiment.seen is None:
        raise UserError(
            f"--train_seen={value:g} has no meaning for {experiment.name}, whose signals have no "
            "parts that could be seen alone; leave it out"
        )
    with _refusing():
        return check("train_seen", value, experiment.seen)


def _read(experiment: Experiment, values: Values, given: Collection[str]) -> Config:
    with _refusing():
        return config_of(experiment, values, given)


@contextlib.contextmanager
def _refusing():
    """Names the flag of an option that cannot have a value."""
    try:
        yield
    except OptionError as error:
        raise UserError(
            f"--{error.name}={error.value} is not possible; give {error.expected}"
        ) from error


def init_flags(experiment: Experiment) -> tuple[str, ...]:
    """Names of the flags that an init is learned for, and with: it serves under these alone."""
    return (*_INIT_FLAGS, *(holder.name for holder in experiment.flags.init))


def changeable_flags(experiment: Experiment, config: Config) -> set[str]:
    """Names of those with other values of which a run may go on, computing the same but for
    rounding.
    """
    own = (*experiment.flags.evaluation, *experiment.flags.place)
    names = {*_CHANGEABLE_FLAGS, *(holder.name for holder in own)}
    if config.outer.schedule != "constant":
        names -= {TRAIN_STEPS.name}  # the schedule is stretched over them
    return names


def neutral_flags(experiment: Experiment) -> set[str]:
    """Names of those with other values of which results stay true."""
    return {*_NEUTRAL_FLAGS, *(holder.name for holder in experiment.flags.place)}
