"""How much memory the PyTorch recipe will take, without taking it.

Autograd keeps a number of tensors [n, width] per hidden layer: so many besides, and so many for
every inner step, bytes = 4 · n · width · (depth − 1) · (a + b · steps). Both counts are read off
the growth of a process that runs the recipe at a small size.

Run as a module it prints that growth; its argument is a `Setting` as JSON, and whether in bf16.
"""

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.setting import Setting, make_images

_SIDE = 64
_STEPS = (1, 4)


def predicted_bytes(setting: Setting, bf16: bool) -> float:
    """Bytes of an outer step in float32 or under bf16 autocast, its tasks one after another."""
    small = setting._replace(side=_SIDE, tasks=1, inner_steps=0)
    besides, per_step = _tensors(small, bf16)
    return _bytes_per_tensor(setting) * (besides + per_step * setting.inner_steps)


def growth(setting: Setting, bf16: bool) -> list[int]:
    """Bytes by which a meta-gradient of few, then one of many inner steps make this process grow.

    What is lower than the peak before it cannot be told, and counts as that.
    """
    from benchmarks import torch_recipe

    params = torch_recipe.to_parameters(_weights(setting))
    peaks = []
    for side, steps in ((8, 1), *((setting.side, steps) for steps in _STEPS)):
        sized = setting._replace(side=side, inner_steps=steps)
        torch_recipe.make_meta_gradient(sized, bf16)(params, make_images(1, side))
        peaks.append(_peak_bytes())
    return [peak - peaks[0] for peak in peaks[1:]]


def _weights(setting: Setting) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    widths = [2, *[setting.width] * (setting.depth - 1), 3]
    rng = np.random.default_rng(0)
    return [
        (rng.uniform(-0.01, 0.01, shape).astype(np.float32), np.zeros(shape[1], np.float32))
        for shape in zip(widths, widths[1:])
    ]


def _peak_bytes() -> int:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1])
    import resource  # whose number, on Linux, is at least that of the process that started this one

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@functools.cache
def _tensors(small, bf16):
    """(a, b): the tensors kept besides, and those kept per inner step."""
    command = [sys.executable, "-m", "benchmarks.torch_memory", json.dumps([small, bf16])]
    # What is freed goes back to the system at once, so that the peak is of what was kept.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**17)}
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    few, many = (size / _bytes_per_tensor(small) for size in json.loads(done.stdout))
    per_step = (many - few) / (_STEPS[1] - _STEPS[0])
    return few - per_step * _STEPS[0], per_step


def _bytes_per_tensor(setting):
    return 4 * setting.num_points * setting.width * (setting.depth - 1)


if __name__ == "__main__":
    fields, in_bf16 = json.loads(sys.argv[1])
    print(json.dumps(growth(Setting(*fields), in_bf16)))
