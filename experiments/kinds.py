"""The experiments by name, for programs that read runs of any of them."""

from collections.abc import Mapping

from experiments import audio, image_regression, poisson, shapes, video, view_synthesis
from experiments.experiment import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (image_regression, audio, video, shapes, poisson, view_synthesis)
}
"""Those that test an init on signals of a class, each fitted alone and measured by PSNR."""
