"""The programs: a set of fields is written, a prior learned, and parts of signals completed."""

import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image
from tiny_runs import shared_programs

import metainr
from experiments import fit, generate
from metainr.errors import UserError
from metainr.generation import PriorOptions
from metainr.runs.as_data.completing import (
    Views,
    make_completer,
    seen_mask,
    view_angles,
    views_objective,
)
from metainr.runs.regression import grid_objectives
from metainr.signals import ImageOptions

SIDE = 12
TINY = PriorOptions(width=16, blocks=1, batch=8, levels=50)


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    curves = metainr.signals.make("sdf", ImageOptions(SIDE))
    run = metainr.learn(
        curves, width=16, depth=3, omega=30, first_omega=30, algorithm="modulations",
        algorithm_options={"latent": 4}, inner_learning_rate=1.0, train_steps=30,
        coarse_steps=0, tasks_per_step=2, outer_learning_rate=1e-3,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("init") / "init.safetensors"
    run.save(path)
    return path


def _call(program, *arguments):
    with flagsaver.flagsaver(), shared_programs():
        flags.FLAGS([program.__name__.rpartition(".")[2], *map(str, arguments)])
        program.main()


@pytest.fixture(scope="module")
def written(init, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "curves"
    _call(
        fit, f"--init={init}", "--input=class:sdf", f"--as_dataset={folder}", "--sizes=12,3,4"
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def generator(written):
    return metainr.learn_prior(metainr.read_fields(written), options=TINY, train_steps=20)


def test_a_folder_becomes_a_set_with_its_sub_folders_as_labels(init, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(9):
        path = tmp_path / "pictures" / ("cats" if i % 2 else "dogs") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)).save(path)
    out = tmp_path / "set"
    _call(fit, f"--init={init}", f"--input={tmp_path / 'pictures'}", f"--as_dataset={out}")
    fields = metainr.read_fields(out)
    assert fields.about.classes == ("cats", "dogs")
    rows = fields.splits["train"]
    assert [fields.about.classes[n] for n in rows.labels] == [x.split("/")[0] for x in rows.names]
    assert fields.about.source["signal"] == "folder"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--input=class:sdf", "--scale=2"], "--scale=2 is of pictures"),
        (["--input=class:sdff"], "did you mean sdf"),
        (["--input=nowhere"], "is no folder"),
        ([], "--input is missing"),
    ],
)
def test_mistakes_of_a_set_are_told(init, tmp_path, arguments, match):
    with pytest.raises(UserError, match=match):
        _call(fit, f"--init={init}", f"--as_dataset={tmp_path / 'set'}", *arguments)
    assert not (tmp_path / "set").exists()


_TINY_PRIOR = ("--prior_width=16", "--prior_blocks=1", "--prior_batch=8", "--prior_steps=4")


def test_a_set_is_generated_from(written, tmp_path):
    arguments = (f"--fields={written}", f"--workdir={tmp_path}", *_TINY_PRIOR)
    _call(generate, *arguments, "--samples=5")
    record = json.loads((tmp_path / "generation.json").read_text())
    assert record["quality"]["samples"].keys() == {"mmd", "cov", "one_nna", "novelty", "broken"}
    assert len(list((tmp_path / "samples").glob("*.png"))) == 5
    assert "Samples over the nearest" in (tmp_path / "report.html").read_text()
    weights = (tmp_path / "prior.safetensors").read_bytes()
    _call(generate, *arguments, "--samples=3")
    assert (tmp_path / "prior.safetensors").read_bytes() == weights
    assert len(list((tmp_path / "samples").glob("*.png"))) == 3


@pytest.mark.slow
def test_signals_are_completed(written, tmp_path):
    given = (f"--fields={written}", f"--workdir={tmp_path}", *_TINY_PRIOR, "--samples=5")
    _call(generate, *given, "--complete=views:2,pixels:0.2", "--num_complete=2",
          "--complete_samples=2")  # fmt: skip
    record = json.loads((tmp_path / "generation.json").read_text())
    assert set(record["completion"]) == {"views:2", "pixels:0.2"}
    assert len(record["completion"]["views:2"]["psnr"]["learned init alone"]) == 2
    assert "Completed from 2 views" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--label=3"], "has no labels"),
        (["--complete=views:x"], "views:N or pixels:SHARE"),
        (["--complete=sound:3"], "views:N or pixels:SHARE"),
        (["--fields=nowhere"], "as_dataset"),
    ],
)
def test_mistakes_of_generation_are_told(written, tmp_path, arguments, match):
    with pytest.raises(UserError, match=match):
        _call(generate, f"--fields={written}", f"--workdir={tmp_path / 'run'}", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_prior_goes_on_where_it_stopped(written, generator, tmp_path):
    fields = metainr.read_fields(written)
    for steps in (12, 20):
        again = metainr.learn_prior(
            fields, options=TINY, train_steps=steps, checkpoint_every=5, workdir=tmp_path
        )
    assert np.array_equal(again.sample(3), generator.sample(3))
    with pytest.raises(UserError, match="prior of another run"):
        metainr.learn_prior(fields, options=TINY, train_steps=30, seed=1, workdir=tmp_path)
    with pytest.raises(UserError, match="prior of another run"):
        metainr.learn_prior(fields, train_steps=30, workdir=tmp_path)


def test_a_completion_agrees_with_what_was_seen(written, generator):
    """The less noise a measurement is said to have, the closer to it all samples are."""
    fields = generator.fields
    signal = fields.render(fields.splits["test"][0].vector[None])[0]
    samples = metainr.objectives.image_samples(signal, seen_mask((SIDE, SIDE), 0.3, 0))
    complete = make_completer(generator, grid_objectives((SIDE, SIDE), 0)[0], 20)
    weights = samples.weights.reshape(SIDE, SIDE)[None, ..., None]

    def misfit(noise):
        found = complete(samples, count=4, noise=noise)
        return np.sqrt(np.mean(weights * (found.values - signal) ** 2)), found.spread.mean()

    (tight, sure), (loose, unsure) = misfit(1e-3), misfit(10.0)
    assert tight < 0.6 * loose and sure < unsure


def test_views_of_a_field_are_projections_of_its_picture(generator):
    fields = generator.fields
    picture = fields.render(fields.splits["test"][0].vector[None])[0]
    angles = view_angles(3)
    (term,) = views_objective(SIDE)
    params = fields.params(fields.splits["test"][0].vector)
    found = term.measurement.pool(
        term.measurement.local(
            lambda x: fields.run.field.apply(params, x), term.measurement.points(angles)
        ),
        angles,
    )
    places = metainr.measurements.detector_grid(SIDE)
    expected = metainr.measurements.project(picture.mean(-1), angles, places)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert Views(angles, found).values.shape == (3, SIDE)
