"""Checkpoints that survive a kill at any moment and notice damage.

Orbax writes them asynchronously and renames them into place when whole. It does not notice a
flipped bit, so every checkpoint carries a SHA-256 digest of its arrays, verified when read.
"""

import contextlib
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging

from metainr.errors import UserError
from metainr.training.portable import (
    ABOUT,
    DIGEST,
    digest,
    from_portable,
    portable,
    read_checkpoint,
    this_process,
    without_stragglers,
)
from metainr.training.step import TrainState
from metainr.types import MetaParams

_KEEP_LAST = 3


class Checkpoints:
    """The checkpoints of one run: the last three and the best by validation PSNR.

    A context manager; leaving it waits for the last save. Of several processes one is to have it.
    """

    def __init__(self, directory: Path):
        self._directory = Path(directory).absolute()
        self._psnr: dict[int, float] = {}
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
        options = ocp.CheckpointManagerOptions(
            preservation_policy=_LastAndBest(self._psnr),
            cleanup_tmp_directories=True,
            multiprocessing_options=this_process(),
            create=False,  # orbax does not for one of several processes
        )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(self._directory, options=options)
            self._psnr.update(_recorded_psnr(self._directory))
        except OSError as error:
            raise UserError(f"cannot write checkpoints to {self._directory}: {error}") from error

    def latest_step(self) -> int | None:
        """The step of the newest checkpoint, or None; says nothing of its health."""
        return self._manager.latest_step()

    def save(self, state: TrainState, config: dict[str, Any], psnr: float | None = None) -> None:
        """Starts to save a state with the run's flags and, where just measured, validation PSNR.

        Saving a step that is there already does nothing. Raises UserError if it, or the save
        before it, cannot be written.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        # Copies: the training step reuses the buffers while the writing goes on.
        arrays = jax.tree.map(np.array, portable(state))
        measured = None if psnr is None or math.isnan(psnr) else float(psnr)
        if measured is not None:
            self._psnr[step] = measured
        about = {DIGEST: digest(arrays, config, measured), "config": config, "psnr": measured}
        items = {name: ocp.args.StandardSave(tree) for name, tree in arrays.items()}
        items[ABOUT] = ocp.args.JsonSave(about)
        self._writing(lambda: self._manager.save(step, args=ocp.args.Composite(**items)))

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
                "restore the folder from a copy or start anew in another --workdir"
            )
        return None

    def _move_aside(self, damaged):
        for step in damaged:
            target = _unused(self._directory / f"damaged-{step}")
            try:
                (self._directory / str(step)).rename(target)
            except OSError as error:
                raise UserError(
                    f"checkpoint {step} is damaged and cannot be moved to {target}: "
                    f"{error.strerror}; move it yourself to go on from an older one"
                ) from error
            logging.warning("Moved it to %s; going on from an older one.", target)
        if damaged:
            self._manager.reload()


class _LastAndBest:
    """Which checkpoints orbax keeps: the last few, and the best of those validated."""

    def __init__(self, psnr: dict[int, float]):
        self._psnr = psnr

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """Says of each checkpoint, all having a `step`, whether it stays."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        validated = [step for step in steps if step in self._psnr]
        kept = set(sorted(steps)[-_KEEP_LAST:])
        kept |= {max(validated, key=self._psnr.__getitem__)} if validated else set()
        return [step in kept for step in steps]


def load_meta_params(path: Path) -> tuple[MetaParams, dict[str, Any]]:
    """Reads what was learned: (meta-parameters as nested dicts of arrays, the run's flags).

    `path` is a workdir, its `checkpoints` folder, or one checkpoint in that; of several the newest
    healthy one is taken. Raises UserError if there is none.
    """
    path = Path(path).absolute()
    folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
    candidates = (
        [folder]
        if folder.name.isdigit()
        else sorted((p for p in folder.glob("*") if p.name.isdigit()), key=lambda p: -int(p.name))
    )
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


def _recorded_psnr(directory):
    """Validation PSNR by step, of those checkpoints that say it."""
    recorded = {}
    for file in directory.glob(f"*/{ABOUT}/metadata"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            recorded[int(file.parts[-3])] = float(json.loads(file.read_text())["psnr"])
    return recorded


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
