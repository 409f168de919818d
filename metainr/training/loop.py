"""The outer loop: steps, validation, checkpoints, progress, and a clean end however it comes."""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import logging
from jax.sharding import Mesh

from metainr.devices import (
    divide,
    from_any,
    from_first,
    is_first,
    only_first,
    replicate,
    wait_for_all,
)
from metainr.errors import Option, UserError, listed
from metainr.files import write_bytes
from metainr.output import say
from metainr.progress import progress
from metainr.reporting.learning import VALIDATION, validations
from metainr.reporting.measures import measure
from metainr.training.checkpoints import Checkpoints
from metainr.training.compiled import available_memory, check_memory, compile_step
from metainr.training.decline import decline
from metainr.training.init_file import write_init
from metainr.training.instruments import INSTRUMENTS, Cost, Meter, machine_peak
from metainr.training.interrupts import Interrupted, deferred_interrupts
from metainr.training.metrics import MetricsWriter, has_validation
from metainr.training.portable import from_portable, portable
from metainr.training.step import TrainState
from metainr.training.tracing import tracing
from metainr.types import MetaParams

_LOG_EVERY = 10
_RATES = ("inner_learning_rate", "outer_learning_rate", "inner_optimizer", "inner_steps")


class DivergenceError(UserError):
    """A training's loss or weights are no longer finite; its last good checkpoint is kept."""


class Validation(NamedTuple):
    """What validation measured: a metric's mean over the fits, and a picture [h, w, c] of some."""

    value: float
    picture: np.ndarray
    metric: str = "psnr"


class LoopOptions(NamedTuple):
    """When the loop does what, in outer steps, and what it shows.

    train_steps, eval_every, checkpoint_every: steps in all, between validations, between saves.
    profile: whether some steps are traced.
    value_range: of values whose mean squared error the outer loss is, so that a PSNR is shown;
        None if it is another loss.
    """

    train_steps: int
    eval_every: int
    checkpoint_every: int
    profile: bool = False
    value_range: float | None = 1.0


def train(
    train_step: jax.stages.Wrapped,
    state: TrainState,
    make_batches: Callable[[int], Iterator[Any]],
    validate: Callable[[MetaParams], Validation],
    options: LoopOptions,
    workdir: Path,
    config: dict[str, Any],
    cost: Cost,
    mesh: Mesh | None = None,
) -> TrainState:
    """Runs outer steps until `options.train_steps`, from the newest good checkpoint if any.

    It compiles the step before the first one and, at the end, prints how fast it was. Of several
    processes the first alone touches the workdir, and a signal to any of them stops all.

    Args:
        train_step: jitted (state, signals) -> (state, metrics), as `make_train_step` returns it.
        state: where a run without checkpoints starts.
        make_batches: step -> the batches from that step on.
        validate: meta-parameters -> how well they adapt.
        options: when to stop, validate and save.
        workdir: holds `checkpoints/`, `metrics/`, `profile/`, `instruments.json` and, at the end,
            also at one by a signal, `init.safetensors`.
        config: the run's flags, stored in every checkpoint and with the init.
        cost: of a step.
        mesh: of the devices that `train_step` runs on; None: one.

    Raises:
        UserError: the loss or weights stopped being finite, of which nothing is saved; the newest
            checkpoint is past `options.train_steps`; a step needs more memory than there is; or
            something cannot be written.
        Interrupted: by Ctrl-C or SIGTERM, after saving.
    """
    with only_first(lambda: Checkpoints(workdir / "checkpoints")) as checkpoints:
        state = replicate(_restored(checkpoints, state, workdir), mesh)
        start = int(state.step)
        if start > options.train_steps:
            raise UserError(
                f"the run in {workdir} is at step {start}, past ",
                Option("train_steps", options.train_steps),
                "; give ",
                Option("train_steps", start),
                " or more, or another ",
                Option("workdir"),
            )
        _make_up_validation(checkpoints, state, validate, options, workdir, config)
        if start == options.train_steps:
            # A kill may have come between the last checkpoint and this file.
            from_first(partial(write_init, workdir, state, config))
            return state
        with (
            only_first(lambda: MetricsWriter(workdir / "metrics", start)) as writer,
            deferred_interrupts() as received,
            progress(options.train_steps, "step", initial=start, silent=not is_first()) as bar,
            tracing(
                workdir / "profile" if options.profile and is_first() else None,
                start,
                options.train_steps,
            ) as before,
        ):
            num_devices = 1 if mesh is None else mesh.size
            peak = machine_peak(num_devices)  # ahead of the threads that read signals
            batches = (divide(batch, mesh) for batch in make_batches(start))
            first = next(batches)
            compiled = compile_step(train_step, state, first)
            available = available_memory(1 if mesh is None else len(mesh.local_devices))
            check_memory(compiled.num_bytes, available, cost, config, num_devices)
            wait_for_all()
            meter = Meter(cost, peak, compiled.seconds, compiled.num_bytes)
            run = _Run(checkpoints, writer, bar, options, config, meter, workdir)
            batches = itertools.chain([first], batches)

            def requested():
                return from_any(received())

            return run.steps(compiled.run, state, batches, validate, requested, before)


def _restored(checkpoints, state, workdir):
    """The newest good state, read by the first process for all; without one the state given."""

    def read():
        found = checkpoints.restore(state)
        return None if found is None else portable(found)

    arrays = from_first(read)
    return state if arrays is None else from_portable(arrays, state, workdir)


def _make_up_validation(checkpoints, state, validate, options, workdir, config):
    """Validates a restored state where the interrupt that it was saved at came before that."""
    step, metrics = int(state.step), workdir / "metrics"
    if step == 0 or not _is_validated(step, options):
        return
    if from_first(lambda: has_validation(metrics, step)):
        return
    validation = validate(state.meta_params)
    # The record comes last: by it one knows that nothing is left to make up.
    checkpoints.save_anew(state, config, {validation.metric: validation.value})
    with only_first(lambda: MetricsWriter(metrics, step)) as writer:
        _record_validation(writer, step, validation)


def _is_validated(step, options):
    """Whether validation is due at a step."""
    return step == options.train_steps or step % options.eval_every == 0


def _record_validation(writer, step, validation):
    writer.scalars(step, {f"{VALIDATION}{validation.metric}": validation.value})
    writer.image(step, "validation", validation.picture)


class _Run(NamedTuple):
    """What a stretch of steps writes to."""

    checkpoints: Checkpoints
    writer: MetricsWriter
    bar: Any  # of tqdm
    options: LoopOptions
    config: dict[str, Any]
    meter: Meter
    workdir: Path

    def steps(self, train_step, state, batches, validate, requested, before):
        validated, metrics = {}, {"finite": True}
        for step in itertools.count(int(state.step) + 1):
            with self.meter.paused():
                before(step)
            with self.meter.waiting():
                batch = next(batches)
            previous, (state, metrics) = metrics, train_step(state, batch)
            # Of the step before, so that the device works while the host goes on.
            self._check(step - 1, previous)
            self.meter.step()
            self.bar.update()
            if not self._due(step) and requested() is None:
                continue
            self._check(step, metrics)
            last = step == self.options.train_steps
            if step % _LOG_EVERY == 0 or last:
                self._log(step, metrics, validated)
            measured = {}
            if _is_validated(step, self.options) and requested() is None:
                with self.meter.paused():
                    measured, validated = self._validate(step, validate(state.meta_params))
            signum = requested()
            if last or signum or measured or step % self.options.checkpoint_every == 0:
                self.checkpoints.save(state, self.config, measured)
            if signum or last:
                from_first(partial(self._end, state))
            if last and is_first():
                for metric in measured:
                    self._warn_of_decline(step, metric)
            if signum := signum or (requested() if last else None):
                raise Interrupted(
                    f"stopped at step {step} of {self.options.train_steps} and saved; run the same "
                    "command again to go on",
                    signum,
                )
            if last:
                return state
        raise AssertionError("the count of steps has no end")

    def _due(self, step):
        """Whether something is to be done with the state after this step."""
        every = (_LOG_EVERY, self.options.eval_every, self.options.checkpoint_every)
        return step == self.options.train_steps or any(step % interval == 0 for interval in every)

    def _check(self, step, metrics):
        if not bool(metrics["finite"]):
            raise DivergenceError(*self._divergence(step, metrics))

    def _log(self, step, metrics, validated):
        values = {name: float(value) for name, value in metrics.items() if name != "finite"}
        loss, value_range = values["loss_after"], self.options.value_range
        shown = {"loss": f"{loss:.3g}"}
        if value_range is not None:
            values["train_psnr"] = _psnr(loss / value_range**2)
            shown = {"train": f"{values['train_psnr']:.2f} dB"}
        self.writer.scalars(step, values | self.meter.lap())
        self.bar.set_postfix(shown | validated, refresh=False)

    def _validate(self, step, validation):
        """(What was measured, how it is shown), both by name."""
        metric, value = validation.metric, validation.value
        _record_validation(self.writer, step, validation)
        known = measure(metric)
        shown = f"{known.written(value)} {known.unit}".rstrip()
        return {metric: value}, {f"validation {known.name}": shown}

    def _end(self, state):
        self.checkpoints.wait()
        write_init(self.workdir, state, self.config)
        summary = self.meter.summary()
        write_bytes(self.workdir / INSTRUMENTS, (json.dumps(summary, indent=2) + "\n").encode())
        self.bar.close()
        say(summary["summary"])

    def _warn_of_decline(self, step, metric):
        if note := decline(metric, validations(self.workdir / "metrics", step)):
            logging.warning("%s", note)

    def _kept(self):
        self.checkpoints.wait()
        return self.checkpoints.latest_step()

    def _divergence(self, step, metrics):
        kept = from_first(self._kept)
        rates = [Option(name, self.config[name]) for name in _RATES if name in self.config]
        return (
            f"the loss or the weights are no longer finite at step {step} (loss before adaptation "
            f"{metrics['loss_before']}, after {metrics['loss_after']}; ",
            *listed([[rate] for rate in rates], " "),
            "); ",
            f"the last good checkpoint, step {kept}, is kept; " if kept else "",
            "try a smaller rate or ",
            Option("clip_norm", 1),
            " in another ",
            Option("workdir"),
        )


def _psnr(mse):
    return -10 * math.log10(max(mse, 1e-20))  # at most 200 dB: a perfect fit has no logarithm
