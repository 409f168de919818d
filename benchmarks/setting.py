"""What is timed: one meta-learning setting of images, and its data. Needs no JAX."""

from typing import NamedTuple

import numpy as np


class Setting(NamedTuple):
    """An outer step on images fitted by a SIREN; the defaults are the paper's.

    side: of the square images, in pixels.
    tasks: images per outer step.
    algorithm: "maml", "first_order_maml" or "reptile".
    inner_optimizer, inner_steps, inner_rate: of the inner loop; others than "sgd" are ours alone.
    outer_rate: of the outer Adam.
    width, depth, omega: of the SIREN, `depth` counting linear layers, omega in radians per unit.
    """

    side: int = 178
    tasks: int = 3
    algorithm: str = "maml"
    inner_optimizer: str = "sgd"
    inner_steps: int = 2
    inner_rate: float = 1e-2
    outer_rate: float = 1e-5
    width: int = 256
    depth: int = 5
    omega: float = 200.0

    @property
    def num_points(self) -> int:
        """Observations n of one task: the pixels of an image."""
        return self.side**2


def make_images(num: int, side: int) -> np.ndarray:
    """Pictures [num, side, side, 3] of smooth waves, float32 in [0, 1], the same on every call."""
    rng = np.random.default_rng(0)
    rows, columns = np.meshgrid(*[np.arange(side) / side] * 2, indexing="ij")
    frequencies, phases = rng.uniform(2, 20, (num, 3, 2)), rng.uniform(0, 6, (num, 3))
    images = np.empty((num, side, side, 3), np.float32)
    for image, frequency, phase in zip(images, frequencies, phases):
        image[:] = np.sin(
            rows[..., None] * frequency[:, 0] + columns[..., None] * frequency[:, 1] + phase
        )
    return images / 2 + np.float32(0.5)
