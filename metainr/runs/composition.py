"""Inits made of other inits, without training: averages, arithmetic, modules, and a choice."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metainr.evaluation.choosing import choose
from metainr.evaluation.compare import entry
from metainr.evaluation.fitting import make_evaluate
from metainr.keys import branch
from metainr.reporting.measures import measure
from metainr.runs.comparison import Comparison, compare
from metainr.runs.fits import make_contenders
from metainr.runs.inits import Init, plain_init, start_params
from metainr.runs.options import Machine, TestOptions
from metainr.runs.problem import Problem, Setting
from metainr.training.data import first_signals
from metainr.types import Field, Key
from metainr.weights import arithmetic, average


class Trial(NamedTuple):
    """How inits are tried on a class of signals.

    problem, setting: the class with a network, and how fits are tested.
    options: of the tests.
    root: the run's key.
    machine: what to work with.
    """

    problem: Problem
    setting: Setting
    options: TestOptions
    root: Key
    machine: Machine

    def best(self, candidates: Mapping[str, Init]) -> tuple[str, Init]:
        """The candidate of the best mean on validation signals, with its name."""
        setting, key = self.setting, branch(self.root, "validate")
        signals = first_signals(self.problem.signals, "validation", self.options.num_validation)
        evaluate = make_evaluate(setting.make_task, setting.score, setting.view)
        contenders = self._contenders(candidates)
        sign = -1.0 if measure(setting.metric).lower_is_better else 1.0

        def value(name):
            fits = evaluate(contenders[name], signals, (setting.match_step,), key)
            mean = sign * float(fits.metrics[setting.metric][:, -1].mean())
            return mean if np.isfinite(mean) else -np.inf

        name = max(candidates, key=value)
        return name, candidates[name]

    def comparison(self, inits: Mapping[str, Init]) -> Comparison:
        """Of the inits on test signals."""
        given = self.problem, self.setting, inits, self.options, self.root, self.machine
        return compare(*given)

    def picks(self, inits: Mapping[str, Init]) -> list[str]:
        """Of every test signal the init that serves it best after one step."""
        key = branch(self.root, "test")
        signals = first_signals(self.problem.signals, "test", self.options.num_test)
        supports = [self.setting.make_task(signal, key).support for signal in signals]
        return choose(self._contenders(inits), supports, key)

    def _contenders(self, inits):
        given = self.problem.field, self.setting.objective, self.machine
        return make_contenders(inits, *given)


FACTORS = (0.25, 0.5, 0.75, 1.0)
_MORE = 3  # what the share of one class is to that of each other where it is larger


def averages(inits: Mapping[str, Init]) -> dict[str, Init]:
    """Averages of what was learned, by what they are: equal shares, and more of each class."""
    trees, count = [init.meta_params for init in inits.values()], len(inits)
    first = next(iter(inits.values()))
    made = {}
    for row in 1 + (_MORE - 1) * np.eye(count + 1, count, -1):
        shares = row / row.sum()
        said = " + ".join(f"{share:.2g} {name}" for share, name in zip(shares, inits))
        made[said] = first._replace(meta_params=average(trees, shares.tolist()))
    return made


def sums(inits: Mapping[str, Init], common: Init) -> dict[str, Init]:
    """The common ancestor with what each class learned beyond it, by the factor of that."""
    trees = [init.meta_params for init in inits.values()]
    differences = " + ".join(f"({name} − common)" for name in inits)
    return {
        f"common + {factor:g} × ({differences})": common._replace(
            meta_params=arithmetic(trees, common.meta_params, factor)
        )
        for factor in FACTORS
    }


def modules(inits: Mapping[str, Init], field: Field) -> dict[str, Init]:
    """One field of each init, of which the mean is fitted (`metainr.fields.mean_field`).

    A step by gradient descent moves that mean by a share of what it moves a single field by, so
    that rates are the first init's, and as many times that as there are fields.
    """
    params = {f"field_{i}": start_params(field, init) for i, init in enumerate(inits.values())}
    hyper = next(iter(inits.values())).hyper
    return {
        f"mean of {', '.join(inits)}, at {times} × their rate": plain_init(
            params, hyper._replace(learning_rate=times * hyper.learning_rate)
        )
        for times in (1, len(inits))
    }


def with_choice(comparison: Comparison, names: Sequence[str], picks: Sequence[str]) -> Comparison:
    """The comparison with one more init, "choice": of every signal the fit from the init picked.

    Args:
        comparison: of inits, all `names` among them.
        names: between which the choice was.
        picks: of every test signal the name of one.
    """
    inits = comparison.entry["inits"]
    metrics = {
        metric: np.array(
            [inits[pick]["metrics"][metric]["per_signal"][i] for i, pick in enumerate(picks)], float
        )
        for metric in inits[names[0]]["metrics"]
    }
    hows = [{part: inits[name][part] for part in ("optimizer", "learning_rate")} for name in names]
    how = hows[0] if all(other == hows[0] for other in hows) else {}
    chosen: dict[str, Any] = {"choice": {**how, **entry(metrics)}}
    shown = range(len(comparison.targets))
    frames = np.stack([comparison.frames[picks[i]][i] for i in shown])
    exports = [comparison.exports[picks[i]][i] for i in shown if comparison.exports[picks[i]]]
    return comparison._replace(
        entry={**comparison.entry, "inits": {**inits, **chosen}},
        frames={**comparison.frames, "choice": frames},
        exports={**comparison.exports, "choice": exports},
    )
