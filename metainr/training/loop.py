"""The outer loop: steps, validation, checkpoints, progress, and a clean end however it comes."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from metainr.devices import divide, replicate
from metainr.errors import UserError
from metainr.training.checkpoints import Checkpoints
from metainr.training.interrupts import Interrupted, deferred_interrupts
from metainr.training.metrics import MetricsWriter
from metainr.training.step import TrainState, TrainStep
from metainr.types import MetaParams

_LOG_EVERY = 10
_RATES = ("inner_learning_rate", "outer_learning_rate", "inner_optimizer", "inner_steps")


class Validation(NamedTuple):
    """What validation measured: the mean PSNR in dB and a picture [h, w, c] of some fits."""

    psnr: float
    picture: np.ndarray


class LoopOptions(NamedTuple):
    """When the loop does what: all in outer steps."""

    train_steps: int
    eval_every: int
    checkpoint_every: int


def train(
    train_step: TrainStep,
    state: TrainState,
    make_batches: Callable[[int], Iterator[Any]],
    validate: Callable[[MetaParams], Validation],
    options: LoopOptions,
    workdir: Path,
    config: dict[str, Any],
    mesh: Mesh | None = None,
) -> TrainState:
    """Runs outer steps until `options.train_steps`, from the newest good checkpoint if any.

    Args:
        train_step: (state, signals) -> (state, metrics), as `make_train_step` compiles it.
        state: where a run without checkpoints starts.
        make_batches: step -> the batches from that step on.
        validate: meta-parameters -> how well they adapt.
        options: when to stop, validate and save.
        workdir: holds `checkpoints/` and `metrics/`.
        config: the run's flags, stored in every checkpoint.
        mesh: of the devices that `train_step` runs on; None: one.

    Raises:
        UserError: the loss or weights stopped being finite, of which nothing is saved; the newest
            checkpoint is past `options.train_steps`; or something cannot be written.
        Interrupted: by Ctrl-C or SIGTERM, after saving.
    """
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        state = replicate(checkpoints.restore(state) or state, mesh)
        start = int(state.step)
        if start > options.train_steps:
            raise UserError(
                f"the run in {workdir} is at step {start}, past --train_steps={options.train_steps}"
                f"; give --train_steps={start} or more, or another --workdir"
            )
        if start == options.train_steps:
            return state
        with (
            MetricsWriter(workdir / "metrics", start) as writer,
            deferred_interrupts() as requested,
            tqdm(initial=start, total=options.train_steps, unit="step", disable=None) as progress,
        ):
            run = _Run(checkpoints, writer, progress, options, config)
            return run.steps(
                train_step,
                state,
                (divide(batch, mesh) for batch in make_batches(start)),
                validate,
                requested,
            )


class _Run(NamedTuple):
    """What a stretch of steps writes to."""

    checkpoints: Checkpoints
    writer: MetricsWriter
    progress: tqdm
    options: LoopOptions
    config: dict[str, Any]

    def steps(self, train_step, state, batches, validate, requested):
        waited, since, validated = 0.0, time.perf_counter(), {}
        for step in itertools.count(int(state.step) + 1):
            began = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - began
            state, metrics = train_step(state, batch)
            if not bool(metrics["finite"]):
                raise UserError(self._divergence(step, metrics))
            if step % _LOG_EVERY == 0 or step == self.options.train_steps:
                elapsed = time.perf_counter() - since
                self._log(step, metrics, elapsed, waited, validated)
                waited, since = 0.0, time.perf_counter()
            self.progress.update()
            last = step == self.options.train_steps
            psnr = None
            if (last or step % self.options.eval_every == 0) and requested() is None:
                began = time.perf_counter()
                psnr = self._validate(step, validate(state.meta_params))
                validated = {"validation": f"{psnr:.2f} dB"}
                since += time.perf_counter() - began
            signum = requested()
            if last or signum or psnr is not None or step % self.options.checkpoint_every == 0:
                self.checkpoints.save(state, self.config, psnr)
            if signum or last:
                self.checkpoints.wait()
            if signum := signum or (requested() if last else None):
                raise Interrupted(
                    f"stopped at step {step} of {self.options.train_steps} and saved; run the same "
                    "command again to go on",
                    signum,
                )
            if last:
                return state

    def _log(self, step, metrics, elapsed, waited, validated):
        steps = _LOG_EVERY if step % _LOG_EVERY == 0 else step % _LOG_EVERY
        values = {name: float(value) for name, value in metrics.items() if name != "finite"}
        rates = {"steps_per_second": steps / elapsed, "data_wait_share": waited / elapsed}
        values |= {"train_psnr": _psnr(values["loss_after"])} | rates
        self.writer.scalars(step, values)
        self.progress.set_postfix({"train": f"{values['train_psnr']:.2f} dB"} | validated)

    def _validate(self, step, validation):
        self.writer.scalars(step, {"validation_psnr": validation.psnr})
        self.writer.image(step, "validation", validation.picture)
        return validation.psnr

    def _divergence(self, step, metrics):
        kept = self.checkpoints.latest_step()
        rates = [f"--{k}={v}" for k, v in self.config.items() if k in _RATES]
        return (
            f"the loss or the weights are no longer finite at step {step} (loss before adaptation "
            f"{metrics['loss_before']}, after {metrics['loss_after']}; {' '.join(rates)}); "
            + (f"the last good checkpoint, step {kept}, is kept; " if kept else "")
            + "try a smaller rate or --clip_norm=1 in another --workdir"
        )


def _psnr(mse):
    return -10 * math.log10(max(mse, 1e-20))  # at most 200 dB: a perfect fit has no logarithm
