"""What a checkpoint holds: a state as plain named arrays, and a digest that tells its damage."""

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from metainr.errors import Option, UserError
from metainr.json_files import parsed
from metainr.training.step import TrainState

ABOUT = "about"
"""The item beside the arrays: digest and flags."""

DIGEST = "sha256"
"""The entry of that item that holds `digest`."""

_METRICS = "metrics"  # the name that orbax gives the item and its file


def portable(state: TrainState) -> dict[str, Any]:
    """The state as nested dicts of plain arrays, which need no code of ours to be read again."""
    return {
        "meta_params": _as_dicts(state.meta_params),
        "outer": {
            "opt_state": {str(i): leaf for i, leaf in enumerate(jax.tree.leaves(state.opt_state))},
            "key": jax.random.key_data(state.key),
            "step": state.step,
        },
    }


def from_portable(arrays: dict[str, Any], like: TrainState, checkpoint: Path) -> TrainState:
    """The state that `portable` took apart, in the structure of another one.

    Raises UserError if the arrays are not those of such a state.
    """
    expected, found = (_shapes(tree) for tree in (jax.eval_shape(lambda: portable(like)), arrays))
    if expected != found:
        name = min(name for name, _ in expected.items() ^ found.items())
        raise UserError(
            f"checkpoint {checkpoint} is of another model or optimizer: {name} is "
            f"{found.get(name, 'missing')}, expected {expected.get(name, 'nothing')}; use another ",
            Option("workdir"),
        )
    # Copies: the first training step gives the buffers away.
    arrays = jax.tree.map(jax.numpy.array, arrays)
    outer = arrays["outer"]
    return TrainState(
        step=outer["step"],
        meta_params=_from_dicts(arrays["meta_params"], like.meta_params),
        opt_state=jax.tree.unflatten(
            jax.tree.structure(like.opt_state),
            [outer["opt_state"][str(i)] for i in range(len(outer.get("opt_state", ())))],
        ),
        key=jax.random.wrap_key_data(outer["key"], impl=jax.random.key_impl(like.key)),
    )


def _as_dicts(tree):
    """Any pytree as nested dicts, by the names of its keys, attributes and positions."""
    nested = {}
    for names, leaf in _named_leaves(tree):
        inner = nested
        for name in names[:-1]:
            inner = inner.setdefault(name, {})
        inner[names[-1]] = leaf
    return nested


def _from_dicts(nested, like):
    leaves = []
    for names, _ in _named_leaves(like):
        leaf = nested
        for name in names:
            leaf = leaf[name]
        leaves.append(leaf)
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _named_leaves(tree):
    return [
        ([jax.tree_util.keystr((part,), simple=True) for part in path] or ["value"], leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _shapes(tree):
    return {"/".join(n): f"{leaf.dtype}{list(leaf.shape)}" for n, leaf in _named_leaves(tree)}


def read_checkpoint(checkpoint: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads and verifies one checkpoint: (nested dicts of arrays, the run's flags).

    Raises whatever its damage makes the reader raise, and ValueError if the content has changed.
    """
    about = parsed((checkpoint / ABOUT / "metadata").read_bytes())
    checkpointer = ocp.StandardCheckpointer(multiprocessing_options=this_process())
    with without_stragglers(), contextlib.closing(checkpointer) as reader:
        arrays = {name: reader.restore(checkpoint / name) for name in ("meta_params", "outer")}
    arrays = jax.tree.map(np.asarray, arrays)
    if digest(arrays, about["config"], measured_of(checkpoint)) != about[DIGEST]:
        raise ValueError("its content does not match its digest")
    return arrays, about["config"]


def recorded_of(checkpoint: Path) -> dict[str, Any]:
    """The flags that a checkpoint was saved with; none where damage hides them."""
    try:
        return dict(parsed((checkpoint / ABOUT / "metadata").read_bytes())["config"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def measured_of(checkpoint: Path) -> dict[str, float]:
    """What validation measured of a checkpoint, by name; raises what its damage makes it raise."""
    file = checkpoint / _METRICS / _METRICS
    if file.exists():
        return parsed(file.read_bytes())
    # Before orbax kept it, the PSNR was all that was measured, and stood beside the digest.
    psnr = parsed((checkpoint / ABOUT / "metadata").read_bytes()).get("psnr")
    return {} if psnr is None else {"psnr": psnr}


def this_process() -> ocp.options.MultiprocessingOptions:
    """Options for orbax that let this process work alone, waiting for no other."""
    index = jax.process_index()
    return ocp.options.MultiprocessingOptions(primary_host=index, active_processes={index})


@contextlib.contextmanager
def without_stragglers() -> Iterator[None]:
    """Keeps reads and writes that outlive a failed one from printing tracebacks of their own."""
    previous = sys.unraisablehook

    def hook(unraisable):
        if str(unraisable.exc_value) != "Event loop is closed":
            previous(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    except Exception:
        time.sleep(0.2)  # for the stragglers
        raise
    finally:
        sys.unraisablehook = previous


def digest(arrays: dict[str, Any], config: dict[str, Any], measured: Mapping[str, float]) -> str:
    """SHA-256 of names, types, shapes and bytes of the arrays, the flags and what was measured."""
    total = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for name, value in measured.items():
        total.update(f"{name} {value!r}".encode())
    for names, leaf in _named_leaves(arrays):
        total.update(f"{''.join(names)} {leaf.dtype} {leaf.shape}".encode())
        total.update(np.ascontiguousarray(leaf).tobytes())
    return total.hexdigest()
