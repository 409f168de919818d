"""Odd values are refused in one line that says what to give, whichever door they come by."""

import contextlib
import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from tiny_runs import ROOT, run_here

from experiments import (
    audio,
    cli,
    ct_reconstruction,
    image_regression,
    phototourism,
    poisson,
    shapes,
    video,
    view_synthesis,
    waves,
)
from experiments.config import RunOptions
from experiments.run.reading import config_of
from metainr import algorithms
from metainr.checks import (
    RATE,
    Choice,
    Each,
    Maybe,
    OptionError,
    Range,
    Switch,
    Text,
    check,
    checked,
    kinds_of,
)
from metainr.errors import UserError
from metainr.fields import FieldOptions
from metainr.runs import options as run_options
from metainr.runs.options import LearnerOptions, OuterOptions, checked_learner
from metainr.types import Hyper
from metainr.weights import save_weights

EXPERIMENTS = (
    image_regression, ct_reconstruction, view_synthesis, phototourism, poisson, shapes, waves,
    audio, video,
)  # fmt: skip
OPTIONS = (
    *(FieldOptions, LearnerOptions, OuterOptions, run_options.TestOptions, RunOptions),
    *(module.EXPERIMENT.options for module in EXPERIMENTS),
    *(entry.options for entry in algorithms.REGISTRY.values()),
)


def _kind(name):
    """That of a flag, None of those that have other parsers."""
    kind = getattr(flags.FLAGS[name].parser, "kind", None)
    return kind.kind if isinstance(kind, Maybe) else kind


def _is_number(kind):
    return isinstance(kind, Range) or (isinstance(kind, Each) and _is_number(kind.kind))


NUMBERS = [name for name in flags.FLAGS if _is_number(_kind(name))]


def _refused(*arguments):
    """The line with which a command line is refused."""
    said = io.StringIO()
    with flagsaver.flagsaver(), contextlib.redirect_stderr(said), pytest.raises(SystemExit):
        cli.parse(["program", *arguments])
    flags.FLAGS.mark_as_parsed()
    (line,) = said.getvalue().splitlines()
    return line


@pytest.mark.parametrize("value", ["nan", "x", "1e400", "-1e400", str(10**40), f"-{10**40}"])
def test_no_flag_takes_what_no_number_is(value):
    assert len(NUMBERS) > 50
    for name in NUMBERS:
        line = _refused(f"--{name}={value}")
        assert line.startswith(f"error: --{name}={value} is not possible; give "), line


@pytest.mark.parametrize(
    "argument",
    [
        *("seed=-1", f"seed={2**32}", "resolution=1", "resolution=10000000", "width=0"),
        *("inner_steps=0", "inner_steps=1000000", "train_steps=-1", "test_steps=0", "num_test=0"),
        *("inner_learning_rate=-1", "clip_norm=-1", "omega=0", "sigma=1e-300", "chunk_size=-1"),
        *("num_devices=0", "task_microbatch=0", "workdir=", "seen_fraction=0", "seen_fraction=2"),
        *("sample_rate=0", "duration=0", "duration=1e-300", "clip_frames=1", "wavenumber=0"),
        *("window=1", "window=nan,1", "views=0", "fit_views=", "near=-1", "scene_scale=0"),
        *("near_factor=0", "measured_points=0", "grid=0", "source=1", "train_signals=-1", "side=0"),
        *("white=0", "blank=0", "spacing=1e-300", "slice_axis=9", "modulations_latent=0"),
        *("meta_sgd_outer_factor=nan", "tune=x", "profile=2", "num_processes=0", "ray_samples=1"),
    ],
)
def test_what_is_out_of_bounds_is_refused(argument):
    line = _refused(f"--{argument}")
    assert f"--{argument} is not possible; give " in line


def test_an_empty_value_takes_back_what_was_said():
    with flagsaver.flagsaver():
        cli.parse(["program", "--init=runs/a", "--init=", "--num_devices=2", "--num_devices="])
        assert flags.FLAGS.init is None and flags.FLAGS.num_devices is None
        flags.FLAGS.mark_as_parsed()


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options.__name__)
def test_every_option_has_a_kind_and_a_default_of_it(options):
    free = {"options", "inner", "baseline", "only_tests", "given"}  # checked by themselves, or made
    assert set(options._fields) - free == set(kinds_of(options)) - free
    without = {"signal": "sdf"} if options is RunOptions else {}
    assert checked(options(**without)) == options(**without)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Range(1, 3), [1, 3, np.int64(2)], [0, 4, 1.0, True, "1", None, math.nan, 10**400]),
        (Range(0, 1, real=True), [0, 0.5, np.float32(1)], [-1e-9, math.nan, math.inf, "1", None]),
        (Choice(("a", "b")), ["a"], ["c", None, 1, ["a"]]),
        (Text(), ["x"], ["", " ", None, 1, "a\0b"]),
        (Switch(), [True], [1, "true", None]),
        (Maybe(Range(1, 3)), [None, 2], [0, "x", [2]]),
        (Each(Range(1, 3), "1,2"), [[1, "2"], (3,)], [[], [4], "12", None, [None], ["x"]]),
        (Each(Range(1, 3), "1,2", (0, 2)), [[], [1, 2]], [[1], [1, 2, 3]]),
    ],
)
def test_kinds(kind, good, bad):
    for value in good:
        check("option", value, kind)
    for value in bad:
        with pytest.raises(OptionError, match="^option is .*; give "):
            check("option", value, kind)


def test_values_become_pythons_own():
    assert type(check("n", np.int32(2), Range(1, 3))) is int
    assert type(check("x", 1, RATE)) is float
    assert check("l", ["1", 2], Each(Range(1, 3), "1,2")) == (1, 2)


def test_the_library_names_the_option_without_dashes():
    with pytest.raises(OptionError, match="^learning_rate is nan; give a number from 0 to 3e\\+38"):
        checked(OuterOptions(learning_rate=math.nan))
    with pytest.raises(OptionError, match="^inner learning_rate is inf; give a number"):
        checked_learner(LearnerOptions(inner=Hyper("sgd", math.inf)))
    with pytest.raises(OptionError, match="^inner optimizer is 'sdg'; give one of sgd, adam"):
        checked_learner(LearnerOptions(inner=Hyper("sdg", 0.1)))


RECORDED = [
    (name, value)
    for name in ("width", "omega", "field", "inner_learning_rate", "inner_steps", "resolution")
    for value in (None, [1], {}, math.nan, 10**40, -1, "")
] + [
    *(("activation", 3), ("activation", None), ("inner_optimizer", "x"), ("algorithm", "x")),
    *(("algorithm", None), ("inner_points", 1.5), ("depth", True), ("compute_dtype", "float16")),
]


@pytest.mark.parametrize(("name", "value"), RECORDED)
def test_what_files_of_weights_say_is_checked(name, value):
    with pytest.raises(OptionError) as caught:
        config_of(image_regression.EXPERIMENT, {"signal": "sdf", name: value})
    assert caught.value.name == name and "; give " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("width", None, "--width=null, which is not possible; expected a whole number from 1 to"),
        ("omega", math.nan, "--omega=NaN, which is not possible; expected a number from 1e-06"),
        ("algorithm", ["maml"], '--algorithm=["maml"], which is not possible; expected one of'),
    ],
)
def test_a_file_of_weights_is_named(tmp_path, capfd, name, value, said):
    path = tmp_path / "odd.safetensors"
    save_weights(path, {"dense_0": {"bias": np.zeros(3)}}, {"flags": json.dumps({name: value})})
    assert run_here(tmp_path / "run", f"--init={path}") == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {path} was recorded with {said}")


def test_a_contradiction_of_flags_is_told_by_the_experiment():
    values = {"views": ["2"], "view_steps": ["1", "2"]}
    with pytest.raises(UserError, match="do not belong together; give"):
        ct_reconstruction.settle(values, set())


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["--outer_learning_rate=nan", "--seed=1000000000000"])
def test_the_process_ends_with_one_line(argument, tmp_path):
    workdir = f"--workdir={tmp_path / 'run'}"
    command = [sys.executable, "-m", "experiments.image_regression", workdir, argument]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and not (tmp_path / "run").exists()
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"error: {argument} is not possible; give ")
