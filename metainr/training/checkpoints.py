"""Checkpoints that survive a kill at any moment and notice damage.

Orbax writes them asynchronously and renames them into place when whole. It does not notice a
flipped bit, so every checkpoint carries a SHA-256 digest of its arrays, verified when read.
"""

import contextlib
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from metainr.errors import Option, UserError
from metainr.files import expanded, why
from metainr.reporting.measures import measure
from metainr.training.portable import (
    ABOUT,
    DIGEST,
    digest,
    from_portable,
    measured_of,
    portable,
    read_checkpoint,
    this_process,
    without_stragglers,
)
from metainr.training.step import TrainState
from metainr.types import MetaParams

_KEEP_LAST = 3
_ASIDE = "saved-anew-"  # a step that is on its way to be saved once more


class Checkpoints:
    """The checkpoints of one run: the last three and the best of those validated.

    A context manager; leaving it waits for the last save. Of several processes one is to have it.
    """

    def __init__(self, directory: Path):
        self._directory = Path(directory).absolute()
        self._quiet = contextlib.ExitStack()
        self._open()

    def __enter__(self) -> "Checkpoints":
        self._quiet.enter_context(without_stragglers())
        return self

    def __exit__(self, *exception: Any) -> None:
        with self._quiet:
            try:
                self.wait()
            finally:  # one of several failed writes may be told only now
                self._writing(self._manager.close)

    def _open(self):
        best = BestN(get_metric_fn=_goodness, n=1, keep_checkpoints_without_metrics=False)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=AnyPreservationPolicy([LatestN(_KEEP_LAST), best]),
            best_fn=_goodness,  # without it orbax does not write what was measured
            cleanup_tmp_directories=True,
            multiprocessing_options=this_process(),
            create=False,  # orbax does not for one of several processes
        )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            _take_back(self._directory)
            self._manager = _Manager(self._directory, options=options)
        except OSError as error:
            raise UserError(
                f"cannot write checkpoints to {self._directory}: {why(error)}"
            ) from error

    def latest_step(self) -> int | None:
        """The step of the newest checkpoint, or None; says nothing of its health."""
        return self._manager.latest_step()

    def save(
        self,
        state: TrainState,
        config: dict[str, Any],
        measured: Mapping[str, float] | None = None,
    ) -> None:
        """Starts to save a state with the run's flags and what validation has just measured.

        Saving a step that is there already does nothing. Raises UserError if it, or the save
        before it, cannot be written.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        # Copies: the training step reuses the buffers while the writing goes on.
        arrays = jax.tree.map(np.array, portable(state))
        # Empty where nothing was measured: of None orbax would warn.
        metrics = {n: float(x) for n, x in (measured or {}).items() if not math.isnan(x)}
        about = {DIGEST: digest(arrays, config, metrics), "config": config}
        items: dict[str, ocp.args.CheckpointArgs] = {
            name: ocp.args.StandardSave(tree) for name, tree in arrays.items()
        }
        items[ABOUT] = ocp.args.JsonSave(about)
        composite = ocp.args.Composite(**items)
        self._writing(lambda: self._manager.save(step, args=composite, metrics=metrics))

    def save_anew(
        self, state: TrainState, config: dict[str, Any], measured: Mapping[str, float]
    ) -> None:
        """Saves a step that is there already, with what validation has measured since, and waits.

        A kill leaves the one or the other. Raises UserError if it cannot be written.
        """
        saved = self._directory / str(int(state.step))
        aside = self._directory / f"{_ASIDE}{saved.name}"
        self._writing(lambda: saved.rename(aside))
        self._manager.reload()
        self.save(state, config, measured)
        self.wait()
        self._writing(lambda: shutil.rmtree(aside))

    def wait(self) -> None:
        """Waits until everything saved is on disk. Raises UserError if it cannot be written."""
        self._writing(self._manager.wait_until_finished)

    def _writing(self, action):
        try:
            action()
        except Exception as error:  # orbax passes on what its many backends raise
            time.sleep(0.2)  # for those writes that go on
            kept = sorted(int(p.name) for p in self._directory.glob("*") if p.name.isdigit())
            raise UserError(
                f"cannot save a checkpoint to {self._directory}: {_first_line(error)}; kept steps: "
                f"{kept or 'none'}; make room or permission there and run the same command again"
            ) from error

    def restore(self, like: TrainState) -> TrainState | None:
        """The newest healthy state, or None if there are no checkpoints.

        Newer damaged ones are reported and, since an older one proved good, moved aside to
        `damaged-STEP`. Raises UserError if there are checkpoints and none is healthy.
        """
        damaged = {}
        for step in sorted(self._manager.all_steps(), reverse=True):
            checkpoint = self._directory / str(step)
            try:
                arrays, _ = read_checkpoint(checkpoint)
            except Exception as error:  # whatever damage makes the reader raise
                damaged[step] = _first_line(error)
                logging.warning("Checkpoint %d is damaged (%s).", step, damaged[step])
                continue
            state = from_portable(arrays, like, checkpoint)
            self._move_aside(damaged)
            return state
        if damaged:
            found = "; ".join(f"{step}: {problem}" for step, problem in damaged.items())
            raise UserError(
                f"no checkpoint in {self._directory} can be read ({found}); nothing was deleted; "
                "restore the folder from a copy or start anew in another ",
                Option("workdir"),
            )
        return None

    def _move_aside(self, damaged):
        for step in damaged:
            target = _unused(self._directory / f"damaged-{step}")
            try:
                (self._directory / str(step)).rename(target)
            except OSError as error:
                raise UserError(
                    f"checkpoint {step} is damaged and cannot be moved to {target}: {why(error)}"
                ) from error
            logging.warning("Moved it to %s; going on from an older one.", target)
        if damaged:
            self._manager.reload()


def _take_back(directory):
    """Puts the checkpoint back that a kill kept from being saved anew."""
    for aside in directory.glob(f"{_ASIDE}*"):
        saved = directory / aside.name.removeprefix(_ASIDE)
        if saved.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(saved)


class _Manager(ocp.CheckpointManager):
    """Orbax's, which knows older checkpoints' PSNR, and opens folders with damaged ones."""

    def metrics(self, step: int) -> Any:
        """What was measured at a step; None if that cannot be read, of which restoring tells."""
        with contextlib.suppress(Exception):
            return measured_of(Path(self.directory) / str(step))


def load_meta_params(path: Path, best: bool = False) -> tuple[MetaParams, dict[str, Any]]:
    """Reads what was learned: (meta-parameters as nested dicts of arrays, the run's flags).

    `path` is a workdir, its `checkpoints` folder, or one checkpoint in that; of several the newest
    healthy one is taken, or with `best` the one that validation liked best. Raises UserError if
    there is none.
    """
    path = expanded(path).absolute()
    folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
    candidates = (
        [folder]
        if folder.name.isdigit()
        else sorted((p for p in folder.glob("*") if p.name.isdigit()), key=lambda p: -int(p.name))
    )
    if best and candidates:
        candidates = _best_first(candidates)
    problems = []
    for candidate in candidates:
        try:
            arrays, config = read_checkpoint(candidate)
        except Exception as error:  # whatever damage makes the reader raise
            problems.append(f"{candidate.name}: {_first_line(error)}")
            logging.warning("Checkpoint %s is damaged (%s).", candidate, problems[-1])
            continue
        return arrays["meta_params"], config
    found = f"only damaged ones ({'; '.join(problems)})" if problems else "none"
    raise UserError(
        f"{path} was expected to hold a checkpoint of metainr and holds {found}; name a workdir, "
        "its checkpoints folder or one checkpoint in it"
    )


def _best_first(checkpoints: Sequence[Path]) -> list[Path]:
    """Those that were validated. Raises UserError if none was."""
    goodness = {}
    for checkpoint in checkpoints:
        with contextlib.suppress(Exception):  # damage is told by reading
            goodness[checkpoint] = _goodness(measured_of(checkpoint))
    validated = [path for path, value in goodness.items() if value > -math.inf]
    if not validated:
        raise UserError(
            f"no checkpoint in {checkpoints[0].parent} was validated, so that none is the best; "
            "take the newest, or train on to the next validation"
        )
    return sorted(validated, key=goodness.__getitem__, reverse=True)


def _goodness(measured: Mapping[str, float]) -> float:
    """A number that is larger for the better checkpoint; −∞ of one that was not validated."""
    signs = {name: -1 if measure(name).lower_is_better else 1 for name in measured}
    return max((signs[name] * value for name, value in measured.items()), default=-math.inf)


def _unused(path):
    count = 1
    candidate = path
    while candidate.exists():
        candidate = path.with_name(f"{path.name}.{count}")
        count += 1
    return candidate


def _first_line(error):
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
