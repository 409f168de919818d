"""The library's front door: learn, compare, fit, save and load, with no flag and no program."""

import re
import textwrap

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_runs import shared_programs

import metainr
from metainr.errors import UserError
from metainr.measurements import gradient, value
from metainr.objectives import all_points, pixel_grid, squared_error
from metainr.runs.regression import of_grid
from metainr.types import Field, Term

SIDE = 12


def _images(num=12, channels=3):
    """Waves of random tilt, [n, h, w, c] in [0, 1]."""
    tilts = np.random.default_rng(0).uniform(size=(num, 1, 1, 1))
    rows, columns = np.mgrid[:SIDE, :SIDE][..., None] / SIDE
    phases = np.arange(channels)
    return (0.5 + 0.5 * np.sin(5 * (rows + tilts * columns) + phases)).astype(np.float32)


def _learn(data=None, **options):
    chosen = {"width": 16, "depth": 3, "train_steps": 4, "eval_every": 4, "test_steps": 4}
    if not isinstance(options.get("field", ""), str):
        del chosen["width"], chosen["depth"]
    return metainr.learn(_images() if data is None else data, **chosen | options)


@pytest.fixture(scope="module", autouse=True)
def programs():
    with shared_programs():
        yield


@pytest.fixture(scope="module")
def run():
    return _learn()


def _python_of(text):
    """The indented block that a docstring shows."""
    lines = text.split("\n\n    ", 1)[1].splitlines()
    block = [lines[0]] + [line for line in lines[1:] if not line or line.startswith("    ")]
    return textwrap.dedent("    " + "\n".join(block))


@pytest.mark.slow
def test_the_example_of_help_runs(capsys):
    scope = {}
    exec(_python_of(metainr.__doc__), scope)
    assert scope["picture"].shape == (64, 64, 1)
    assert "shuffled" in capsys.readouterr().out


def test_five_inits_are_compared_and_a_page_is_written(run, tmp_path):
    table = metainr.compare(run, steps=(0, 2, 4))
    assert list(table.results["settings"]["default"]["inits"]) == [
        "standard", "mean", "matched", "shuffled", "meta",
    ]  # fmt: skip
    assert table.mean().shape == (3,) and np.isfinite(table.mean()).all()
    assert "shuffled" in str(table) and "<table>" in table._repr_html_()
    page = table.report(tmp_path)
    assert "meta" in page.read_text() and (tmp_path / "results.json").exists()
    with pytest.raises(UserError, match="results.json.*move away what is in its place"):
        table.report(tmp_path / "results.json")


def test_learned_inits_are_finished_by_another_optimizer(run):
    table = metainr.compare(
        run, steps=(0, 2, 4), num_test=2, finish="adam", finish_learning_rate=1e-3
    )
    inits = table.results["settings"]["default"]["inits"]
    assert inits["meta"]["finish"]["after"] == 2 and "finish" not in inits["standard"]
    assert "sgd 1e-2, then adam 1e-3" in str(table)
    plain, finished = (run.fit(_images()[0], steps=4, **how) for how in ({}, {"finish": "adam"}))
    np.testing.assert_allclose(plain.losses[:3], finished.losses[:3], rtol=1e-5)
    assert abs(plain.losses[3] / finished.losses[3] - 1) > 1e-3
    with pytest.raises(UserError, match="finish is 'adm'; give one of sgd, adam"):
        run.fit(_images()[0], finish="adm")


def test_a_fit_is_the_same_by_the_files(run, tmp_path):
    image = _images()[0]
    fit = run.fit(image, steps=3)
    assert len(fit.losses) == 3 and fit.render((5, 7)).shape == (5, 7, 3)
    assert fit.psnr == pytest.approx(
        -10 * np.log10(np.mean((fit.render((SIDE, SIDE)) - image) ** 2))
    )
    run.save(tmp_path / "run.safetensors")
    again = metainr.load(tmp_path / "run.safetensors")
    np.testing.assert_array_equal(again.fit(image, steps=3).losses, fit.losses)
    fit.save(tmp_path / "fit.npz")
    start = metainr.load(tmp_path / "fit.npz").fit(image, steps=0)
    np.testing.assert_array_equal(start.render((4, 4)), fit.render((4, 4)))


def test_only_the_first_fit_of_a_shape_traces_the_field(run):
    traced = []

    def apply(params, coords):
        traced.append(coords.shape)
        return run.field.apply(params, coords)

    counted = run._replace(field=run.field._replace(apply=apply))
    counted.fit(_images()[0], steps=2)
    count = len(traced)
    again = counted.fit(_images()[1], steps=3, learning_rate=0.02)
    assert len(traced) == count > 0
    expected = run.fit(_images()[1], steps=3, learning_rate=0.02)
    np.testing.assert_array_equal(again.losses, expected.losses)


def test_integers_and_masks(run):
    image = (_images()[0] * 255).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, ::2] = True
    hidden = np.where(mask[..., None], image, 0).astype(np.uint8)
    seen = run.fit(hidden, steps=2, mask=mask).render((4, 4))
    np.testing.assert_allclose(run.fit(image, steps=2, mask=mask).render((4, 4)), seen, atol=1e-6)
    assert np.abs(run.fit(hidden, steps=2).render((4, 4)) - seen).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("algorithm, options", [("modulations", {"latent": 4})])
def test_what_algorithms_learn_travels_whole(algorithm, options, tmp_path):
    run = _learn(algorithm=algorithm, algorithm_options=options)
    run.save(tmp_path / "run.safetensors")
    again = metainr.load(tmp_path / "run.safetensors")
    assert again.init.learner == run.init.learner
    jax.tree.map(np.testing.assert_array_equal, again.init.meta_params, run.init.meta_params)


def test_a_workdir_goes_on_and_is_loaded(tmp_path):
    whole = _learn(train_steps=6, workdir=tmp_path / "whole")
    _learn(train_steps=3, workdir=tmp_path / "parts")
    parts = _learn(train_steps=6, workdir=tmp_path / "parts")
    jax.tree.map(np.testing.assert_array_equal, parts.init.meta_params, whole.init.meta_params)
    loaded = metainr.load(tmp_path / "parts").init.meta_params
    jax.tree.map(np.testing.assert_array_equal, loaded, whole.init.meta_params)
    with pytest.raises(UserError, match="width"):
        _learn(width=8, workdir=tmp_path / "parts")


def test_fields_objectives_and_optimizers_of_ones_own(tmp_path):
    def init(key):
        return {"w": jax.random.normal(key, (2, 8)), "v": jnp.zeros((8, 3))}

    field = Field(init, lambda params, x: jnp.sin(x @ params["w"]) @ params["v"])
    points = all_points(pixel_grid((SIDE, SIDE)))

    def smooth(predictions, targets):
        return jnp.mean(jnp.square(predictions), axis=tuple(range(1, predictions.ndim)))

    objective = (
        Term(points, value(), squared_error),
        Term(points, gradient(), smooth, scale=1e-3),
    )
    run = _learn(
        field=field,
        objective=objective,
        inner_optimizer=lambda rate: optax.adamw(rate, eps_root=1e-8),  # else NaN where v = 0
        outer_optimizer=optax.sgd(1e-3),
    )
    run.save(tmp_path / "own.safetensors")
    assert "sgd" not in str(metainr.compare(run, steps=(0, 2)))
    again = metainr.load(
        tmp_path / "own.safetensors", field=field, inner_optimizer=run.init.hyper.optimizer
    )
    jax.tree.map(np.testing.assert_array_equal, again.init.meta_params, run.init.meta_params)
    with pytest.raises(UserError, match="give field="):
        metainr.load(tmp_path / "own.safetensors")
    with pytest.raises(UserError, match="give inner_optimizer="):
        metainr.load(tmp_path / "own.safetensors", field=field)


@pytest.mark.slow
def test_one_channel_and_one_axis():
    run = _learn(_images(channels=1)[..., 0])
    assert run.fit(_images(channels=1)[0, ..., 0], steps=1).render((3, 3)).shape == (3, 3, 1)
    sounds = metainr.signals.of_arrays(_images(channels=1)[:, :, 0, 0], axes=1)
    assert _learn(sounds).fit(sounds.get("test", 0), steps=1).render((9,)).shape == (9, 1)


def _without(split):
    images = metainr.signals.of_arrays(_images())
    return images._replace(sizes={**images.sizes, split: 0})


def _problem():
    field = metainr.fields.siren(width=8, depth=3)
    images = metainr.signals.of_arrays(_images())
    return of_grid(field, images, (SIDE, SIDE), (0, 2), 2, 2)


BAD = {
    "a class": (lambda: _learn(_images()[0]), r"arrays: .*\[12, 12, 3\].*\[None\]"),
    "shapes": (lambda: _learn([np.zeros((2, 2)), np.zeros((3, 2))]), r"several shapes"),
    "range": (lambda: _learn(300 * _images()), r"values from .* expected 0 to 1; .*value_range"),
    "levels": (lambda: _learn(255 * _images()), r"divide them by 255 if they are levels"),
    "objects": (lambda: _learn(_images().astype(object)), "type object"),
    "nan": (lambda: _learn(np.where(_images() > 0.9, np.nan, 0)), "NaN"),
    "text": (lambda: _learn(np.full((4, 2, 2, 1), "x")), "type"),
    "few": (lambda: _learn(_images(2)), "too few"),
    "algorithm": (lambda: _learn(algorithm="mamal"), "did you mean maml"),
    "its options": (
        lambda: _learn(algorithm="modulations", algorithm_options={"latents": 3}),
        "did you mean latent",
    ),
    "field": (lambda: _learn(field="sirene"), "did you mean siren"),
    "field's option": (lambda: _learn(widht=3), "width"),
    "option of learn": (lambda: _learn(learning_rate=1), "did you mean .*inner_learning_rate"),
    "field's value": (lambda: _learn(omega=float("nan")), "omega"),
    "channels": (
        lambda: _learn(_images(channels=1), field=metainr.fields.siren(width=8)),
        "expected floats",
    ),
    "seed": (lambda: _learn(seed=10**30), "seed is .*; give a whole number"),
    "rate": (lambda: _learn(outer_learning_rate=float("nan")), "learning_rate"),
    "a problem's field": (lambda: metainr.learn(_problem(), width=3), "width: a problem has its"),
    "a problem's share": (lambda: metainr.learn(_problem(), train_seen=0), "train_seen: a problem"),
    "no validation": (lambda: _learn(_without("validation")), "none for validation"),
    "nothing to learn from": (lambda: _learn(_without("train")), "no training signals"),
    "steps": (lambda: metainr.compare(_learn(train_steps=0), steps=(2, 0)), "increasing"),
    "file": (lambda: metainr.load("nowhere.safetensors"), "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_told_in_one_line(name):
    act, expected = BAD[name]
    with pytest.raises(UserError) as raised:
        act()
    message = str(raised.value)
    assert re.search(expected, message) and "\n" not in message and "--" not in message


def test_channels_that_come_first_are_told_of(caplog):
    metainr.signals.of_arrays(np.zeros((9, 16, 12, 3)))
    assert not caplog.messages
    metainr.signals.of_arrays(np.zeros((9, 3, 16, 12)))
    assert "[9, 3, 16, 12] is read as 3 × 16 points of 12 channels" in caplog.messages[0]


def test_what_is_shown_of_a_run_and_a_fit_is_a_line(run):
    fit = run.fit(_images()[0], steps=2)
    assert repr(run) == "<Run: siren, maml, learned on 12 × 12 points>"
    assert repr(fit) == f"<Fit: siren, {fit.psnr:.1f} dB after 2 steps>"


def test_a_fit_is_shown_at_its_own_grid_or_another_of_as_many_axes(run):
    fit = run.fit(_images()[0, :7], steps=1)
    assert fit.render().shape == (7, 12, 3) and fit.render((3, 2)).shape == (3, 2, 3)
    for shape in ((3, 3, 3), (0, 3), 8):
        with pytest.raises(UserError, match="shape is .*; give .* 2 of them .*such as 7,12"):
            fit.render(shape)


@pytest.mark.parametrize("name", ["<b>", "a,b", "", "a/b", "meta", 41 * "a"])
def test_rivals_have_plain_names_of_their_own(run, name):
    with pytest.raises(UserError, match="a rival is called .*; give rivals names of letters"):
        metainr.compare(run, rivals={name: run})


def test_what_a_file_says_of_a_grid_is_checked(run, tmp_path):
    wrong = ({"shape": [10**6, 10**6]}, {"shape": "x"}, {"inner_points": "x"}, {"shape": [1.5]})
    for record in wrong:
        run._replace(record={**run.record, **record}).save(tmp_path / "odd.safetensors")
        with pytest.raises(UserError, match="odd.safetensors was recorded with"):
            metainr.load(tmp_path / "odd.safetensors")


def test_an_objective_of_ones_own_is_not_forgotten_by_a_fit(run, tmp_path):
    """The mean squared error must not take its place without a word."""
    own = run._replace(record={**run.record, "objective": "own"})
    own.save(tmp_path / "own.safetensors")
    loaded = metainr.load(tmp_path / "own.safetensors")
    for told in (lambda: loaded.fit(_images()[0]), lambda: own.fit(_images()[0, :4])):
        with pytest.raises(UserError, match="objective="):
            told()
    with pytest.raises(UserError, match="how fits are tested"):
        metainr.compare(loaded)


def test_mistakes_of_a_fit(run):
    with pytest.raises(UserError, match="give signal="):
        run.fit()
    for wrong in ({"steps": -1}, {"steps": 2.5}, {"seed": 10**30}, {"learning_rate": np.nan}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            run.fit(_images()[0], **wrong)
    for signal in (np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE, 4)), np.zeros(SIDE)):
        with pytest.raises(UserError, match="signal: "):
            run.fit(signal)
    with pytest.raises(UserError, match="mask: "):
        run.fit(_images()[0], mask=np.zeros((SIDE, SIDE)))


def test_losses_and_predictions_of_other_shapes_are_refused():
    points = all_points(pixel_grid((SIDE, SIDE)))
    flat = Field(lambda key: jnp.ones(2), lambda w, x: (x @ w)[..., None])
    images = _images(channels=1)

    def flattened(params, samples, key, step):
        rows = points(params, samples, key, step)
        return rows._replace(targets=rows.targets[:, 0])

    with pytest.raises(UserError, match=r"\[144, 1\].*\[144\]"):
        _learn(images, field=flat, objective=(Term(flattened, value(), squared_error),))
    with pytest.raises(UserError, match=r"loss"):
        scalar = lambda predictions, targets: jnp.mean(predictions)  # noqa: E731
        _learn(images, field=flat, objective=(Term(points, value(), scalar),))


def test_coarse_steps_see_every_second_point():
    images = np.random.default_rng(3).uniform(size=(12, 16, 16, 3)).astype(np.float32)
    options = {"width": 8, "depth": 2, "train_steps": 3, "num_validation": 1}
    fine = {"validation": images[:1], "test": images[:1]}
    half = {name: held[:, ::2, ::2] for name, held in fine.items()}
    coarse = metainr.learn(metainr.signals.of_arrays(images, **fine), coarse_steps=3, **options)
    small = metainr.learn(metainr.signals.of_arrays(images[:, ::2, ::2], **half), **options)
    chex.assert_trees_all_equal(coarse.init.meta_params, small.init.meta_params)


def test_a_run_goes_on_where_its_points_are_all_seen(tmp_path):
    images = np.random.default_rng(3).uniform(size=(12, 16, 16, 3)).astype(np.float32)
    options = {"width": 8, "depth": 2, "num_validation": 1, "coarse_steps": 2}
    whole = metainr.learn(images, train_steps=5, **options)
    for steps in (1, 3, 5):  # within either stage, and at the end
        run = metainr.learn(images, train_steps=steps, workdir=tmp_path, **options)
    chex.assert_trees_all_equal(run.init.meta_params, whole.init.meta_params)
    with pytest.raises(UserError, match="these signals have no coarser form"):
        problem = run.problem._replace(coarse=None)
        metainr.learn(problem, train_steps=1, coarse_steps=1)
