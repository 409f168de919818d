"""What `metainr.learn` and `metainr.load` return: fits by what was learned, and its files."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.checks import SEED, Each, Range, check
from metainr.devices import own_settings
from metainr.errors import UserError
from metainr.evaluation.metrics import psnr
from metainr.evaluation.streaming import fit_each
from metainr.keys import branch
from metainr.numerics import default_chunk_size, map_over_chunks
from metainr.objectives import image_samples, pixel_grid
from metainr.runs.dead import warn_of_constant
from metainr.runs.exporting import export
from metainr.runs.fits import finish_of, make_contenders
from metainr.runs.inits import Init, start_params
from metainr.runs.options import Machine, TestOptions, check_hyper, checked_test
from metainr.runs.problem import Problem
from metainr.runs.regression import grid_objectives
from metainr.runs.saved import NONE, OWN, write_saved
from metainr.signals import checked_signals
from metainr.types import Field, Hyper, MakeOptimizer, Objective, Params, Signal, Support

_SIDE = Range(1, 2**26)


class Fit(NamedTuple):
    """A field fitted to one signal.

    field, params: f_θ and its weights θ.
    losses: the objective before every step [steps].
    psnr: of the whole signal in dB, where it was an array; else None.
    shape: of the grid it was fitted on, where the signal was an array; else None.
    record: what the weights are of, as files keep it.
    """

    field: Field
    params: Params
    losses: np.ndarray
    psnr: float | None
    shape: tuple[int, ...] | None
    record: Mapping[str, Any]

    def __repr__(self) -> str:
        """What it is, in a line: the weights themselves would fill pages."""
        reached = "" if self.psnr is None else f"{self.psnr:.1f} dB "
        name = self.record.get("field") or "a field of one's own"
        return f"<Fit: {name}, {reached}after {len(self.losses)} steps>"

    def render(self, shape: Sequence[int] | None = None) -> np.ndarray:
        """The field's values [*shape, c] at a grid of [0, 1)^d of any resolution; not clipped.

        Without a shape the grid is that of the fit. Raises UserError for a shape of other axes.

        >>> fit = run.fit(np.zeros((12, 12)), steps=2)
        >>> fit.render((48, 48)).shape  # four times as fine as what was fitted
        (48, 48, 1)
        """
        sides = _sides(shape, self.shape)
        coords = jnp.asarray(pixel_grid(sides))
        return np.asarray(self(coords)).reshape(*sides, -1)

    def __call__(self, coords: jax.Array) -> jax.Array:
        """The field's values [n, c] at coords [n, d]."""
        widths = [leaf.shape[-1] for leaf in jax.tree.leaves(self.params) if leaf.ndim]
        size = default_chunk_size(max(widths, default=1))
        return _values(self.field.apply, size, self.params, coords)

    def save(self, path: str | Path) -> None:
        """Writes the weights to a .safetensors or .npz file, which `metainr.load` reads."""
        write_saved(path, self.params, {**self.record, "algorithm": NONE})

    def export(self, folder: str | Path, to: str = "torch") -> list[Path]:
        """Writes the fit for another program, "torch" or "onnx"; see `docs/export.md`."""
        return export(self.field, self.params, self.record, "fitted to one signal", folder, to)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _values(apply, size, params, coords):
    return map_over_chunks(lambda x: apply(params, x), coords, size)


class Run(NamedTuple):
    """What was learned, with what it was learned for.

    field: the coordinate network.
    init: meta-parameters, and the learner whose loop adapts them.
    problem: what it was learned for; None where a file does not tell.
    shape: of the grid whose signals [*shape, c] it was learned on, None of others.
    record: how it was learned, by the names of the command line's flags.
    """

    field: Field
    init: Init
    problem: Problem | None
    shape: tuple[int, ...] | None
    record: Mapping[str, Any]

    def __repr__(self) -> str:
        """What it is, in a line: the weights themselves would fill pages."""
        name = self.record.get("field") or "a field of one's own"
        on = "" if self.shape is None else f", learned on {' × '.join(map(str, self.shape))} points"
        return f"<Run: {name}, {self.record.get('algorithm', NONE)}{on}>"

    @own_settings()
    def fit(
        self,
        signal: Signal = None,
        *,
        steps: int = 20,
        mask: np.ndarray | None = None,
        support: Support = None,
        objective: Objective | None = None,
        optimizer: str | MakeOptimizer | None = None,
        learning_rate: float | None = None,
        finish: str | None = None,
        finish_learning_rate: float = 1e-4,
        finish_after: int | None = None,
        seed: int = 0,
    ) -> Fit:
        """Fits one signal by the loop that was learned.

        The first call compiles; later ones for signals of the same shape do not.

        Args:
            signal: of the class; an array [*shape, c] of any shape, in integers or in [0, 1], where
                arrays were learned on, and else what the problem's `make_task` takes.
            steps: of the loop.
            mask: [*shape], true where an array may be seen; None: everywhere.
            support: what the objective's draws read, in place of a signal.
            objective: what the steps lower; None: that of the problem's test.
            optimizer, learning_rate: in place of those of the inner loop: a name or a function
                learning rate -> optax optimizer.
            finish: name of the optimizer that takes the steps after those that the init was learned
                for, or after `finish_after`; None: the loop that was learned takes all.
            finish_learning_rate: its rate.
            seed: of random draws.

        Raises:
            UserError: the signal is none of the kind, or the run does not say what to lower.

        >>> fit = run.fit(np.zeros((12, 12)), steps=2)
        >>> fit.losses.shape
        (2,)
        """
        check("steps", steps, Range(0, 10**6))
        key = branch(jax.random.key(check("seed", seed, SEED)), "test")
        whole = None
        if signal is not None and self.shape is not None:
            whole = _one(signal, len(self.shape), self.field)
            support = image_samples(whole, _weights(mask, whole.shape[:-1]))
            objective = objective or self._grid_objective(whole.shape[:-1])
        elif self.problem is not None and (signal is not None or support is not None):
            setting = next(iter(self.problem.settings.values()))
            objective = objective or setting.objective
            support = setting.make_task(signal, key).support if support is None else support
        if objective is None or support is None:
            raise UserError(
                "fit: this run does not say what such a fit sees and lowers; give signal= to a run "
                "that was loaded with shape=, or support= and objective="
            )
        hyper = self.init.hyper
        hyper = Hyper(
            optimizer or hyper.optimizer,
            hyper.learning_rate if learning_rate is None else learning_rate,
        )
        check_hyper(hyper)
        inits = {"meta": self.init._replace(hyper=hyper)}
        test = TestOptions(
            finish=finish, finish_learning_rate=finish_learning_rate, finish_after=finish_after
        )
        last = finish_of(checked_test(test))
        contenders = make_contenders(inits, self.field, objective, Machine(), finish=last)
        ((found,),) = fit_each([*contenders.values()], [support], key, steps)
        params, losses = found.params, found.metrics.get("loss", np.empty(0))
        grid = None if whole is None else whole.shape[:-1]
        fit = Fit(self.field, params, losses, None, grid, self.record)
        if whole is not None:
            shown = fit.render()
            warn_of_constant({"meta": [shown]}, {"meta": hyper})
            fit = fit._replace(psnr=float(psnr(shown, whole)))
        return fit

    def _grid_objective(self, shape):
        """That of the run: the mean squared error, or one of its own, which is for one shape."""
        if self.record.get("objective") != OWN:
            return grid_objectives(shape, self.record.get("inner_points", 0))[0]
        if self.problem is not None and shape == self.shape:
            return next(iter(self.problem.settings.values())).objective
        return None

    def save(self, path: str | Path) -> None:
        """Writes what was learned to a .safetensors or .npz file.

        `metainr.load` reads it, and so does the command line's --init.
        """
        write_saved(path, self.init.meta_params, self.record)

    def export(self, folder: str | Path, to: str = "torch") -> list[Path]:
        """Writes the weights with which fits begin for another program, "torch" or "onnx"."""
        learned = self.record.get("algorithm", NONE)
        what = (
            "as in its file" if learned == NONE else f"the init that fits by {learned} begin with"
        )
        params = start_params(self.field, self.init)
        return export(self.field, params, self.record, what, folder, to)


def _sides(shape, fitted):
    """Of a grid to show a fit at: as many as has the grid that it was `fitted` on."""
    counts = (1, 2, 3, 4) if fitted is None else (len(fitted),)
    example = ",".join(map(str, fitted or (64, 64)))
    return check("shape", fitted if shape is None else shape, Each(_SIDE, example, counts))


def _one(signal, axes, field):
    if np.ndim(signal) not in (axes, axes + 1):
        raise UserError(
            f"signal: an array of shape {list(np.shape(signal))}, expected {axes} axes, and one "
            "more for channels"
        )
    array = np.asarray(signal)
    array = array if array.ndim == axes + 1 else array[..., None]
    whole = checked_signals(array[None], "signal", axes)[0]
    coords = jax.ShapeDtypeStruct((1, axes), jnp.float32)
    params = jax.eval_shape(field.init, jax.random.key(0))
    channels = jax.eval_shape(field.apply, params, coords).shape[-1]
    if whole.shape[-1] != channels:
        raise UserError(
            f"signal: {whole.shape[-1]} channels where the field has {channels}; give an array "
            f"[..., {channels}]"
        )
    return whole


def _weights(mask, shape):
    if mask is None:
        return None
    mask = np.asarray(mask, bool)
    if mask.shape != tuple(shape) or not mask.any():
        raise UserError(
            f"mask: shape {list(mask.shape)} with {np.count_nonzero(mask)} points to see; give "
            f"booleans {list(shape)}, true where the signal is seen"
        )
    return mask.astype(np.float32)
