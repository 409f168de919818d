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
from experiments import cli
from metainr import signals
from metainr.reporting.tables import Table

_SIGNALS = ("sdf", "text", "photos")

SIGNALS = shared_flags.some_of("signals", _SIGNALS, "sdf,text", "classes of images")
SIDE = flags.DEFINE_integer("side", 32, "of the images, in pixels", 1)
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
    """A table for each class of images."""
    setting = network_setting()
    for name in SIGNALS.value:
        data = signals.make(name, signals.ImageOptions(SIDE.value))
        images = jnp.stack([data.get("test", i) for i in range(NUM_TEST.value)])
        inits = {kind: _learned(setting, data, ROUNDINGS[kind]) for kind in _TRAINED}
        rows = []
        for kind, passes in ROUNDINGS.items():
            field = rounded_siren(setting, passes)
            found = [mean_psnr(field, inits["float32"], images)]
            found += [mean_psnr(field, inits[kind], images)] if kind in _TRAINED else [None]
            rows.append((kind, *(number(x, 2) for x in found)))
        note = (
            f"{NUM_TEST.value} images of {SIDE.value}² pixels, SIREN {setting.depth} × "
            f"{setting.width}, MAML of {TRAIN_STEPS.value} outer steps. Emulated. Two trainings "
            "whose roundings differ end at other weights: six passes show how much that makes."
        )
        header = ("products", "tested so, learned in float32, dB", "learned and tested so, dB")
        yield Table(f"PSNR after two steps, {name}", header, tuple(rows), note)


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
