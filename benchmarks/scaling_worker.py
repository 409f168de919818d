"""One process of the scaling benchmark: an outer step for every line on stdin.

Its only argument is a `Job` as JSON. It answers "ready" once it has compiled, then "done" after
each step, both behind MARK, since libraries print on stdout too.
"""

import json
import os
import sys
from typing import NamedTuple

from benchmarks.setting import Setting, make_images

MARK = "scaling_worker:"


class Job(NamedTuple):
    """What a process does.

    setting: the outer step that all processes take together.
    devices: virtual CPU devices of each process.
    processes, number: how many there are, and which of them this is.
    port: of localhost, where they meet.
    """

    setting: Setting
    devices: int = 1
    processes: int = 1
    number: int = 0
    port: int = 0


def environment(job: Job) -> dict[str, str]:
    """The environment in which to start the process of a job: JAX reads it when imported."""
    own = f"--xla_force_host_platform_device_count={job.devices}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {own}".strip()
    return os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def serve(job: Job) -> None:
    """Takes a step for every line on stdin, until it is closed."""
    import jax

    if job.processes > 1:
        jax.distributed.initialize(f"localhost:{job.port}", job.processes, job.number)
    from benchmarks import ours
    from metainr.devices import divide, make_mesh, own_rows, replicate

    setting = job.setting
    mesh = make_mesh(setting.tasks, jax.devices())
    step, state = ours.make_step(setting, mesh=mesh)
    state = replicate(state, mesh)
    images = make_images(setting.tasks, setting.side)[own_rows(setting.tasks, mesh)]
    images = divide(images, mesh)
    state, metrics = jax.block_until_ready(step(state, images))
    _say("ready")
    for _ in sys.stdin:
        state, metrics = jax.block_until_ready(step(state, images))
        _say("done")


def _say(word):
    print(f"{MARK} {word}", flush=True)


if __name__ == "__main__":
    fields = json.loads(sys.argv[1])
    serve(Job(Setting(*fields[0]), *fields[1:]))
