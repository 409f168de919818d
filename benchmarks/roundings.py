"""What the roundings of accelerators' matrix products cost in quality, emulated on CPU.

python -m benchmarks.roundings
"""

from collections.abc import Iterator

import jax.numpy as jnp
from absl import flags

import metainr
from benchmarks import shared_flags
from benchmarks.network_flags import network_setting
from benchmarks.report import number, report
from benchmarks.rounded import FULL, INNER_RATE, INNER_STEPS, Passes, mean_psnr, rounded_siren
from benchmarks.setting import Setting
from experiments import cli
from metainr import signals
from metainr.reporting.tables import Table

_PARTS = ("ready", "learned")
_READY = ("sdf64", "photos64")
_SIGNALS = ("sdf", "text", "photos")

PART = shared_flags.some_of("part", _PARTS, "ready", "tables to make: of inits at hand, of others")
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
    """A table for each init of the library, or for each class that one is learned for."""
    if "ready" in PART.value:
        for name in _READY:
            yield _of_ready(name)
    if "learned" in PART.value:
        for name in SIGNALS.value:
            yield _of_learned(name)


def _of_ready(name: str) -> Table:
    """What an init that was learned in float32 reaches with rounded products."""
    run = metainr.load(f"ready:{name}")
    record, params = run.record, run.init.meta_params
    setting = Setting(width=record["width"], depth=record["depth"], omega=record["omega"])
    _, images = _data(record["signal"], record["resolution"])
    rows = tuple(
        (kind, number(mean_psnr(rounded_siren(setting, passes), params, images), 2))
        for kind, passes in ROUNDINGS.items()
    )
    note = f"{_about(setting, record['resolution'])}, learned in float32. Emulated."
    return Table(f"PSNR after two steps, from `ready:{name}`", ("products", "dB"), rows, note)


def _of_learned(name: str) -> Table:
    """What learning with rounded products comes to."""
    setting = network_setting()
    data, images = _data(name, SIDE.value)
    rows = []
    for kind in _TRAINED:
        found = mean_psnr(
            rounded_siren(setting, ROUNDINGS[kind]),
            _learned(setting, data, ROUNDINGS[kind]),
            images,
        )
        rows.append((kind, number(found, 2)))
    note = (
        f"{_about(setting, SIDE.value)}, MAML of {TRAIN_STEPS.value} outer steps. Emulated. Two "
        "trainings whose roundings differ end at other weights: six passes show how far apart."
    )
    return Table(f"PSNR after two steps, learned so, {name}", ("products", "dB"), tuple(rows), note)


def _data(name, side):
    """(a class of images, those to test on)."""
    data = signals.make(name, signals.ImageOptions(side))
    return data, jnp.stack([data.get("test", i) for i in range(NUM_TEST.value)])


def _about(setting, side):
    return f"{NUM_TEST.value} images of {side}² pixels, SIREN {setting.depth} × {setting.width}"


def _learned(setting, data, passes):
    run = metainr.learn(
        data,
        field=rounded_siren(setting, passes),
        inner_steps=INNER_STEPS,
        inner_learning_rate=INNER_RATE,
        outer_learning_rate=OUTER_RATE.value,
        outer_schedule="cosine",
        train_steps=TRAIN_STEPS.value,
        eval_every=TRAIN_STEPS.value,
    )
    return run.init.meta_params


def main() -> None:
    """Prints the tables, and records them if asked to."""
    report("roundings", tables(), shared_flags.results_file())


if __name__ == "__main__":
    cli.run(main)
