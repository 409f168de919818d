"""What the roundings of accelerators' matrix products cost in quality, emulated on CPU.

python -m benchmarks.roundings
"""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from absl import flags

import metainr
from benchmarks import shared_flags
from benchmarks.network_flags import network_setting
from benchmarks.ours import make_field
from benchmarks.report import number, report
from benchmarks.rounded import FULL, Passes, rounded
from experiments import cli
from metainr import signals
from metainr.errors import UserError
from metainr.evaluation.metrics import psnr
from metainr.measurements import detector_grid, project, projection
from metainr.objectives import Sinogram, all_views, squared_error
from metainr.reporting.tables import Table
from metainr.types import Term

_PARTS = ("ready", "learned")
_VIEWS, _VIEW_STEPS = 4, 50
_INNER_STEPS, _INNER_RATE = 2, 1e-2
_SIGNALS = ("sdf", "text", "photos")

PART = shared_flags.some_of(
    "part", _PARTS, "ready", "tables to make: of inits at hand, of learning"
)
INITS = flags.DEFINE_list(
    "inits",
    ["ready:sdf64", "ready:photos64", "ready:phantoms48"],
    "inits of the part `ready`, also workdirs",
)
SIGNALS = shared_flags.some_of("signals", _SIGNALS, "sdf,text", "classes of the part `learned`")
SIDE = flags.DEFINE_integer("side", 32, "of its images, in pixels", 1)
TRAIN_STEPS = flags.DEFINE_integer("train_steps", 300, "outer steps", 1)
OUTER_RATE = flags.DEFINE_float("outer_learning_rate", 1e-4, "of Adam", 0)
NUM_TEST = flags.DEFINE_integer("num_test", 32, "test images", 1)

ROUNDINGS = {
    "float32": FULL,
    "six passes": Passes(6, 6, 6),
    "three passes but for the first layer": Passes(0, 3, 3),
    "three passes": Passes(3, 3, 3),
    "one pass in hidden layers": Passes(0, 1, 0),
    "one pass but for the first layer": Passes(0, 1, 1),
    "one pass": Passes(1, 1, 1),
}
_TRAINED = (
    "float32",
    "six passes",
    "three passes but for the first layer",
    "one pass in hidden layers",
)


def tables() -> Iterator[Table]:
    """A table for each init at hand, or for each class that one is learned for."""
    if "ready" in PART.value:
        for path in INITS.value:
            yield _of_ready(path)
    if "learned" in PART.value:
        for name in SIGNALS.value:
            yield _of_learned(name)


def _of_ready(path: str) -> Table:
    """What an init that was learned in float32 reaches with rounded products."""
    run = metainr.load(path)
    record = run.record
    if record.get("experiment") not in _FITS:
        raise UserError(f"--inits={path} is none of {' and '.join(_FITS)}; give one of these")
    fit, options = _FITS[record["experiment"]]
    images = _images(signals.make(record["signal"], options(record["resolution"])))
    rows = tuple((name, _mean(run, passes, images, fit)) for name, passes in ROUNDINGS.items())
    steps = record["inner_steps"] if fit is _fit_picture else _VIEW_STEPS
    seen = "" if fit is _fit_picture else f", {_VIEWS} views of each,"
    note = (
        f"{_about(record)}{seen} after {steps} steps. {record['field']} {record['depth']} × "
        f"{record['width']}, learned in float32. Emulated."
    )
    return Table(f"PSNR from `{path}`", ("products", "dB"), rows, note)


def _of_learned(name: str) -> Table:
    """What learning with rounded products comes to."""
    setting, data = network_setting(), signals.make(name, signals.ImageOptions(SIDE.value))
    images, rows = _images(data), []
    for kind in _TRAINED:
        run = metainr.learn(
            data,
            field=rounded(make_field(setting), ROUNDINGS[kind]),
            inner_steps=_INNER_STEPS,
            inner_learning_rate=_INNER_RATE,
            outer_learning_rate=OUTER_RATE.value,
            outer_schedule="cosine",
            train_steps=TRAIN_STEPS.value,
            eval_every=TRAIN_STEPS.value,
        )
        rows.append((kind, _mean(run, FULL, images, _fit_picture)))
    note = (
        f"{NUM_TEST.value} images of {SIDE.value}² pixels, SIREN {setting.depth} × "
        f"{setting.width}, MAML of {TRAIN_STEPS.value} outer steps. Emulated. Two trainings whose "
        "roundings differ end at other weights: six passes show how far apart."
    )
    return Table(f"PSNR after two steps, learned so, {name}", ("products", "dB"), tuple(rows), note)


def _images(data):
    return [data.get("test", i) for i in range(NUM_TEST.value)]


def _about(record):
    return f"{NUM_TEST.value} signals `{record['signal']}` of {record['resolution']}² pixels"


def _mean(run, passes, images, fit):
    """Mean PSNR in dB of fits whose products are rounded, as a cell."""
    own = run if passes == FULL else run._replace(field=rounded(run.field, passes))
    return number(float(np.mean([fit(own, image) for image in images])), 2)


def _fit_picture(run, image):
    return run.fit(image, steps=run.record.get("inner_steps", _INNER_STEPS)).psnr


def _fit_slice(run, image):
    size = len(image)
    detectors = detector_grid(size)
    angles = jnp.arange(_VIEWS) * (jnp.pi / _VIEWS)
    seen = Sinogram(angles, project(image[..., 0], angles, detectors), jnp.ones(_VIEWS))
    measurement = projection(size, detectors)
    objective = (Term(all_views(), measurement, squared_error),)
    found = run.fit(support=seen, objective=objective, steps=_VIEW_STEPS)
    return psnr(found(measurement.points(angles)[:, 0]).reshape(image.shape), image)


_FITS = {
    "image_regression": (_fit_picture, signals.ImageOptions),
    "ct_reconstruction": (_fit_slice, signals.SliceOptions),
}


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("roundings", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
