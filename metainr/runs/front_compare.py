"""The front door: `metainr.compare`."""

from collections.abc import Mapping, Sequence

import jax

from metainr.checks import SEED, Range, Share, check, kinds_of
from metainr.devices import own_settings
from metainr.errors import Option, UserError
from metainr.reporting.results import INITS
from metainr.runs.compared import Compared
from metainr.runs.comparison import compare as compare_in
from metainr.runs.inits import is_rival_name, make_inits
from metainr.runs.options import Machine, TestOptions
from metainr.runs.partial import tested_in_part
from metainr.runs.problem import with_match
from metainr.runs.run import Run
from metainr.training.room import check_signals
from metainr.training.workdir import environment
from metainr.types import Hyper, MakeOptimizer, SignalClass


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
    inits: Sequence[str] = INITS,
    test_seen: float | None = None,
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
        inits: which of the five take part; "mean" and "matched" are fitted first, which takes a
            while.
        test_seen: share of a signal's points that fits are shown, which are then measured on the
            others; None: all. Of runs that were learned on arrays.
        seed: of everything random.

    Raises:
        UserError: the run does not say what it was learned for, or there is nothing to test on.

    >>> table = metainr.compare(run, steps=(0, 2), inits=["standard", "meta"])  # of `learn`
    >>> table.mean("meta").shape  # PSNR after 0 and 2 steps
    (2,)
    """
    if run.problem is None:
        raise UserError("run: a file does not say how fits are tested; learn it, or load a workdir")
    problem = run.problem if signals is None else run.problem._replace(signals=signals)
    check("seed", seed, SEED)
    if test_seen is not None:
        if run.shape is None:
            raise UserError("test_seen: these signals have no points to show a share of")
        share = check("test_seen", test_seen, Share("points"))
        problem = tested_in_part(problem, share, run.shape, seed)
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
        check("inits", inits, kinds_of(TestOptions)["inits"]),
    )
    check_signals(problem.signals, "test", test.num_test, "num_test")
    root, machine = jax.random.key(seed), Machine()
    if bad := [name for name in rivals if not is_rival_name(name)]:
        raise UserError(
            f"a rival is called {bad[0]!r}; give ",
            Option("rivals"),
            " names of letters, digits, dots and dashes that no other init has",
        )
    others = {name: other.init for name, other in rivals.items()}
    entrants = make_inits(problem, run.init, others, test.baseline, root, machine, names=test.inits)
    comparisons = {}
    for name, setting in problem.settings.items():
        if steps is not None:
            chosen, match_step = with_match(_checked_steps(steps), run.init.learner.inner_steps)
            setting = setting._replace(steps=chosen, match_step=match_step)
        comparisons[name] = compare_in(problem, setting, entrants, test, root, machine)
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


def _checked_steps(steps):
    steps = tuple(check("steps", step, Range(0, 10**6)) for step in steps)
    if not steps or list(steps) != sorted(set(steps)):
        raise UserError(f"steps: {list(steps)} are no increasing step counts; give e.g. (0, 2, 20)")
    return steps
