"""Checkpoints that survive a kill at any moment and notice damage.

Orbax writes them asynchronously and renames them into place when whole. It does not notice a
flipped bit, so every checkpoint carries a SHA-256 digest of its arrays, verified when read.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from orbax.checkpoint import checkpoint_managers as policies

from metainr.errors import UserError
from metainr.training.step import TrainState
from metainr.types import MetaParams

_KEEP_LAST = 3
_DIGEST = "sha256"


class Checkpoints:
    """The checkpoints of one run: the last three and the best by validation PSNR.

    A context manager; leaving it waits for the last save.
    """

    def __init__(self, directory: Path):
        self._directory = Path(directory).absolute()
        self._open()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *exception: Any) -> None:
        try:
            self.wait()
        finally:
            self._manager.close()

    def _open(self):
        def psnr(metrics):
            return metrics["psnr"]

        keep = [policies.LatestN(_KEEP_LAST), policies.BestN(get_metric_fn=psnr, n=1)]
        options = ocp.CheckpointManagerOptions(
            preservation_policy=policies.AnyPreservationPolicy(keep),
            best_fn=psnr,
            cleanup_tmp_directories=True,
        )
        try:
            self._manager = ocp.CheckpointManager(self._directory, options=options)
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
        arrays = jax.tree.map(np.array, _portable(state))
        items = {name: ocp.args.StandardSave(tree) for name, tree in arrays.items()}
        about = ocp.args.JsonSave({_DIGEST: _digest(arrays, config), "config": config})
        metrics = {"psnr": -math.inf if psnr is None else float(psnr)}
        self._writing(
            lambda: self._manager.save(
                step, args=ocp.args.Composite(**items, about=about), metrics=metrics
            )
        )

    def wait(self) -> None:
        """Waits until everything saved is on disk. Raises UserError if it cannot be written."""
        self._writing(self._manager.wait_until_finished)

    def _writing(self, action):
        try:
            action()
        except Exception as error:  # orbax passes on what its many backends raise
            kept = [step for step in self._manager.all_steps(read=True)]
            raise UserError(
                f"cannot save a checkpoint to {self._directory}: {_first_line(error)}; kept steps: "
                f"{kept or 'none'}; make room or permission there and run the same command again"
            ) from error

    def restore(self, like: TrainState) -> TrainState | None:
        """The newest healthy state, or None if there are no checkpoints.

        Newer damaged ones are reported and, since an older one proved good, moved aside to
        `damaged-STEP`. Raises UserError if there are checkpoints and none is healthy.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        template = jax.eval_shape(lambda: _portable(like))
        damaged = {}
        for step in steps:
            try:
                arrays, _ = _read(self._directory / str(step), template)
            except Exception as error:  # whatever damage makes the reader raise
                damaged[step] = _first_line(error)
                logging.warning("Checkpoint %d is damaged (%s).", step, damaged[step])
                continue
            self._move_aside(damaged)
            return _from_portable(arrays, like)
        if damaged:
            raise UserError(
                f"no checkpoint in {self._directory} can be read ({damaged}); nothing was deleted; "
                "restore the folder from a copy or start anew in another --workdir"
            )
        return None

    def _move_aside(self, damaged):
        for step in damaged:
            target = _unused(self._directory / f"damaged-{step}")
            (self._directory / str(step)).rename(target)
            logging.warning("Moved it to %s; going on from an older one.", target)
        if damaged:
            self._manager.reload()


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
            arrays, config = _read(candidate, None)
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


def _portable(state):
    """The state as named trees of plain arrays, none of them empty: orbax stores no empty tree."""
    return {
        "meta_params": state.meta_params,
        "outer": {
            "opt_state": dict(
                (str(i), leaf) for i, leaf in enumerate(jax.tree.leaves(state.opt_state))
            ),
            "key": jax.random.key_data(state.key),
            "step": state.step,
        },
    }


def _from_portable(arrays, like):
    outer = arrays["outer"]
    leaves = [outer["opt_state"][str(i)] for i in range(len(outer["opt_state"]))]
    opt_state = jax.tree.unflatten(jax.tree.structure(like.opt_state), leaves)
    key = jax.random.wrap_key_data(outer["key"])
    return jax.tree.map(
        jax.numpy.asarray, TrainState(outer["step"], arrays["meta_params"], opt_state, key)
    )


def _read(checkpoint, template):
    """Reads and verifies one checkpoint, (arrays, flags); without a template as nested dicts."""
    about = json.loads((checkpoint / "about" / "metadata").read_text())
    reader = ocp.StandardCheckpointer()
    try:
        arrays = {
            name: reader.restore(checkpoint / name, None if template is None else template[name])
            for name in ("meta_params", "outer")
        }
    finally:
        reader.close()
    arrays = jax.tree.map(np.asarray, arrays)
    if _digest(arrays, about["config"]) != about[_DIGEST]:
        raise ValueError("its content does not match its digest")
    return arrays, about["config"]


def _digest(arrays, config):
    total = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for path, leaf in jax.tree_util.tree_leaves_with_path(arrays):
        total.update(
            f"{jax.tree_util.keystr(path, simple=True)} {leaf.dtype} {leaf.shape}".encode()
        )
        total.update(np.ascontiguousarray(leaf).tobytes())
    return total.hexdigest()


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
