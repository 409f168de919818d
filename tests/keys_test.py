"""What is random in a run draws from keys of its own."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.errors import UserError
from metainr.keys import BRANCHES, branch
from metainr.runs import inits
from metainr.runs.inits import make_inits, plain_init, standard_params
from metainr.runs.options import Machine
from metainr.training import init_state
from metainr.types import Field, Hyper

ROOT = jax.random.key(3)
HYPER = Hyper("sgd", 0.1)


def _bits(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def test_branches_differ_from_one_another_and_from_the_keys_of_their_fits():
    found = [_bits(branch(ROOT, name)) for name in BRANCHES]
    for name in ("test", "validate"):
        found += [_bits(key) for key in jax.random.split(branch(ROOT, name), 100)]
    found += [_bits(jax.random.fold_in(branch(ROOT, "train"), step)) for step in range(100)]
    found += [_bits(ROOT), _bits(jax.random.key(4))]
    assert len(set(found)) == len(found)


def test_a_branch_is_the_same_on_every_call_and_another_of_another_root():
    for name in BRANCHES:
        assert _bits(branch(ROOT, name)) == _bits(branch(ROOT, name))
        assert _bits(branch(ROOT, name)) != _bits(branch(jax.random.key(4), name))


def test_an_unknown_branch_is_an_error():
    with pytest.raises(ValueError):
        branch(ROOT, "tset")


@pytest.fixture
def used(monkeypatch):
    """The keys that inits are fitted and shuffled with, in order."""
    keys = []

    def fitted(contender, support, key, mesh=None):
        keys.append(key)
        return contender.meta_params, jnp.zeros(())

    def shuffled(params, key):
        keys.append(key)
        return params

    monkeypatch.setattr(inits, "fitted", fitted)
    monkeypatch.setattr(inits, "shuffled", shuffled)
    return keys


def test_inits_share_no_key(used):
    """Standard weights, the one that training starts from, and those of fits and of the shuffle."""
    seen = []

    def init(key):
        if not isinstance(key, jax.core.Tracer):  # which asks for shapes alone
            seen.append(key)
        return jnp.ones(2)

    field = Field(init, lambda params, coords: coords)
    problem = SimpleNamespace(
        field=field,
        signals=SimpleNamespace(sizes={"train": 3}),
        inner=(),
        query=(),
        matching=(),
        mean_support=lambda count: None,
    )
    learned = plain_init(jnp.zeros(2), HYPER)
    found = make_inits(problem, learned, {}, HYPER, ROOT, Machine())
    assert list(found) == ["standard", "mean", "matched", "shuffled", "meta"]
    optimizer = SimpleNamespace(init=lambda params: ())
    state = init_state(SimpleNamespace(init=init), optimizer, ROOT)
    standard, trained = (_bits(key) for key in seen)
    names = ("standard", "init", "mean", "match", "shuffle")
    expected = [_bits(branch(ROOT, name)) for name in names]
    assert [standard, trained, *map(_bits, used)] == expected
    assert _bits(state.key) == _bits(branch(ROOT, "train"))
    seen.clear()
    standard_params(field, ROOT)
    assert [_bits(key) for key in seen] == [standard]
    found = make_inits(problem, learned, {}, HYPER, ROOT, Machine(), names=("meta", "standard"))
    assert list(found) == ["standard", "meta"]
    with pytest.raises(UserError, match="there is no meta init to test here"):
        make_inits(problem, None, {}, HYPER, ROOT, Machine(), names=("meta",))
