"""The front door: `metainr.learn`."""

import contextlib
import inspect
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optax

from metainr import algorithms, fields
from metainr.checks import SEED, Choice, Each, Range, Share, check
from metainr.devices import check_devices, own_settings
from metainr.errors import UserError
from metainr.evaluation.courses import name_of
from metainr.objectives import pixel_grid
from metainr.registry import look_up
from metainr.runs import learning, regression
from metainr.runs.inits import Init
from metainr.runs.loading import GRIDS, IMAGES
from metainr.runs.options import LearnerOptions, Machine, OuterOptions, TestOptions
from metainr.runs.partial import Grid, learned_from_points
from metainr.runs.problem import Problem, augmented, spread_steps, with_match
from metainr.runs.run import Run
from metainr.runs.saved import OUTER_NAMES, OWN, init_of, learner_record, read_saved
from metainr.runs.starts import ANCESTOR, fingerprint
from metainr.signals import of_arrays
from metainr.signals.augmentation import KINDS, of_pictures
from metainr.signals.partial import scattered
from metainr.training.workdir import check_checkpoints, open_workdir
from metainr.types import Field, Hyper, MakeOptimizer, Objective, SignalClass

_CHANGEABLE = ("eval_every", "checkpoint_every")
_STEPS, _POINTS = Range(1, 10**6), Range(0, 2**24)


@own_settings()
def learn(
    data: SignalClass | Problem | np.ndarray | Sequence[np.ndarray],
    *,
    field: str | Field = "siren",
    algorithm: str = "maml",
    algorithm_options: Mapping[str, Any] = {},
    inner_optimizer: str | MakeOptimizer = "sgd",
    inner_learning_rate: float = 1e-2,
    inner_steps: int = 2,
    inner_points: int = 0,
    objective: Objective | None = None,
    query: Objective | None = None,
    outer_optimizer: optax.GradientTransformation | None = None,
    outer_learning_rate: float = 1e-4,
    outer_schedule: str = "constant",
    clip_norm: float = 0.0,
    tasks_per_step: int = 1,
    coarse_steps: int = 0,
    train_seen: float | None = None,
    augment: Sequence[str] = (),
    train_steps: int = 400,
    eval_every: int = 100,
    checkpoint_every: int = 100,
    num_validation: int = 8,
    test_steps: int = 20,
    seed: int = 0,
    start: Run | str | Path | None = None,
    workdir: str | Path | None = None,
    **field_options: int | float | str,
) -> Run:
    """Meta-learns an init for a class of signals.

    Args:
        data: images [n, h, w, c] or any other signals of `metainr.signals`, or a whole problem
            (`metainr.runs.problem.Problem`), which then settles field, objectives and tests.
        field: a name of `metainr.fields.REGISTRY`, its options being keywords such as `width=64`;
            or a field itself.
        algorithm: a name of `metainr.algorithms.REGISTRY`.
        algorithm_options: its own, such as {"latent": 128} of modulations.
        inner_optimizer: a name, or a function learning rate -> optax optimizer.
        inner_learning_rate, inner_steps: of the inner loop.
        inner_points: random points that an inner step sees; 0: all.
        objective: what inner steps lower: terms whose draws read `metainr.objectives.Samples`;
            None: the mean squared error.
        query: what the outer loss scores; None: as the inner steps.
        outer_optimizer: any optax optimizer; None: Adam of the rate, schedule ("constant" or
            "cosine") and clipping below.
        tasks_per_step: signals of an outer step.
        coarse_steps: so many outer steps come first that see every second point along each axis,
            at a fraction of the cost.
        train_seen: share of the points that is seen of each signal in training and validation, for
            good; half of it is shown to the inner steps, the other scored. None: all.
        augment: changes of training images, some of "flips", "shifts", "scales" and "colours".
        train_steps, eval_every, checkpoint_every: outer steps in all, between validations and
            between saves.
        num_validation: signals that validation fits.
        test_steps: of the fits that `compare` makes unless it is told others.
        seed: of everything random.
        start: what learning begins with: a run with the same field and algorithm, or its workdir or
            file; None: random weights.
        workdir: keeps checkpoints and metrics; the same call goes on with what it holds. None: the
            run leaves no files.
        field_options: of a field that is given by its name.

    Raises:
        UserError: in one line, for what cannot be, before anything is computed.

    >>> images = np.random.default_rng(0).uniform(size=(20, 12, 12))  # [n, h, w] in [0, 1]
    >>> run = metainr.learn(images, width=16, depth=2, train_steps=2)
    2 steps in ...
    >>> run.shape
    (12, 12)
    """
    check_devices()
    check("seed", seed, SEED)
    check("test_steps", test_steps, _STEPS)
    check("inner_points", inner_points, _POINTS)
    learner = LearnerOptions(
        algorithm,
        _algorithm_options(algorithm, algorithm_options),
        Hyper(inner_optimizer, inner_learning_rate),
        inner_steps,
    )
    outer = OuterOptions(
        outer_learning_rate,
        outer_schedule,
        clip_norm,
        tasks_per_step,
        coarse_steps,
        train_steps,
        eval_every,
        checkpoint_every,
    )
    record = {"algorithm": algorithm, "inner_points": inner_points, "seed": seed}
    record |= learner_record(learner) | {
        OUTER_NAMES.get(k, k): v for k, v in outer._asdict().items()
    }
    shape = None
    if isinstance(data, Problem):
        _require_nothing_more(field_options, objective, query, train_seen, augment)
        problem = data
        record |= {"experiment": "problem", "field": None}
    else:
        signals = data if isinstance(data, SignalClass) else of_arrays(data, seed=seed)
        first = _first(signals)
        *shape, channels = first.shape
        made, described = _field(field, field_options, len(shape), channels)
        steps, match_step = with_match(spread_steps(test_steps), inner_steps)
        problem = regression.of_grid(
            made, signals, shape, steps, match_step, inner_steps, inner_points, objective, query
        )
        if train_seen is not None or augment:
            _require_one(train_seen, augment, objective or query, len(shape))
            problem = _changed(
                problem, signals, tuple(shape), train_seen, augment, inner_points, seed
            )
        record |= described | {
            "experiment": IMAGES if len(shape) == 2 and channels == 3 else GRIDS,
            "shape": list(shape),
            "resolution": max(shape),
            "objective": None if objective is None else OWN,
            "train_seen": train_seen,
            "data": name_of(dict(signals.sizes), first),
        }
    record |= {"augment": list(augment)} if augment else {}
    begun = None if start is None else _begun(start, problem.field, learner, record)
    record |= {} if begun is None else {ANCESTOR: fingerprint(begun)}
    test = TestOptions(num_validation=num_validation)
    with _folder(workdir, record) as folder:
        meta_params = learning.learn(
            problem, learner, outer, test, seed, folder, record, Machine(), outer_optimizer, begun
        )
    init = Init(meta_params, learner, learner.inner)
    return Run(problem.field, init, problem, None if shape is None else tuple(shape), record)


def _begun(start, field, learner, record):
    """The meta-parameters that learning begins with. Raises UserError if they are of another one's.

    Names and options of fields are compared where both are known.
    """
    run = isinstance(start, Run)
    source = "start" if run else str(start)
    weights, known = (start.init.meta_params, start.record) if run else read_saved(start)
    names = (
        inspect.signature(fields.REGISTRY[record["field"]]).parameters if record["field"] else ()
    )
    for name in ("field", *names):
        if name in known and name in record and known[name] != record[name]:
            raise UserError(
                f"{source} was learned with {name}={known[name]}, and this run has "
                f"{name}={record[name]}; give the same"
            )
    return init_of(weights, learner, field, source).meta_params


def _algorithm_options(algorithm, values):
    options = look_up("algorithm", algorithm, algorithms.REGISTRY).options
    for name in values:
        look_up(f"option of {algorithm}", name, dict.fromkeys(options._fields))
    return options(**values)


def _first(signals):
    if not signals.sizes["train"]:
        raise UserError("data: there are no training signals; give a class that has some")
    first = signals.get("train", 0)
    if not isinstance(first, np.ndarray) or first.ndim < 2:
        raise UserError(
            f"data: signals of type {type(first).__name__} are no arrays [*shape, c]; give a "
            "metainr.runs.problem.Problem, which says how they are observed"
        )
    return first


def _field(field, options, in_dim, out_dim):
    """The field, and its record."""
    if not isinstance(field, str):
        if options:
            _refuse_options(options)
        fields.check_field(field, in_dim, out_dim)
        return field, {"field": None}
    signature = inspect.signature(look_up("field", field, fields.REGISTRY))
    own = inspect.signature(learn).parameters.values()
    named = [option.name for option in own if option.kind is option.KEYWORD_ONLY]
    for name in options:
        look_up(f"option of learn or {field}", name, dict.fromkeys([*named, *signature.parameters]))
    defaults = {name: option.default for name, option in signature.parameters.items()}
    options = options | {"in_dim": in_dim, "out_dim": out_dim}
    return fields.make(field, **options), {"field": field, **defaults, **options}


def _require_nothing_more(options, objective, query, train_seen, augment):
    more = {"objective": objective, "query": query, "train_seen": train_seen}
    more |= {"augment": augment or None}
    given = [*options, *(name for name, value in more.items() if value is not None)]
    if given:
        raise UserError(
            f"{', '.join(given)}: a problem has its own field, signals and objectives; leave them "
            "out, or make the problem with others"
        )


def _require_one(train_seen, augment, own_loss, axes):
    """Raises UserError for what cannot be asked for together, or of such signals."""
    if augment and axes != 2:
        raise UserError(f"augment: signals of {axes} axes are no images; leave it out")
    if train_seen is not None and (augment or own_loss):
        raise UserError(
            "train_seen: together with augment, objective or query it is not possible: these are "
            "of whole signals; leave one of them out"
        )


def _changed(problem, signals, shape, train_seen, augment, inner_points, seed):
    """The problem with signals that are seen in part, or changed."""
    if augment:
        kinds = check("augment", augment, Each(Choice(KINDS), "flips,shifts"))
        return augmented(problem, of_pictures(kinds))
    share = check("train_seen", train_seen, Share("points"))
    places = scattered(math.prod(shape), share, "points")
    grid = Grid(pixel_grid(shape), shape, axes=len(shape))
    return learned_from_points(problem, signals, places, grid, inner_points, seed)


def _refuse_options(options):
    raise UserError(
        f"{', '.join(options)}: options of a field that is given by its name; leave them out, or "
        "give field= a name"
    )


@contextlib.contextmanager
def _folder(workdir: str | Path | None, record: Mapping[str, Any]) -> Iterator[Path]:
    if workdir is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        # A schedule is stretched over the steps: with others it is another run.
        steps = ("train_steps",) if record["outer_schedule"] == "constant" else ()
        changeable = (*_CHANGEABLE, *steps)
        with open_workdir(workdir, record, changeable) as folder:
            check_checkpoints(folder, record, changeable)
            yield folder
