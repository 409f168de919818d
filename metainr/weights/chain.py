"""A chain of linear layers under the names of this library's fields."""

from collections.abc import Mapping

import numpy as np

from metainr.weights.naming import shown

Layer = tuple[np.ndarray, np.ndarray]
"""(kernel [in, out], bias [out])."""


def chain_of(layers: Mapping[str, Layer]) -> dict[str, dict[str, np.ndarray]]:
    """{"dense_0": {"kernel", "bias"}, …} of layers in their order.

    Raises ValueError, with the layers' own names, if one does not take what the one before gives.
    """
    previous = ""
    for name, (kernel, _) in layers.items():
        if previous and layers[previous][0].shape[1] != kernel.shape[0]:
            raise ValueError(
                f"{shown(name)} takes {kernel.shape[0]} values and {shown(previous)} gives "
                f"{layers[previous][0].shape[1]}"
            )
        previous = name
    return {
        f"dense_{index}": {"kernel": kernel, "bias": bias}
        for index, (kernel, bias) in enumerate(layers.values())
    }
