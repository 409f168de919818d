"""What learning did to the field of one run: all measurements of `experiments.anatomy`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.config import Config
from experiments.images.image_flags import ImageFiles
from metainr.algorithms import adapt
from metainr.devices import in_float64
from metainr.errors import UserError
from metainr.evaluation.anatomy.adaptation import changes
from metainr.evaluation.anatomy.bounds import pac_bayes
from metainr.evaluation.anatomy.kernel import alignment, spectrum, tangent_kernel
from metainr.evaluation.anatomy.landscape import make_barrier
from metainr.evaluation.fitting import make_evaluate
from metainr.keys import branch
from metainr.objectives import pixel_grid
from metainr.progress import SHORT, progress
from metainr.runs.fits import fit, make_contenders
from metainr.runs.inits import Init, make_inits, start_params
from metainr.runs.learners import make_algorithm
from metainr.runs.learning import num_seen, seen_signals
from metainr.runs.options import Machine
from metainr.runs.problem import Problem
from metainr.runs.regression import grid_objectives, render
from metainr.training.data import first_signals
from metainr.types import Hyper

_KERNEL_SIDE = 32  # points per axis
_INITS = ("standard", "mean", "shuffled", "meta")
_MOST_BOUND = 512  # training signals


class Dissected(NamedTuple):
    """What was found of a run, as JSON, and the leading eigenvectors of each init as pictures."""

    record: dict[str, Any]
    eigenvectors: dict[str, np.ndarray]


def dissected(
    problem: Problem,
    learned: Init,
    config: Config[ImageFiles],
    machine: Machine,
    kernel_signals: int,
    fitted_signals: int,
    long_steps: int,
) -> Dissected:
    """All that is measured of a run.

    Args:
        problem: what it was learned for.
        learned: what it learned.
        config: its flags.
        machine: what to work with.
        kernel_signals, fitted_signals: test signals to measure the energy of, and to fit.
        long_steps: of fits between which barriers are looked for.
    """
    root = jax.random.key(config.run.seed)
    inits = make_inits(problem, learned, {}, config.test.baseline, root, machine, names=_INITS)
    tests = first_signals(problem.signals, "test", max(kernel_signals, fitted_signals))
    if len(tests) < 2:
        raise UserError(
            f"--signal={config.run.signal} has {len(tests)} test signals; two are needed at least"
        )
    seen = seen_signals(problem, learned.learner, config.outer, config.run.seed, _MOST_BOUND + 1)
    few, steps = tests[:fitted_signals], learned.learner.inner_steps
    measurements = {
        "changes": lambda: {
            name: _changes(problem, inits[name], machine, few, steps, root)
            for name in ("standard", "meta")
        },
        "barriers": lambda: _barriers(problem, inits, machine, few, long_steps, root),
        "gap": lambda: _gap(problem, learned, config, machine, seen, few, root),
        "bound": lambda: _bound(problem, learned, machine, seen, root),
    }
    count = len(inits) + len(measurements)
    with progress(count, "measurement", "anatomy", delay=SHORT, leave=False) as bar:
        kernels, pictures, found = {}, {}, {}
        for name, init in inits.items():
            kernels[name], pictures[name] = _kernel(problem, init, machine, tests[:kernel_signals])
            bar.update()
        for name, measured in measurements.items():
            found[name] = measured()
            bar.update()
    record = {
        "signal": config.run.signal,
        "resolution": config.run.resolution,
        "inner_steps": steps,
        "long_steps": long_steps,
        "kernel": kernels,
        **found,
    }
    return Dissected(record, pictures)


def _kernel(problem, init, machine, signals):
    side = min(_KERNEL_SIDE, signals[0].shape[0])
    rows = np.linspace(0, signals[0].shape[0] - 1, side).round().astype(int)
    coords = pixel_grid(signals[0].shape[:2]).reshape(*signals[0].shape[:2], 2)
    coords = coords[np.ix_(rows, rows)].reshape(-1, 2)
    # Each channel is a signal of its own; the kernel has them summed.
    chosen = np.stack(
        [signal[np.ix_(rows, rows)].reshape(-1, signal.shape[-1]).T for signal in signals]
    )
    with in_float64():
        exact = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), init.meta_params)
        algorithm = make_algorithm(
            init.learner, problem.field, problem.inner, problem.query, machine
        )
        inner = algorithm.make_inner(init.hyper)
        state = inner.init(exact)

        def values(adapted, points):
            return problem.field.apply(inner.params(state._replace(adapted=adapted)), points)

        kernel = tangent_kernel(values, state.adapted, jnp.asarray(coords, jnp.float64))
    found = alignment(kernel, chosen.reshape(-1, side * side).astype(float))
    leading = spectrum(kernel).vectors[:, :6].T.reshape(6, side, side)
    record = found._asdict() | {"energy": found.energy[_places(len(found.energy))]}
    return record | {"places": 1 + _places(len(found.energy))}, leading


def _places(count):
    """Where a curve over so many eigenvectors is kept: all of the first, then ever fewer."""
    return np.unique(np.geomspace(1, count, 60).round().astype(int)) - 1


def _fits(problem, inits, machine, signals, steps, key, points=0):
    """The field's weights after so many steps on each signal, by init."""
    objective = problem.settings["default"].objective
    if points:
        objective, _ = grid_objectives(signals[0].shape[:2], points)
    contenders = make_contenders(inits, problem.field, objective, machine)
    supports = [problem.make_task(signal, key).support for signal in signals]
    return fit(contenders, supports, key, steps)


def _changes(problem, init, machine, signals, steps, root):
    """Means over the signals of what the steps of the run's own loop change, by leaf."""
    key = branch(root, "test")
    before = start_params(problem.field, init)
    found = [
        changes(before, after)
        for after in _fits(problem, {"own": init}, machine, signals, steps, key)["own"]
    ]
    return {
        name: {
            part: float(np.mean([getattr(of[name], part) for of in found]))
            for part in ("size", "rank", "full_rank")
        }
        for name in found[0]
    }


def _barriers(problem, inits, machine, signals, steps, root):
    """Between fits by Adam, so that all inits are fitted alike: mean PSNR along the line."""
    adam = Hyper("adam", 1e-4)
    plain = {name: init._replace(hyper=adam) for name, init in inits.items()}
    half = signals[0].shape[0] * signals[0].shape[1] // 2
    coords = pixel_grid(signals[0].shape[:2])
    first, second = (
        _fits(problem, plain, machine, signals, steps, branch(root, name), half)
        for name in ("test", "validate")
    )
    targets = [np.reshape(signal, (-1, signal.shape[-1])) for signal in signals]

    barrier = make_barrier(lambda params: problem.field.apply(params, coords))

    def mean(pairs):
        found = [barrier(a, b, targets[i], targets[j]) for a, b, i, j in pairs]
        return {
            "psnr": np.mean([b.psnr for b in found], axis=0),
            "drop": float(np.mean([b.drop for b in found])),
        }

    count, kinds = len(signals), {}
    for name in plain:
        own, again = first[name], second[name]
        kinds[f"one signal twice, {name}"] = mean((own[i], again[i], i, i) for i in range(count))
        kinds[f"two signals, {name}"] = mean(
            (own[i], own[i + 1], i, i + 1) for i in range(0, count - 1, 2)
        )
    for name in [name for name in plain if name != "meta"]:
        kinds[f"one signal, meta to {name}"] = mean(
            (first["meta"][i], first[name][i], i, i) for i in range(count)
        )
    return kinds


def _psnr(problem, learned, machine, signals, root):
    setting, steps = problem.settings["default"], learned.learner.inner_steps
    evaluate = make_evaluate(setting.make_task, setting.score, setting.view)
    inits = {"meta": learned}
    contender = make_contenders(inits, problem.field, setting.objective, machine)["meta"]
    return evaluate(contender, signals, (steps,), branch(root, "test")).metrics["psnr"][:, -1]


def _gap(problem, learned, config, machine, seen, tests, root):
    unseen = _psnr(problem, learned, machine, tests, root)
    known = _psnr(problem, learned, machine, seen[: len(tests)], root)
    return {
        "train_signals": num_seen(problem, learned.learner, config.outer),
        "seen": float(known.mean()),
        "unseen": float(unseen.mean()),
        "stderr": float(unseen.std(ddof=1) / len(unseen) ** 0.5),
    }


def _bound(problem, learned, machine, seen, root):
    """The PAC-Bayes bound with the losses that it is about; None of very many signals."""
    if len(seen) > _MOST_BOUND:
        return None
    algorithm = make_algorithm(
        learned.learner, problem.field, problem.inner, problem.query, machine
    )
    inner, steps = algorithm.make_inner(learned.hyper), learned.learner.inner_steps
    key = branch(root, "test")

    @jax.jit
    def loss(meta_params, signal):
        task = problem.make_task(signal, key)
        params, _ = adapt(inner, meta_params, task.support, key, steps)
        shown = render(problem.field, params, signal.shape[:2])
        return jnp.mean((shown - signal) ** 2)

    start = algorithm.init(branch(root, "init"))
    found = pac_bayes(loss, learned.meta_params, start, seen, branch(root, "validate"))
    tests = first_signals(problem.signals, "test", 64)
    unseen = float(np.mean([float(loss(learned.meta_params, signal)) for signal in tests]))
    return found._asdict() | {"unseen": unseen}
