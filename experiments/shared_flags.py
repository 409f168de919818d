"""The flags that experiments share, and the run's configuration read from them once."""

from types import SimpleNamespace

import jax
from absl import flags
from jax.sharding import Mesh

from experiments import algorithm_flags
from experiments.experiment import Experiment
from metainr import algorithms, devices, fields
from metainr.algorithms.optimizers import REGISTRY as OPTIMIZERS
from metainr.errors import UserError
from metainr.numerics import Summation, default_chunk_size
from metainr.runs.options import LearnerOptions, Machine, OuterOptions, TestOptions
from metainr.types import Field, Hyper

_D = fields.FieldOptions()

WORKDIR = flags.DEFINE_string("workdir", "runs/latest", "folder of the run; a run in it goes on")
SEED = flags.DEFINE_integer("seed", 0, "seed of weights, data order and generated signals", 0)
SIGNAL = flags.DEFINE_string("signal", None, "class of signals; default: the experiment's own")
RESOLUTION = flags.DEFINE_integer("resolution", 178, "side of the images, in pixels", 2)

FIELD = flags.DEFINE_enum("field", "siren", list(fields.REGISTRY), "coordinate network")
WIDTH = flags.DEFINE_integer("width", _D.width, "hidden units per layer", 1)
DEPTH = flags.DEFINE_integer("depth", _D.depth, "linear layers, the last one included", 2)
OMEGA = flags.DEFINE_float(
    "omega", _D.omega, "frequency of sine layers (SIREN, ...), radians", 1e-6
)
FIRST_OMEGA = flags.DEFINE_float("first_omega", _D.first_omega, "of the first layer", 1e-6)
FIRST_BIAS = flags.DEFINE_float("first_bias", _D.first_bias, "largest of FINER's first layer", 0)
SIGMA = flags.DEFINE_float("sigma", _D.sigma, "std of Gaussian activations, WIRE's windows", 1e-6)
ACTIVATION = flags.DEFINE_string("activation", _D.activation, "of MLPs: relu, tanh, softplus, ...")
OUTPUT_ACTIVATION = flags.DEFINE_string(
    "output_activation", _D.output_activation, "of MLPs' last layer: identity, sigmoid, ..."
)
OUTPUT_OFFSET = flags.DEFINE_float("output_offset", _D.output_offset, "added to the field's values")
OCTAVES = flags.DEFINE_float("octaves", _D.octaves, "highest octave of the positional encoding", 0)
FREQUENCIES = flags.DEFINE_integer("frequencies", _D.frequencies, "of the positional encoding", 1)
FOURIER_SCALE = flags.DEFINE_float("fourier_scale", _D.fourier_scale, "std of Fourier features", 0)
FOURIER_SEED = flags.DEFINE_integer("fourier_seed", _D.fourier_seed, "seed of Fourier features", 0)
LEVELS = flags.DEFINE_integer("levels", _D.levels, "of the hash grid", 1)
COARSEST = flags.DEFINE_integer("coarsest", _D.coarsest, "cells per axis of its first level", 1)
FINEST = flags.DEFINE_integer("finest", _D.finest, "cells per axis of its last level", 1)
TABLE_SIZE = flags.DEFINE_integer("table_size", _D.table_size, "most entries of a level's table", 1)

COMPUTE_DTYPE = flags.DEFINE_enum(
    "compute_dtype", _D.compute_dtype, ["float32", "bfloat16"],
    "factors of the hidden layers' products",
)  # fmt: skip
CHUNK_SIZE = flags.DEFINE_integer(
    "chunk_size", None, "field evaluations at a time, 0 for all; default: what suits the machine", 0
)

NUM_DEVICES = flags.DEFINE_integer("num_devices", None, "to use per process; default: all", 1)
TASK_MICROBATCH = flags.DEFINE_integer(
    "task_microbatch", None, "tasks at once on a device; default: 1 on CPU, elsewhere all", 1
)

ALGORITHM = flags.DEFINE_enum(
    "algorithm", "maml", [*algorithms.REGISTRY, "none"], "meta-learner; none: only evaluate"
)
INNER_OPTIMIZER = flags.DEFINE_enum("inner_optimizer", "sgd", list(OPTIMIZERS), "of the inner loop")
INNER_STEPS = flags.DEFINE_integer("inner_steps", 2, "inner steps per outer step", 1)
INNER_LEARNING_RATE = flags.DEFINE_float("inner_learning_rate", 1e-2, "of the inner loop", 0)
INNER_POINTS = flags.DEFINE_integer(
    "inner_points", 0, "random observations per inner step; 0: all of them", 0
)
OUTER_LEARNING_RATE = flags.DEFINE_float("outer_learning_rate", 1e-5, "of the outer Adam", 0)
OUTER_SCHEDULE = flags.DEFINE_enum(
    "outer_schedule", "constant", ["constant", "cosine"], "of the outer rate over --train_steps"
)
CLIP_NORM = flags.DEFINE_float("clip_norm", 0, "largest norm of the meta-gradient; 0: any", 0)
TASKS_PER_STEP = flags.DEFINE_integer("tasks_per_step", 3, "signals per outer step", 1)
TRAIN_STEPS = flags.DEFINE_integer("train_steps", 150_000, "outer steps", 0)
EVAL_EVERY = flags.DEFINE_integer("eval_every", 1_000, "outer steps between validations", 1)
CHECKPOINT_EVERY = flags.DEFINE_integer("checkpoint_every", 500, "outer steps between saves", 1)
PROFILE = flags.DEFINE_bool("profile", False, "trace ten outer steps into WORKDIR/profile")

NUM_VALIDATION = flags.DEFINE_integer(
    "num_validation", 8, "validation signals to fit in training, and to --tune with", 1
)
NUM_TEST = flags.DEFINE_integer("num_test", 100, "test signals to fit", 1)
TEST_STEPS = flags.DEFINE_integer("test_steps", 50, "gradient steps of a test-time fit", 1)
TEST_SCHEDULE = flags.DEFINE_enum(
    "test_schedule", "constant", ["constant", "cosine"], "of the rate over the test-time steps"
)
BASELINE_OPTIMIZER = flags.DEFINE_enum(
    "baseline_optimizer", "adam", list(OPTIMIZERS), "test-time optimizer of the other inits"
)
BASELINE_LEARNING_RATE = flags.DEFINE_float("baseline_learning_rate", 1e-4, "its rate", 0)
TUNE = flags.DEFINE_bool("tune", False, "find each init's best optimizer and rate on validation")
INIT = flags.DEFINE_string("init", None, "evaluate this workdir, checkpoint or file of weights")
NETWORKS = flags.DEFINE_list(
    "networks", [], "FIELD[:ACTIVATION],...: to compare from random weights, --algorithm=none"
)
RIVALS = flags.DEFINE_list(
    "rivals", [], "NAME=WORKDIR,...: inits of other runs to test beside this one's"
)
SEEDS = flags.DEFINE_integer("seeds", 1, "trainings to repeat with other seeds", 1)
TRAIN_SIGNALS = flags.DEFINE_list(
    "train_signals", [], "numbers of training signals to compare, such as 10,100,1000; empty: all"
)

FIELD_FLAGS = tuple(
    holder.name
    for holder in (
        FIELD, WIDTH, DEPTH, OMEGA, FIRST_OMEGA, FIRST_BIAS, SIGMA, ACTIVATION, OUTPUT_ACTIVATION,
        OUTPUT_OFFSET, OCTAVES, FREQUENCIES, FOURIER_SCALE, FOURIER_SEED, LEVELS, COARSEST, FINEST,
        TABLE_SIZE,
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
    BASELINE_LEARNING_RATE.name, TUNE.name, NETWORKS.name, RIVALS.name, SEEDS.name,
    TRAIN_SIGNALS.name,
)  # fmt: skip
_CHANGEABLE_FLAGS = (
    WORKDIR.name, NUM_DEVICES.name, TASK_MICROBATCH.name, TRAIN_STEPS.name,
    EVAL_EVERY.name, CHECKPOINT_EVERY.name, PROFILE.name, *_EVALUATION_FLAGS,
)  # fmt: skip
_NEUTRAL_FLAGS = (WORKDIR.name, PROFILE.name, SEEDS.name, TRAIN_SIGNALS.name)


def configuration(experiment: Experiment) -> SimpleNamespace:
    """The values of the shared flags and of the experiment's own by name, checked."""
    shared = flags.FLAGS.flags_by_module_dict()[__name__]
    own = [flags.FLAGS[holder.name] for group in experiment.flags for holder in group]
    learned = [flags.FLAGS[name] for name in _ALGORITHM_FLAGS]
    config = SimpleNamespace(**{flag.name: flag.value for flag in (*shared, *learned, *own)})
    for name, value in experiment.defaults.items():
        if not flags.FLAGS[name].present:
            setattr(config, name, value)
    config.experiment = experiment.name
    config.train_signals = [_count(text) for text in config.train_signals]
    if config.train_signals and config.seeds > 1:
        raise UserError("--seeds and --train_signals each repeat the training; give one of them")
    return experiment.settle(config)


def init_flags(experiment: Experiment) -> tuple[str, ...]:
    """Names of the flags that an init is learned for, and with: it serves under these alone."""
    return (*_INIT_FLAGS, *(holder.name for holder in experiment.flags.init))


def changeable_flags(experiment: Experiment, config: SimpleNamespace) -> set[str]:
    """Names of those with other values of which a run may go on, computing the same but for
    rounding.
    """
    own = (*experiment.flags.evaluation, *experiment.flags.place)
    names = {*_CHANGEABLE_FLAGS, *(holder.name for holder in own)}
    if config.outer_schedule != "constant":
        names -= {TRAIN_STEPS.name}  # the schedule is stretched over them
    return names


def neutral_flags(experiment: Experiment) -> set[str]:
    """Names of those with other values of which results stay true."""
    return {*_NEUTRAL_FLAGS, *(holder.name for holder in experiment.flags.place)}


def make_field(config: SimpleNamespace, in_dim: int, out_dim: int) -> Field:
    """The coordinate network that the field flags describe."""
    values = {name: getattr(config, name) for name in FIELD_FLAGS if name != FIELD.name}
    options = fields.FieldOptions(
        in_dim=in_dim, out_dim=out_dim, compute_dtype=config.compute_dtype, **values
    )
    return fields.make(config.field, options)


def make_mesh(config: SimpleNamespace) -> Mesh | None:
    """The mesh of the devices to use, on which the tasks of a step can be divided."""
    found = jax.devices()
    available = len(jax.local_devices())
    per_process = config.num_devices or available
    if per_process > available:
        raise UserError(
            f"--num_devices={per_process} is more than the {available} there are; leave it out to "
            "use all"
        )
    used = [
        device
        for process in range(jax.process_count())
        for device in [d for d in found if d.process_index == process][:per_process]
    ]
    trains = config.algorithm != "none" and config.init is None
    return devices.make_mesh(config.tasks_per_step if trains else len(used), used)


def make_summation(config: SimpleNamespace, axis_name: str | None = None) -> Summation:
    """How the flags want sums over observations taken; `axis_name` as in `Summation`."""
    size = config.chunk_size
    size = default_chunk_size(config.width) if size is None else size or None
    return Summation(size, axis_name)


def make_machine(config: SimpleNamespace, mesh: Mesh | None = None) -> Machine:
    """What the flags want a run to work with."""
    summation = make_summation(config, devices.observation_axis(mesh))
    return Machine(mesh, summation, config.task_microbatch)


def learner_options(config: SimpleNamespace, algorithm: str) -> LearnerOptions:
    """An algorithm with the inner loop of the flags; "none": the loop that adapts all weights."""
    algorithm = "maml" if algorithm == "none" else algorithm
    return LearnerOptions(
        algorithm,
        algorithm_flags.options_of(algorithm, config),
        Hyper(config.inner_optimizer, config.inner_learning_rate),
        config.inner_steps,
    )


def outer_options(config: SimpleNamespace) -> OuterOptions:
    """The outer loop."""
    return OuterOptions(
        config.outer_learning_rate,
        config.outer_schedule,
        config.clip_norm,
        config.tasks_per_step,
        config.train_steps,
        config.eval_every,
        config.checkpoint_every,
        config.train_signals[0] if config.train_signals else None,
        config.profile,
    )


def test_options(config: SimpleNamespace) -> TestOptions:
    """The comparison on unseen signals."""
    return TestOptions(
        config.num_test,
        config.num_validation,
        config.test_schedule,
        baseline(config),
        config.tune,
    )


def baseline(config: SimpleNamespace) -> Hyper:
    """Optimizer and rate of inits that were not learned."""
    return Hyper(config.baseline_optimizer, config.baseline_learning_rate)


def _count(text):
    if not text.strip().isdigit() or int(text) < 1:
        raise UserError(f"--train_signals: {text!r} is not a number of signals; give e.g. 10,100")
    return int(text)
