"""Images from their derivatives: what is told of them, what is recovered, how it is shown."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import logging
from PIL import Image
from tiny_runs import run_here

from experiments import poisson
from experiments.config import RunOptions
from experiments.pde import poisson_pictures
from experiments.pde.poisson_flags import PoissonOptions
from experiments.pde.poisson_pictures import maps_of_field
from experiments.pde.poisson_setting import make_setting
from experiments.pde.supervision import REGISTRY
from metainr.numerics import Summation, objective_gradient
from metainr.objectives.derivatives import (
    absolute_error,
    frobenius_error,
    image_gradient,
    image_laplacian,
    pixel_spacing,
    square_grid,
    zeros_at_random,
)
from metainr.types import Field

SIDE = 9
KEY = jax.random.key(0)
TINY = ("--depth=3", "--width=8", "--test_steps=2", "--num_test=1", "--num_validation=1")
ALONE = ("--algorithm=none", *TINY)
DERIVED = ("gradient", "laplacian", "composite")


def _run(**changes):
    return RunOptions(resolution=SIDE, test_steps=1)._replace(**changes)


def _way(name, prior="tv", **changes):
    own = PoissonOptions(seen_fraction=0.25, prior_weight=0.5, prior=prior)
    return REGISTRY[name](_run(**changes), own)


def _basis(coords, np=jnp):
    """All monomials of degree 2 and below: [..., 6]."""
    x, y = coords[..., 0], coords[..., 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


TRUE = np.array([0.1, 0.2, -0.1, 0.2, -0.15, 0.1], np.float32)  # below 1 on [−1, 1]²
QUADRATIC = Field(lambda key: jnp.zeros(6), lambda p, x: (_basis(x) @ p)[..., None])


def _picture(coefficients=TRUE, side=SIDE):
    """A quadratic on the pixels, as grey [n, n, 1] in [0, 1]."""
    values = _basis(square_grid((side, side)), np) @ np.asarray(coefficients, np.float32)
    return jnp.asarray((values.reshape(side, side, 1) + 1) / 2)


def _noise(num, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random((SIDE, SIDE, num), np.float32))


def _loss_and_slope(way):
    """(params, support) -> the objective that inner steps lower, and its gradient."""
    gradient = objective_gradient(way.inner, QUADRATIC.apply, Summation())
    return jax.jit(lambda params, support: gradient(params, support, KEY, 0))


_gradient, _laplacian = jax.jit(image_gradient), jax.jit(image_laplacian)


def test_pixels_reach_the_corners():
    grid = square_grid((3, 5))
    np.testing.assert_array_equal(grid[[0, 4, 10, 14]], [[-1, -1], [-1, 1], [1, -1], [1, 1]])
    np.testing.assert_allclose(grid[6] - grid[5], [0, pixel_spacing(5)])
    np.testing.assert_allclose(grid[5] - grid[0], [pixel_spacing(3), 0])


@pytest.mark.parametrize("shape", [(3, 3), (9, 9), (4, 17)])
def test_derivatives_of_quadratics_are_exact(shape):
    x, y = square_grid(shape).T
    constant, a, b, aa, ab, bb = TRUE
    image = constant + a * x + b * y + aa * x * x + ab * x * y + bb * y * y
    image = image.reshape(*shape, 1)
    expected = np.stack([a + 2 * aa * x + ab * y, b + 2 * bb * y + ab * x], -1)
    np.testing.assert_allclose(_gradient(image).reshape(-1, 2), expected, atol=2e-5)
    np.testing.assert_allclose(_laplacian(image), 2 * (aa + bb), atol=1e-4)


def test_derivatives_of_any_image_as_numpy_takes_them():
    image = _noise(1)
    spacing = pixel_spacing(SIDE)
    expected = np.stack(np.gradient(image[..., 0], spacing, edge_order=2), -1)
    np.testing.assert_allclose(_gradient(image), expected, rtol=1e-5, atol=1e-5)
    f = image[..., 0]
    five = f[2:, 1:-1] + f[:-2, 1:-1] + f[1:-1, 2:] + f[1:-1, :-2] - 4 * f[1:-1, 1:-1]
    inside = _laplacian(image)[1:-1, 1:-1, 0]
    np.testing.assert_allclose(inside, five / spacing**2, rtol=1e-4, atol=1e-3)


def test_an_image_too_small_for_differences():
    for derivative in (image_gradient, image_laplacian):
        with pytest.raises(ValueError, match="below 3 pixels"):
            derivative(np.zeros((9, 2, 1), np.float32))


def test_priors_are_those_of_their_definition():
    predictions, zeros = jnp.array([[3.0, -4.0], [0.0, 0.0]]), jnp.zeros((2, 1))
    np.testing.assert_allclose(absolute_error(predictions, zeros), [3.5, 0])
    np.testing.assert_allclose(frobenius_error(predictions, zeros), [5, 0], atol=1e-5)
    bends = predictions.reshape(1, 2, 2, 1)
    np.testing.assert_allclose(frobenius_error(bends, zeros[:1]), [5], rtol=1e-6)
    at_rest = jnp.zeros((1, 2, 2, 1))
    slope = jax.grad(lambda x: frobenius_error(x, zeros[:1]).sum())
    np.testing.assert_array_equal(slope(at_rest), 0)
    assert np.isfinite(jax.jvp(slope, (at_rest,), (jnp.ones_like(at_rest),))[1]).all()


def test_prior_points_fill_the_square():
    drawn = zeros_at_random(4000)(None, None, KEY, 0)
    assert drawn.inputs.shape == (4000, 2) and not drawn.targets.any() and drawn.weights.all()
    np.testing.assert_allclose(drawn.inputs.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(drawn.inputs.var(0), 1 / 3, atol=0.02)
    assert abs(drawn.inputs).max() <= 1


@pytest.mark.parametrize("name", ["value", *DERIVED])
def test_a_quadratic_is_recovered_in_closed_form(name):
    """The loss is quadratic in the coefficients: one Newton step finds all that it tells of."""
    way = _way(name)
    halves = jnp.concatenate([_picture(2 * TRUE - 0.1), _picture(0 * TRUE + 0.1)], -1)
    pictures = halves if name == "composite" else _picture()
    task = jax.jit(way.make_task)(pictures, KEY)
    gradient = _loss_and_slope(way)
    slopes = [gradient(row, task.support)[1] for row in np.eye(7, 6, dtype=np.float32)]
    hessian = np.asarray(slopes[:6]) - np.asarray(slopes[6])
    found = jnp.asarray(-np.linalg.pinv(hessian, rcond=1e-5) @ slopes[6])
    assert gradient(found, task.support)[0] < 1e-9
    known = {"value": slice(0, 6), "laplacian": slice(0, 0)}.get(name, slice(1, 6))
    np.testing.assert_allclose(found[known], TRUE[known], atol=1e-4)
    if name == "laplacian":  # the harmonic rest is free, and the least of it is none
        np.testing.assert_allclose(found[3] + found[5], TRUE[3] + TRUE[5], atol=1e-4)
    setting = make_setting(QUADRATIC, way, _run(only_tests=True))
    if name in ("value", "gradient"):
        assert jax.jit(setting.score.full)(found, pictures)["psnr"] > 60


def test_a_constant_is_free_where_it_is_not_told():
    shifted = jnp.asarray(TRUE).at[0].add(0.7)
    for name, way in {name: _way(name) for name in REGISTRY}.items():
        score = make_setting(QUADRATIC, way, _run(only_tests=True)).score
        found = jax.jit(score.full)(shifted, jnp.repeat(_picture(), 2, -1))
        assert (found["psnr"] > 60) == (name in DERIVED), name


def test_the_mean_of_gradients_is_the_gradient_of_the_mean():
    pictures = _noise(2)
    told = jax.jit(_way("composite").make_task)(pictures, KEY).support.values
    parts = [_gradient(2 * pictures[..., i : i + 1] - 1) for i in (0, 1)]
    np.testing.assert_allclose(told, (sum(parts) / 2).reshape(-1, 2), atol=1e-4)


@pytest.mark.parametrize("name", DERIVED)
def test_learning_scores_values_but_for_their_mean(name):
    way = _way(name)
    pictures = _noise(2)
    query = jax.jit(way.make_task)(pictures, KEY).query
    image = np.asarray(2 * way.reference(pictures) - 1).reshape(-1, 1)
    np.testing.assert_allclose(query.values, image - image.mean(), atol=1e-6)
    gradient = objective_gradient(way.query, QUADRATIC.apply)
    loss, _ = gradient(jnp.zeros(6), query, KEY, 0)
    np.testing.assert_allclose(loss, image.var(), rtol=1e-4)


def test_what_hides_nothing_is_told_whole():
    pictures = _noise(2)
    for name, way in {name: _way(name) for name in REGISTRY}.items():
        support, task = way.full_support(pictures), way.make_task(pictures, KEY)
        np.testing.assert_array_equal(support.values, task.support.values)
        assert support.weights.all() and (task.support.weights.all() or name == "inpainting")


@pytest.mark.parametrize(
    "name, power, expected", [("gradient", 1, 1 / 30**2), ("laplacian", 3, 4 / 30**4)]
)
def test_losses_do_not_depend_on_the_resolution(name, power, expected):
    """Of a field of zeros: the mean square of the image's derivatives per 1/30 of length."""
    for side in (5, 9):
        way = _way(name, resolution=side)
        support = jax.jit(way.make_task)(_picture(np.eye(6)[power], side), KEY).support
        loss, _ = _loss_and_slope(way)(jnp.zeros(6), support)
        np.testing.assert_allclose(loss, expected, rtol=1e-3)


def test_unseen_pixels_do_not_count():
    way = _way("inpainting", prior="none")
    picture = _noise(1)
    make_task = jax.jit(way.make_task)
    task, other = (make_task(picture, jax.random.key(seed)) for seed in (0, 1))
    assert task.support.weights.sum() == round(0.25 * SIDE**2)
    assert (task.support.weights != other.support.weights).any()
    assert task.query.weights.all()
    hidden = task.support.weights[:, None] == 0
    changed = task.support._replace(values=jnp.where(hidden, 5.0, task.support.values))
    gradient = _loss_and_slope(way)
    _, slope = gradient(TRUE, task.support)
    np.testing.assert_allclose(gradient(TRUE, changed)[1], slope, rtol=1e-5)
    seen = square_grid((SIDE, SIDE))[~np.asarray(hidden)[:, 0]]
    basis = _basis(seen, np)
    residual = basis @ TRUE - np.asarray(task.support.values)[~np.asarray(hidden)]
    expected = 2 * residual @ basis / len(seen)
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("prior", ["tv", "hessian"])
def test_priors_of_a_quadratic(prior):
    """Its Hessian is the same everywhere, and so is a ramp's gradient."""
    way = _way("inpainting", prior=prior)
    coefficients = np.array([0, 0.3, -0.2, 0, 0, 0]) if prior == "tv" else TRUE
    params = jnp.asarray(coefficients, jnp.float32)
    support = jax.jit(way.make_task)(_picture(coefficients), KEY).support
    loss, _ = _loss_and_slope(way)(params, support)
    norm = np.linalg.norm([0.4, -0.15, -0.15, 0.2])
    np.testing.assert_allclose(loss, 0.5 * {"tv": 0.25, "hessian": norm}[prior], rtol=1e-4)


def test_pictures_show_values_directions_and_bends():
    maps = jax.jit(lambda p: maps_of_field(QUADRATIC, p, (SIDE, SIDE)))(TRUE)
    column = jax.jit(poisson_pictures.column)
    maps_of_image = jax.jit(poisson_pictures.maps_of_image)
    for found, expected in zip(maps, maps_of_image(2 * _picture() - 1)):
        np.testing.assert_allclose(found, expected, atol=2e-4)
    picture = column(maps, maps)
    assert picture.shape == (3 * SIDE + 4, SIDE, 3)
    np.testing.assert_allclose(picture[:SIDE, :, :1], _picture(), atol=1e-6)
    assert (picture[SIDE : SIDE + 2] == 1).all()
    np.testing.assert_allclose(picture[-SIDE:], 1, atol=1e-4)  # one bend everywhere: full scale
    down, right = (
        column(*[maps_of_image(2 * _picture(np.eye(6)[i]) - 1)] * 2)[SIDE + 2 : -SIDE - 2]
        for i in (1, 2)
    )
    np.testing.assert_allclose(right, np.broadcast_to([1.0, 0, 0], right.shape), atol=1e-3)
    np.testing.assert_allclose(down, np.broadcast_to([0.5, 1, 0], down.shape), atol=1e-3)
    flat = maps_of_image(jnp.zeros((SIDE, SIDE, 1)))
    assert np.isfinite(column(flat, flat)).all()


def _results(workdir):
    return json.loads((workdir / "results.json").read_text())["settings"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kinds", [["laplacian"], pytest.param([*REGISTRY], marks=pytest.mark.slow)]
)
def test_one_picture_is_fitted(kinds, tmp_path, capfd):
    told = f"--supervision={','.join(kinds)}"
    assert run_here(tmp_path / "run", *ALONE, told, experiment=poisson) == 0
    settings = _results(tmp_path / "run")
    several = [f"supervision={name}" for name in kinds]
    assert list(settings) == (several if len(kinds) > 1 else ["default"])
    for setting in settings.values():
        assert list(setting["inits"]) == ["standard"]
        metrics = setting["inits"]["standard"]["metrics"]
        assert {"psnr", "ssim"} <= metrics.keys() and None not in metrics["psnr"]["mean"]
    with Image.open(next((tmp_path / "run" / "fits").rglob("*.png"))) as picture:
        assert picture.size == (16, 16) and picture.mode == "L"
    assert not capfd.readouterr().err.count("nothing can be learned")


def _learned(workdir, *arguments):
    assert run_here(workdir, *TINY, *arguments, experiment=poisson) == 0
    inits = _results(workdir)["default"]["inits"]
    assert list(inits) == ["standard", "mean", "matched", "shuffled", "meta"]
    for init in inits.values():
        assert np.isfinite(init["metrics"]["psnr"]["mean"]).all()


def test_an_init_is_learned_from_gradients(tmp_path):
    _learned(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("--supervision=value",),
        ("--supervision=gradient", "--inner_points=9"),
        ("--supervision=laplacian",),
        ("--supervision=composite", "--inner_points=9"),
        ("--supervision=inpainting",),
        ("--supervision=inpainting", "--prior=hessian", "--inner_points=9"),
        ("--supervision=inpainting", "--prior=none"),
    ],
    ids=lambda arguments: "-".join(argument.partition("=")[2] for argument in arguments),
)
def test_a_learned_init_fits_ones_own_picture(arguments, tmp_path):
    _learned(tmp_path / "run", *arguments)
    files = []
    for name in ("a.png", "b.png")[: 2 if "composite" in arguments[0] else 1]:
        Image.effect_noise((20, 12), 50).save(tmp_path / name)
        files.append(str(tmp_path / name))
    own = (f"--init={tmp_path / 'run'}", f"--image={','.join(files)}", *TINY[2:4])
    assert run_here(tmp_path / "own", *own, experiment=poisson) == 0
    assert "meta" in _results(tmp_path / "own")["default"]["inits"]


def test_the_original_lies_beside_the_fits(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / "a.png")
    own = (f"--image={tmp_path / 'a.png'}", "--resolution=16")
    assert run_here(tmp_path / "run", *ALONE, *own, experiment=poisson) == 0
    fits = tmp_path / "run" / "fits" / "default"
    names = sorted(path.name for path in fits.iterdir())
    assert names == ["000_a_standard.png", "000_original.png"]
    with Image.open(fits / "000_original.png") as original, Image.open(tmp_path / "a.png") as given:
        np.testing.assert_allclose(np.asarray(original), np.asarray(given), atol=1)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ("--supervision=value,gradient", "are 2 kinds, and an init is learned for one"),
        ("--supervision=gradent", "unknown supervision 'gradent': did you mean gradient?"),
        ("--algorithm=none --supervision=value,value", "no list of different kinds"),
        ("--supervision=", "--supervision= is not possible; give kinds of supervision"),
        ("--signal=camera", "--signal=camera is a single picture"),
        ("--image=a.png", "--image=a.png is a single picture"),
        ("--algorithm=none --image=/nowhere.png", "/nowhere.png"),
        ("--algorithm=none --image=a.png,b.png", "names 2 pictures"),
        ("--algorithm=none --supervision=composite --image=a.png", "needs 2"),
        ("--algorithm=none --resolution=2", "--resolution=2 has no differences"),
        ("--signal=sdff", "'sdff': did you mean sdf"),
        ("--algorithm=none --signal=camra", "did you mean camera? choose one of camera, image,"),
        (
            "--algorithm=none --supervision=inpainting --seen_fraction=0",
            "--seen_fraction=0 is not possible; give a number from",
        ),
        ("--algorithm=none --image=a.png --image_folder=b", "--image and --image_folder"),
        ("--signal=image", "--signal=image is a single picture"),
        ("--algorithm=none --signal=image", "--signal=image needs a picture; give --image=FILE"),
    ],
)
def test_mistakes(arguments, expected, tmp_path, capfd):
    assert run_here(tmp_path / "run", *TINY, *arguments.split(), experiment=poisson) == 1
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and expected in lines[0], lines
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "network, kinds, warned",
    [
        ("--field=mlp", "gradient,laplacian", ["laplacian"]),
        ("--field=mlp", "inpainting --prior=hessian", ["inpainting"]),
        ("--field=mlp", "inpainting", []),
        ("--field=mlp --activation=softplus", "laplacian", []),
        ("--field=positional", "laplacian", []),
        ("--field=hash_grid --levels=2", "laplacian", ["laplacian"]),
    ],
)
def test_fields_without_second_derivatives_are_named(network, kinds, warned, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *args: lines.append(line % args))
    problem_of = _built(f"{network} --supervision={kinds}".split())
    assert problem_of.settings
    assert [line.split()[0] for line in lines] == [f"--supervision={name}" for name in warned]
    assert all("nothing can be learned" in line for line in lines)


def _built(arguments):
    from absl import flags
    from absl.testing import flagsaver

    from experiments import cli
    from experiments.run import shared_flags

    with flagsaver.flagsaver():
        cli.parse(["poisson", "--resolution=8", *ALONE, *arguments])
        config = shared_flags.configuration(poisson.EXPERIMENT)
        flags.FLAGS.mark_as_parsed()
        return poisson.build(config, Summation())
