"""Who takes part in a comparison: what was learned, and the inits that it is compared with."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import jax
from jax.sharding import Mesh

from metainr.devices import is_first
from metainr.errors import Option, UserError
from metainr.evaluation.baselines import FIT_LEARNING_RATE, fitted, shuffled
from metainr.keys import branch
from metainr.progress import SHORT, progress
from metainr.reporting.results import INITS
from metainr.runs.kept import Keep, keep_none
from metainr.runs.learners import make_algorithm
from metainr.runs.options import LearnerOptions, Machine
from metainr.runs.problem import Problem
from metainr.training.room import check_weights
from metainr.types import Contender, Field, Hyper, Key, MetaParams, Params

_MEAN_OVER = 256
_BASELINE = LearnerOptions("maml")  # its loop adapts all weights
_FIT = LearnerOptions("maml", inner=Hyper("adam", FIT_LEARNING_RATE))


class Init(NamedTuple):
    """Meta-parameters with the learner whose loop adapts them.

    hyper: that the loop steps by, unless it is tuned.
    fit_error: what is left of the loss of an init that was fitted.
    """

    meta_params: MetaParams
    learner: LearnerOptions
    hyper: Hyper
    fit_error: float | None = None


def make_inits(
    problem: Problem,
    learned: Init | None,
    rivals: Mapping[str, Init],
    baseline: Hyper,
    root: Key,
    machine: Machine,
    mesh: Mesh | None = None,
    names: Collection[str] = INITS,
    keep: Keep = keep_none,
    most: int | None = None,
) -> dict[str, Init]:
    """The learned init and those to compare it with, by name; without it, those that need none.

    standard: random weights; mean: fitted to the mean training signal, of which a class without
    training signals has none; matched: fitted to the output of the learned init; shuffled: its
    weights in another order within each leaf. The last two are made from the field's weights that
    the learned loop starts with. Source: Tancik et al., CVPR 2021, section 4.

    Args:
        problem: what is compared on.
        learned: the init called "meta".
        rivals: inits of other runs, by name.
        baseline: optimizer and rate of those that were not learned.
        root: the run's key.
        machine: what to work with.
        mesh: of this process' devices.
        names: of the five that take part; the others are not made.
        keep: what gives those that are fitted.
        most: training signals that are known, for the mean; None: all.

    Raises UserError if none is left.
    """
    standard = standard_params(problem.field, root)

    def fit(name, objective, support, key):
        learner = make_algorithm(_FIT, problem.field, objective, objective, machine)
        contender = Contender(standard, learner.make_inner, _FIT.inner)

        def make():
            params, error = fitted(contender, support, key, mesh)
            return params, float(error)

        params, error = keep(name, standard, support, make)
        return plain_init(params, baseline, error)

    known = problem.signals.sizes["train"] if most is None else most
    count = min(_MEAN_OVER, known)
    made = {"standard": lambda: plain_init(standard, baseline)}
    if count:
        made["mean"] = lambda: fit(
            "mean", problem.inner, problem.mean_support(count), branch(root, "mean")
        )
    if learned is not None:
        params = start_params(problem.field, learned)
        made["matched"] = lambda: fit("matched", problem.matching, params, branch(root, "match"))
        made["shuffled"] = lambda: plain_init(shuffled(params, branch(root, "shuffle")), baseline)
        made["meta"] = lambda: learned
    made = {name: make for name, make in made.items() if name in names}
    if not made and not rivals:
        raise UserError(
            f"there is no {' or '.join(names)} init to test here; give ",
            Option("inits"),
            " that need nothing learned, such as standard",
        )
    inits = {}
    with progress(
        len(made), "init", "inits", silent=not is_first(), delay=SHORT, leave=False
    ) as bar:
        for name, make in made.items():
            inits[name] = make()
            bar.update()
    return inits | dict(rivals)


def is_rival_name(name: str, taken: Collection[str] = ()) -> bool:
    """Whether tables, pages and files can call an init that: it is plain, short and new."""
    return bool(re.fullmatch(r"[\w.+-]{1,40}", name)) and name not in (*INITS, *taken)


def standard_params(field: Field, root: Key) -> Params:
    """Random weights that no training starts from. Raises UserError if memory lacks the room."""
    check_weights(jax.eval_shape(field.init, root))
    return field.init(branch(root, "standard"))


def plain_init(params: Params, hyper: Hyper, fit_error: float | None = None) -> Init:
    """Weights of a field, with the loop that adapts all of them."""
    return Init(params, _BASELINE, hyper, fit_error)


def standard_init(field: Field, hyper: Hyper, root: Key) -> Init:
    """Random weights, with the loop that adapts all of them."""
    return plain_init(standard_params(field, root), hyper)


def start_params(field: Field, init: Init) -> Params:
    """The field's weights with which the loop of an init starts."""
    algorithm = make_algorithm(init.learner, field, (), (), Machine())
    inner = algorithm.make_inner(init.hyper)
    return inner.params(inner.init(init.meta_params))
