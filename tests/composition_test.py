"""Inits that are made of others: what is exact of them, and the programs on tiny runs."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import learn_here, run_here

import metainr
from experiments import audio, compose, transfer, view_synthesis
from metainr import fields, signals
from metainr.errors import UserError
from metainr.evaluation.choosing import choose
from metainr.objectives import image_samples
from metainr.progress import progress
from metainr.reporting.modalities import modal_verdict
from metainr.runs import comparison
from metainr.runs.fits import make_contenders
from metainr.runs.inits import plain_init, start_params
from metainr.runs.options import Machine
from metainr.runs.regression import grid_objectives
from metainr.runs.starts import check_common_ancestor, fingerprint
from metainr.types import Hyper
from metainr.weights import arithmetic, average, hidden_layers, with_layers

RNG = np.random.default_rng(3)
SIREN = fields.make("siren", width=8, depth=4, omega=30, first_omega=30)


def _weights(seed):
    return SIREN.init(jax.random.key(seed))


def _assert_same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_an_average_of_equal_inits_is_that_init():
    one = _weights(0)
    _assert_same(average([one, one, one], (0.1, 0.2, 0.7)), one)
    _assert_same(average([one, _weights(1)], (1, 0)), one)
    halves = average([{"a": jnp.array([0.0, 2.0])}, {"a": jnp.array([4.0, 4.0])}], (3, 1))
    _assert_same(halves, {"a": jnp.array([1.0, 2.5])})


def test_arithmetic_adds_what_was_learned_beyond_the_common():
    sdf, text, common = map(_weights, range(3))
    _assert_same(arithmetic([sdf, text], text), sdf)
    total = jax.tree.map(lambda s, t, c: s + (t - c), sdf, text, common)
    _assert_same(arithmetic([sdf, text], common), total)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6),
        arithmetic([sdf, text], common, 0.5),
        average([sdf, text]),
    )


def test_weights_of_other_networks_are_refused():
    other = fields.make("siren", width=4, depth=4).init(jax.random.key(0))
    for trees in ([], [_weights(0), other]):
        with pytest.raises(UserError, match="weights of one network"):
            average(trees)
    with pytest.raises(UserError, match="shares"):
        average([_weights(0)], (-1,))


def test_the_choice_is_the_init_of_the_lower_loss():
    """A constant c fitted to y: after a step of rate α the loss is (1 − 2α)² (c − y)²."""
    constant = fields.of_functions(
        lambda key: jnp.zeros(1), lambda c, x: jnp.broadcast_to(c, (*x.shape[:-1], 1))
    )
    objective, _ = grid_objectives((2, 2), 0)
    hyper = Hyper("sgd", 0.1)
    inits = {name: plain_init(jnp.array([c]), hyper) for name, c in (("low", 0.2), ("high", 0.8))}
    contenders = make_contenders(inits, constant, objective, Machine())
    supports = [image_samples(np.full((2, 2, 1), y, np.float32)) for y in (0.1, 0.6, 0.4)]
    assert choose(contenders, supports, jax.random.key(0)) == ["low", "high", "low"]


def test_the_mean_of_fields_steps_as_one_of_them_at_as_many_times_the_rate():
    linear = fields.of_functions(
        lambda key: jax.random.normal(key, (2, 1)), lambda weights, x: x @ weights
    )
    both, key = fields.mean_field(linear, 2), jax.random.key(1)
    start, coords, target = linear.init(key), jnp.asarray(RNG.normal(size=(5, 2))), jnp.ones((5, 1))

    def stepped(field, params, rate):
        gradient = jax.grad(lambda p: jnp.mean((field.apply(p, coords) - target) ** 2))(params)
        return field.apply(jax.tree.map(lambda p, g: p - rate * g, params, gradient), coords)

    twice = stepped(both, {"field_0": start, "field_1": start}, 0.2)
    np.testing.assert_allclose(twice, stepped(linear, start, 0.1), rtol=1e-5)
    own = both.init(key)
    mean = (linear.apply(own["field_0"], coords) + linear.apply(own["field_1"], coords)) / 2
    np.testing.assert_allclose(both.apply(own, coords), mean, rtol=1e-6)


def test_moved_layers_are_the_sources_and_the_first_and_last_are_not():
    def make(in_dim, out_dim):
        return fields.make("siren", width=8, depth=4, in_dim=in_dim, out_dim=out_dim)

    names = hidden_layers(make)
    sound, picture = make(1, 1).init(jax.random.key(0)), make(2, 3).init(jax.random.key(1))
    moved = with_layers(picture, sound, names)
    for layer, source in (("dense_0", picture), ("dense_1", sound), ("dense_2", sound)):
        _assert_same(moved[layer], source[layer])
    _assert_same(moved["dense_3"], picture["dense_3"])
    assert make(2, 3).apply(moved, jnp.zeros((5, 2))).shape == (5, 3)


def test_learning_begins_with_what_it_is_given_and_leaves_that_alone(tmp_path):
    images = RNG.uniform(size=(12, 6, 6)).astype(np.float32)
    network = {"width": 8, "depth": 3, "omega": 30, "first_omega": 30}
    first = metainr.learn(images, train_steps=1, **network)
    first.save(tmp_path / "first.npz")
    for start in (first, tmp_path / "first.npz"):
        run = metainr.learn(images, start=start, train_steps=0, **network)
        _assert_same(run.init.meta_params, first.init.meta_params)
        assert run.record["ancestor"] == fingerprint(first.init.meta_params)
    after = metainr.learn(images, start=first, train_steps=2, **network)
    assert fingerprint(after.init.meta_params) != after.record["ancestor"]
    check_common_ancestor({"a": run.record, "b": after.record}, run.record["ancestor"])
    with pytest.raises(UserError, match="random weights.*the same start"):
        check_common_ancestor({"a": run.record, "b": first.record})
    with pytest.raises(UserError, match="different weights"):
        check_common_ancestor({"a": run.record, "b": {"ancestor": "0"}})
    with pytest.raises(UserError, match="omega=30, and this run has omega=60; give the same"):
        metainr.learn(images, start=first, train_steps=0, **network | {"omega": 60})


def test_curves_with_texture_are_both():
    options = signals.ImageOptions(24)
    picture = signals.make("textured", options).get("test", 0)
    grey = np.ptp(picture, axis=-1) == 0
    assert grey[[0, 0, -1, -1], [0, -1, 0, -1]].all() and not grey[12, 12]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root, depth = tmp_path_factory.mktemp("runs"), "--depth=3"
    learn_here(root / "common", depth, "--signal=sdf,text")
    for name in ("sdf", "text"):
        learn_here(root / name, depth, f"--signal={name}", f"--start={root / 'common'}")
    learn_here(root / "alone", depth, "--signal=text")
    learn_here(root / "flat", "--signal=text")
    sound = ("--omega=200", "--sample_rate=2000", "--duration=0.05", "--inner_steps=2")
    learn_here(root / "notes", depth, *sound, experiment=audio)
    return root


def test_the_program_composes_and_writes_inits_that_fit(runs, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(comparison, "progress", lambda *a, **k: shown.append(a) or progress(*a))
    flags = (
        f"--composed_of=sdf={runs / 'sdf'},text={runs / 'text'}",
        *(f"--common={runs / 'common'}", f"--rivals=joint={runs / 'common'}", "--signal=textured"),
        *("--num_test=3", "--num_validation=2"),
    )
    assert run_here(runs / "composed", "--depth=3", *flags, experiment=compose) == 0
    assert shown == [(8, "init", "fits"), (1, "init", "fits")]  # choice is picked of them
    setting = json.loads((runs / "composed" / "results.json").read_text())["settings"]["default"]
    names = ["standard", "shuffled", "sdf", "text", "common", "average", "arithmetic", "choice"]
    assert [*setting["inits"]] == [*names, "modules", "joint"]
    psnr = {name: entry["metrics"]["psnr"] for name, entry in setting["inits"].items()}
    assert psnr["joint"] == psnr["common"]
    for i, course in enumerate(psnr["choice"]["per_signal"]):
        own = [psnr[name]["per_signal"][i] for name in ("sdf", "text")]
        assert course == max(own, key=lambda values: values[1])
    assert "PSNR, step 1" in capsys.readouterr().out
    made = runs / "composed" / "inits" / "average.safetensors"
    both = [metainr.load(runs / name).init.meta_params for name in ("sdf", "text")]
    found = start_params(metainr.load(made).field, metainr.load(made).init)
    shares = [(1, 1), (3, 1), (1, 3)]
    near = [fingerprint(found) == fingerprint(average(both, share)) for share in shares]
    assert any(near)


@pytest.mark.slow
def test_runs_of_objects_are_composed(tmp_path):
    sizes = ("--resolution=12", "--depth=3", "--ray_samples=4", "--inner_points=8")
    tests = ("--fit_views=1", "--held_out_views=2", "--num_test=2", "--test_steps=1")
    flags = (*sizes, *tests, "--inner_steps=1", "--inits=meta", "--num_validation=1")
    learn_here(tmp_path / "both", *flags, "--signal=chairs,lamps", experiment=view_synthesis)
    for name in ("chairs", "lamps"):
        own = (f"--signal={name}", f"--start={tmp_path / 'both'}")
        learn_here(tmp_path / name, *flags, *own, experiment=view_synthesis)
    runs = ",".join(f"{name}={tmp_path / name}" for name in ("chairs", "lamps"))
    own = (f"--composed_of={runs}", f"--common={tmp_path / 'both'}", "--signal=reading_chairs")
    shared = ("--num_test=2", "--num_validation=1", "--test_steps=1")
    assert run_here(tmp_path / "composed", *sizes, *own, *shared, experiment=compose) == 0
    setting = json.loads((tmp_path / "composed" / "results.json").read_text())["settings"]
    found = setting["default"]["inits"]
    assert {"chairs", "lamps", "common", "average", "arithmetic", "choice", "modules"} <= {*found}
    assert all(np.isfinite(entry["metrics"]["psnr"]["mean"]).all() for entry in found.values())


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--composed_of=a=SDF"], "fewer than two runs"),
        (["--composed_of=SDF,TEXT"], "is not NAME=WORKDIR"),
        (["--composed_of=a=SDF,b=ALONE", "--signal=textured"], "b was learned from random weights"),
        (["--composed_of=a=SDF,b=TEXT", "--common=SDF", "--signal=textured"], "--common"),
        (["--composed_of=a=SDF,b=FLAT", "--signal=textured"], "--depth=2 and this run has 3"),
        (["--composed_of=a=SDF,average=TEXT", "--signal=textured"], "average is taken"),
        (["--composed_of=a=SDF,b=TEXT"], "--signal is missing"),
    ],
)
def test_mistakes_in_composing_get_one_line(runs, capfd, arguments, words):
    for name in ("sdf", "text", "alone", "flat"):
        arguments = [x.replace(name.upper(), str(runs / name)) for x in arguments]
    assert run_here(runs / "none", "--depth=3", *arguments, experiment=compose) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and words in line
    assert not (runs / "none").exists()


def test_a_start_is_refused_where_it_is_none(runs, capfd):
    flags = ("--signal=sdf", "--depth=4", f"--start={runs / 'common'}")
    assert run_here(runs / "none", *flags) == 1
    assert "--depth=3 and this run has 4; give its --depth=3" in capfd.readouterr().err
    assert run_here(runs / "none", f"--start={runs / 'common'}", "--algorithm=none") == 1
    assert "no init is learned; leave it out" in capfd.readouterr().err


def test_hidden_layers_go_between_modalities(runs, capfd):
    workdirs = f"--workdirs={runs / 'alone'},{runs / 'notes'}"
    assert run_here(runs / "modal", workdirs, "--num_test=2", experiment=transfer) == 0
    found = json.loads((runs / "modal" / "transfer.json").read_text())
    assert found["columns"] == ["text, step 2", "notes, step 2"]
    assert found["rows"][:2] == ["hidden: text", "shuffled: text"] and len(found["rows"]) == 6
    assert np.isfinite(np.array(found["mean"], float)).all()
    assert (runs / "modal" / "figures" / "transfer.png").exists()
    capfd.readouterr()
    workdirs = f"--workdirs={runs / 'flat'},{runs / 'notes'}"
    assert run_here(runs / "none", workdirs, experiment=transfer) == 1
    assert "has --depth=2 and" in capfd.readouterr().err


def test_the_verdict_counts_other_modalities_alone():
    mean = np.array([[9.0, 3.0], [9.0, 1.0], [1.0, 9.0], [2.0, 9.0], [2.0, 2.0], [9.0, 9.0]])
    assert "in 1 of 2 cases, and better than the same layers shuffled in 1" in modal_verdict(mean)
