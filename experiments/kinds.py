"""The experiments by name, for programs that read runs of any of them."""

from collections.abc import Mapping

from experiments import audio, image_regression, poisson, shapes, video
from experiments.experiment import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (image_regression, audio, video, shapes, poisson)
}
"""Those in whose tests a signal is fitted as a whole, and measured by PSNR."""
