"""Who is compared in a setting, and how each of them steps."""

import contextlib
from collections.abc import Callable, Mapping

from metainr.algorithms.finishing import Finish
from metainr.devices import is_first
from metainr.evaluation.fitting import Fits
from metainr.evaluation.tuning import RATES, best, candidates, tuned
from metainr.progress import SHORT, progress
from metainr.reporting.measures import measure
from metainr.runs.fits import finish_of, is_finished, make_contenders, settled
from metainr.runs.inits import Init
from metainr.runs.options import Machine, TestOptions
from metainr.runs.problem import Problem, Setting
from metainr.types import Contender


def contenders_of(
    inits: Mapping[str, Init],
    problem: Problem,
    setting: Setting,
    test: TestOptions,
    machine: Machine,
    fit: Callable[..., Fits],
) -> tuple[dict[str, Contender], dict[str, Finish]]:
    """The inits as contenders, and how those that were learned are finished.

    With `test.tune` each has the optimizer and rate, and then the finish the rate, of the best mean
    on validation: the former at the step of comparison, the latter at the last one.

    Args:
        inits: by name.
        problem, setting: what is compared on.
        test, machine: how.
        fit: (contender, steps=…) -> fits of the validation signals.
    """
    tried_in = setting.tuning or setting
    sign = -1.0 if measure(tried_in.metric).lower_is_better else 1.0

    def make(objective, finish):
        steps = setting.steps[-1]
        return make_contenders(
            inits, problem.field, objective, machine, test.schedule, steps, finish
        )

    finish = finish_of(test)
    contenders = make(setting.objective, finish)
    if test.tune:
        num_trials = sum(len(candidates(c, problem.rates)) for c in contenders.values())
        with _watching(fit, num_trials, steps=(setting.match_step,)) as look:
            found = {
                name: tuned(c, look, problem.rates, tried_in.metric, sign).hyper
                for name, c in make(tried_in.objective, finish).items()
            }
        contenders = {name: c._replace(hyper=found[name]) for name, c in contenders.items()}
    if finish is None:
        return contenders, {}
    finishes = {name: settled(finish, init) for name, init in inits.items() if is_finished(name)}
    if not test.tune:
        return contenders, finishes
    rates = dict.fromkeys((finish.learning_rate, *_rates(problem, finish.optimizer)))
    tried = [finish._replace(learning_rate=rate) for rate in rates]
    made = [make(tried_in.objective, one) for one in tried]
    with _watching(fit, len(finishes) * len(made), steps=(setting.steps[-1],)) as look:
        for name, own in finishes.items():
            hyper = contenders[name].hyper
            finished = [each[name]._replace(hyper=hyper) for each in made]
            chosen = tried[best(finished, look, tried_in.metric, sign)]
            contenders[name] = make(setting.objective, chosen)[name]._replace(hyper=hyper)
            finishes[name] = own._replace(learning_rate=chosen.learning_rate)
    return contenders, finishes


@contextlib.contextmanager
def _watching(fit, num_trials, **how):
    """The fits of trials of rates, with a bar that shows how many are done."""
    silent = not is_first()
    with progress(num_trials, "trial", "rates", silent=silent, delay=SHORT, leave=False) as bar:

        def look(contender):
            found = fit(contender, **how)
            bar.update()
            return found

        yield look


def _rates(problem, optimizer):
    return problem.rates.get(optimizer, RATES.get(optimizer, ()))
