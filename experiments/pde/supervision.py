"""Ways to tell a field of an image: by its values or its derivatives, wholly or in part.

The image f = 2·grey − 1 in [−1, 1] stands on [−1, 1]². Its derivatives are counted per 1/κ of
length, κ = 30: gradients are divided by κ and Laplacians by κ², which is what SIREN's sines, of
ω = 30, gain with each derivative, and about a pixel of 64². So all losses have about the size of
that of values, and steps of one rate are stable at any resolution: how steep a network can be does
not depend on it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax

from experiments.config import RunOptions
from experiments.pde.poisson_flags import PoissonOptions
from metainr import measurements
from metainr.objectives import Samples, all_points, image_samples, random_points, squared_error
from metainr.objectives.derivatives import (
    absolute_error,
    frobenius_error,
    image_gradient,
    image_laplacian,
    square_grid,
    zeros_at_random,
)
from metainr.types import Array, Key, Measurement, Objective, Task, Term

_KAPPA = 30.0


class Supervision(NamedTuple):
    """What steps see of a signal, and what they lower.

    make_task: (pictures [n, n, k] in [0, 1], key) -> Task.
    full_support: pictures -> the support of a task that hides no part of them.
    inner, query: what inner steps lower, and what the outer loss scores.
    reference: pictures [n, n, k] -> the picture [n, n, 1] in [0, 1] that is to be recovered.
    free_constant: whether that picture is told but for a constant.
    second: what is told of second derivatives, None if nothing is.
    num_pictures: k, at least.
    """

    make_task: Callable[[Array, Key], Task]
    full_support: Callable[[Array], Samples]
    inner: Objective
    query: Objective
    reference: Callable[[Array], Array]
    free_constant: bool = False
    second: Measurement | None = None
    num_pictures: int = 1


def of_values(run: RunOptions, own: PoissonOptions) -> Supervision:
    """Mean of (Φ − f)²."""

    def make_task(pictures, key):
        samples = _values(pictures)
        return Task(samples, samples)

    terms = _terms(run, measurements.value(), 1.0)
    return Supervision(make_task, _values, *terms, reference=_first)


def of_gradients(run: RunOptions, own: PoissonOptions) -> Supervision:
    """Mean of ‖∇Φ − ∇f‖² / κ²."""
    return _of_derivative(run, image_gradient, _first)


def of_laplacians(run: RunOptions, own: PoissonOptions) -> Supervision:
    """Mean of (ΔΦ − Δf)² / κ⁴."""
    return _of_derivative(run, image_laplacian, _first)


def of_composites(run: RunOptions, own: PoissonOptions) -> Supervision:
    """Mean of ‖∇Φ − ½∇f₁ − ½∇f₂‖² / κ², of two images."""

    def mean(pictures):
        return (pictures[..., :1] + pictures[..., 1:2]) / 2

    return _of_derivative(run, image_gradient, mean)._replace(num_pictures=2)


def of_parts(run: RunOptions, own: PoissonOptions) -> Supervision:
    """Mean of (Φ − f)² over some pixels + k₁ · mean of |∂_d Φ| or ‖HΦ‖_F at random points.

    The priors are per unit of length, as published. The outer loss is that of all values.
    """
    shape = (run.resolution, run.resolution)
    num_pixels = run.resolution**2
    num_seen = max(1, round(own.seen_fraction * num_pixels))
    num_points = run.inner_points or num_pixels

    def make_task(pictures, key):
        samples = _values(pictures)
        seen = jax.random.permutation(key, num_pixels) < num_seen
        return Task(samples._replace(weights=seen.astype(samples.weights.dtype)), samples)

    coords = square_grid(shape)
    num_shown = min(run.inner_points, num_seen) or num_seen
    draw = random_points(coords, num_shown)
    inner = (Term(draw, measurements.value(), squared_error),)
    if own.prior != "none":
        measurement, loss = _PRIORS[own.prior]
        prior = Term(zeros_at_random(num_points), measurement(), loss, own.prior_weight)
        inner = (*inner, prior)
    query = (Term(all_points(coords), measurements.value(), squared_error),)
    second = measurements.hessian() if own.prior == "hessian" else None
    return Supervision(make_task, _values, inner, query, _first, second=second)


REGISTRY: dict[str, Callable[[RunOptions, PoissonOptions], Supervision]] = {
    "value": of_values,
    "gradient": of_gradients,
    "laplacian": of_laplacians,
    "composite": of_composites,
    "inpainting": of_parts,
}
_PRIORS = {
    "tv": (measurements.gradient, absolute_error),
    "hessian": (measurements.hessian, frobenius_error),
}


def _of_derivative(run, derivative, reference):
    """Of a derivative of images, which the field's is held to; the outer loss is that of values.

    These are known of signals to learn from, and PSNR is a matter of low frequencies, which weigh
    least in derivatives. They are centred, as a derivative says nothing of their mean.
    """
    measurement, scale, second = {
        # A squared error is a mean over the channels, and SIREN's loss is their sum.
        image_gradient: (measurements.gradient(), 2 / _KAPPA**2, None),
        image_laplacian: (measurements.laplacian(), 1 / _KAPPA**4, measurements.laplacian()),
    }[derivative]

    def support(pictures):
        return image_samples(derivative(_centred(reference(pictures))))

    def make_task(pictures, key):
        image = _centred(reference(pictures))
        return Task(support(pictures), image_samples(image - image.mean()))

    terms = _terms(run, measurement, scale)
    return Supervision(make_task, support, *terms, reference, free_constant=True, second=second)


def _terms(run, measurement, scale):
    """The inner objective, of one term, and that of all values."""
    coords = square_grid((run.resolution, run.resolution))
    everything = all_points(coords)
    num_points = min(run.inner_points, len(coords)) or len(coords)
    draw = random_points(coords, num_points) if run.inner_points else everything
    inner = (Term(draw, measurement, squared_error, scale),)
    query = (Term(everything, measurements.value(), squared_error),)
    return inner, query


def _values(pictures):
    return image_samples(_centred(_first(pictures)))


def _first(pictures):
    return pictures[..., :1]


def _centred(picture):
    return 2 * picture - 1
