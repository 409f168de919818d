"""The front door: `metainr.learn` and `metainr.compare`."""

import contextlib
import inspect
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from metainr import algorithms, fields
from metainr.checks import Range, check
from metainr.devices import check_devices, own_settings
from metainr.errors import Option, UserError
from metainr.evaluation.courses import name_of
from metainr.registry import look_up
from metainr.runs import learning, regression
from metainr.runs.compared import Compared
from metainr.runs.comparison import compare as compare_in
from metainr.runs.inits import Init, is_rival_name, make_inits
from metainr.runs.loading import GRIDS, IMAGES
from metainr.runs.options import LearnerOptions, Machine, OuterOptions, TestOptions
from metainr.runs.problem import Problem, spread_steps, with_match
from metainr.runs.run import Run
from metainr.runs.saved import OUTER_NAMES, OWN, learner_record
from metainr.signals import of_arrays
from metainr.training.room import check_signals
from metainr.training.workdir import check_checkpoints, environment, open_workdir
from metainr.types import Field, Hyper, MakeOptimizer, Objective, SignalClass

_CHANGEABLE = ("eval_every", "checkpoint_every")
_SEED, _STEPS, _POINTS = Range(0, 2**32 - 1), Range(1, 10**6), Range(0, 2**24)


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
    train_steps: int = 400,
    eval_every: int = 100,
    checkpoint_every: int = 100,
    num_validation: int = 8,
    test_steps: int = 20,
    seed: int = 0,
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
        train_steps, eval_every, checkpoint_every: outer steps in all, between validations and
            between saves.
        num_validation: signals that validation fits.
        test_steps: of the fits that `compare` makes unless it is told others.
        seed: of everything random.
        workdir: keeps checkpoints and metrics; the same call goes on with what it holds. None: the
            run leaves no files.
        field_options: of a field that is given by its name.

    Raises:
        UserError: in one line, for what cannot be, before anything is computed.
    """
    check_devices()
    check("seed", seed, _SEED)
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
        _require_nothing_more(field_options, objective, query)
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
        record |= described | {
            "experiment": IMAGES if len(shape) == 2 and channels == 3 else GRIDS,
            "shape": list(shape),
            "resolution": max(shape),
            "objective": None if objective is None else OWN,
            "data": name_of(dict(signals.sizes), first),
        }
    test = TestOptions(num_validation=num_validation)
    with _folder(workdir, record) as folder:
        meta_params = learning.learn(
            problem, learner, outer, test, seed, folder, record, Machine(), outer_optimizer
        )
    init = Init(meta_params, learner, learner.inner)
    return Run(problem.field, init, problem, None if shape is None else tuple(shape), record)


@own_settings()
def compare(
    run: Run,
    *,
    steps: Sequence[int] | None = None,
    signals: SignalClass | None = None,
    num_test: int = 100,
    num_validation: int = 8,
    tune: bool = False,
    rivals: Mapping[str, Run] = {},
    baseline_optimizer: str | MakeOptimizer = "adam",
    baseline_learning_rate: float = 1e-4,
    schedule: str = "constant",
    finish: str | None = None,
    finish_learning_rate: float = 1e-4,
    finish_after: int | None = None,
    seed: int = 0,
) -> Compared:
    """Fits test signals from what was learned and from four other inits.

    Those are random weights (standard), weights fitted to the mean training signal (mean), to the
    output of the learned init (matched), and the learned weights shuffled within each leaf.

    Args:
        run: what was learned.
        steps: increasing step counts to measure fits after; None: the problem's.
        signals: the class to test on; None: that it was learned on.
        num_test, num_validation: signals to fit, or as many as there are, and to tune on.
        tune: whether each init's optimizer and rate are searched on validation.
        rivals: other runs by name, of the same field's coordinates and values.
        baseline_optimizer, baseline_learning_rate: of inits that were not learned.
        schedule: of the rate over a fit, "constant" or "cosine"; with a finish, of its rate.
        finish: name of the optimizer that learned inits go on with; None: they keep their own.
        finish_learning_rate: its rate, unless it is tuned.
        finish_after: steps before; None: as many as the init was learned for.
        seed: of everything random.

    Raises:
        UserError: the run does not say what it was learned for, or there is nothing to test on.
    """
    if run.problem is None:
        raise UserError("run: a file does not say how fits are tested; learn it, or load a workdir")
    problem = run.problem if signals is None else run.problem._replace(signals=signals)
    sizes = problem.signals.sizes
    needed = ("test", "validation") if tune else ("test",)
    for split in needed:
        if not sizes[split]:
            raise UserError(f"signals: there are none for {split}; give signals= that have some")
    test = TestOptions(
        min(num_test, sizes["test"]),
        num_validation,
        schedule,
        Hyper(baseline_optimizer, baseline_learning_rate),
        tune,
        finish,
        finish_learning_rate,
        finish_after,
    )
    check_signals(problem.signals, "test", test.num_test, "num_test")
    root, machine = jax.random.key(check("seed", seed, _SEED)), Machine()
    if bad := [name for name in rivals if not is_rival_name(name)]:
        raise UserError(
            f"a rival is called {bad[0]!r}; give ",
            Option("rivals"),
            " names of letters, digits, dots and dashes that no other init has",
        )
    others = {name: other.init for name, other in rivals.items()}
    inits = make_inits(problem, run.init, others, test.baseline, root, machine)
    comparisons = {}
    for name, setting in problem.settings.items():
        if steps is not None:
            chosen, match_step = with_match(_checked_steps(steps), run.init.learner.inner_steps)
            setting = setting._replace(steps=chosen, match_step=match_step)
        comparisons[name] = compare_in(problem, setting, inits, test, root, machine)
    results = {
        "experiment": run.record["experiment"],
        "signal": run.record.get("signal"),
        "num_test": test.num_test,
        "train_steps": run.record.get("train_steps", 0),
        "config": dict(run.record),
        "environment": environment(),
        "instruments": {},
        "settings": {name: comparison.entry for name, comparison in comparisons.items()},
    }
    return Compared(results, comparisons)


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
    defaults = {name: option.default for name, option in signature.parameters.items()}
    options = options | {"in_dim": in_dim, "out_dim": out_dim}
    return fields.make(field, **options), {"field": field, **defaults, **options}


def _require_nothing_more(options, objective, query):
    given = [*options, *(["objective"] if objective else []), *(["query"] if query else [])]
    if given:
        raise UserError(
            f"{', '.join(given)}: a problem has its own field and objectives; leave them out, or "
            "make the problem with others"
        )


def _refuse_options(options):
    raise UserError(
        f"{', '.join(options)}: options of a field that is given by its name; leave them out, or "
        "give field= a name"
    )


def _checked_steps(steps):
    steps = tuple(check("steps", step, Range(0, 10**6)) for step in steps)
    if not steps or list(steps) != sorted(set(steps)):
        raise UserError(f"steps: {list(steps)} are no increasing step counts; give e.g. (0, 2, 20)")
    return steps


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
