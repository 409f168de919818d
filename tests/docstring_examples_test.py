"""The examples that docstrings give."""

import doctest
import importlib

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metainr

# In this order: later ones go on with what the first ones made.
_FRONT = ("runs.front", "runs.front_compare", "runs.loading", "runs.run", "runs.compared")
_PARTS = (
    "fields", "fields.adapters", "signals", "signals.arrays", "signals.mixture",
    "objectives.images", "objectives.losses", "measurements.value", "measurements.derivatives",
    "algorithms.inner", "weights.files", "weights.arithmetic", "weights.hidden",
    "evaluation.metrics", "streams.layout", "streams.course", "streams.fit",
)  # fmt: skip
_NAMES = {"metainr": metainr, "np": np, "jax": jax, "jnp": jnp, "flax": flax}


def _run(names, known):
    """Runs the examples of modules, each in the names that those before it left; their number."""
    count = 0
    for name in names:
        module = importlib.import_module(f"metainr.{name}")
        for found in doctest.DocTestFinder().find(module, extraglobs=known):
            if not found.examples:
                continue
            found.globs.update(known)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            result = runner.run(found, clear_globs=False)
            assert not result.failed, found.name
            known |= {n: v for n, v in found.globs.items() if n in ("run", "table")}
            count += 1
    return count


def test_the_front_door(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _run(_FRONT, dict(_NAMES)) == 6


@pytest.mark.parametrize("name", _PARTS)
def test_the_parts(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _run([name], dict(_NAMES)) >= 1
