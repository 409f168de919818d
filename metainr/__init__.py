"""metainr: learned initial weights for coordinate networks (neural fields, INRs).

From a class of signals it learns the weights from which a new one is fitted in a few steps:

    import numpy as np
    import metainr

    rng = np.random.default_rng(0)
    tilts = rng.uniform(size=(40, 1, 1))
    rows, columns = np.mgrid[:32, :32] / 32
    images = 0.5 + 0.5 * np.sin(9 * (rows + tilts * columns))       # [n, h, w], in [0, 1]

    run = metainr.learn(images, field="siren", width=64, train_steps=100)
    print(metainr.compare(run, steps=(0, 2, 20)))                   # five inits on unseen images
    picture = run.fit(images[0], steps=20).render((64, 64))         # [64, 64, 1]

`metainr.types` holds the vocabulary: read it first. The data path runs through the sub-packages
`signals → algorithms → training → evaluation → reporting`, which `runs` joins; `fields`,
`measurements` and `objectives` are what problems are made of.
"""

import importlib
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metainr import (
        algorithms,
        codec,
        evaluation,
        export,
        fields,
        fieldsets,
        generation,
        measurements,
        media,
        numerics,
        objectives,
        reporting,
        runs,
        signals,
        streams,
        training,
        types,
        weights,
    )
    from metainr.runs.as_data.generating import learn_prior
    from metainr.runs.as_data.reading import read_fields
    from metainr.runs.as_data.writing import write_fields
    from metainr.runs.front import learn
    from metainr.runs.front_compare import compare
    from metainr.runs.loading import load

__version__ = (resources.files(__name__) / "VERSION").read_text().strip()

_FRONT = {
    "learn": "front",
    "compare": "front_compare",
    "learn_prior": "as_data.generating",
    "load": "loading",
    "read_fields": "as_data.reading",
    "write_fields": "as_data.writing",
}
__all__ = [
    "algorithms",
    "codec",
    "compare",
    "evaluation",
    "export",
    "fields",
    "fieldsets",
    "generation",
    "learn",
    "learn_prior",
    "load",
    "measurements",
    "media",
    "numerics",
    "objectives",
    "read_fields",
    "reporting",
    "runs",
    "signals",
    "streams",
    "training",
    "types",
    "weights",
    "write_fields",
]


def __getattr__(name: str) -> Any:
    # Imported when they are asked for: what needs no JAX should not wait for it.
    if name in _FRONT:
        return getattr(importlib.import_module(f"metainr.runs.{_FRONT[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"metainr.{name}")
    raise AttributeError(f"module 'metainr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
