"""Fits curves that nobody saw, from an init that comes with the library, and opens the page.

    metainr demo

It is image_regression with defaults of its own: --init=ready:sdf64, two test signals of the class
that the init was learned on, fits of ten steps from it and from random weights. Any of that
program's flags may be given.
"""

import webbrowser

from absl import flags

from experiments import cli, image_regression, spine
from experiments.run import shared_flags
from metainr.files import expanded

OPEN = flags.DEFINE_bool("open", True, "open the page in a browser")
flags.adopt_module_key_flags(image_regression)

_DEFAULTS = {
    "init": "ready:sdf64",
    "algorithm": "none",
    "inits": ["standard", "meta"],
    "num_test": 2,
    "test_steps": 10,
    "workdir": "runs/demo",
}


def main() -> None:
    """Compares, reports, and shows the page."""
    spine.run(image_regression.EXPERIMENT)
    if OPEN.value:
        webbrowser.open((expanded(shared_flags.WORKDIR.value) / "report.html").absolute().as_uri())


if __name__ == "__main__":
    for name, value in _DEFAULTS.items():
        flags.FLAGS.set_default(name, value)
    cli.run(main)
