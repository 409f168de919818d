"""The flags that join several processes to one run.

They say where a process runs, not what: they are neither recorded nor compared.
"""

import sys
from typing import Annotated, NamedTuple

from absl import flags

from experiments.cli import KEPT
from experiments.run.define import define
from metainr import devices
from metainr.checks import Maybe, Range, Switch, Text
from metainr.errors import UserError


class Joining(NamedTuple):
    """Where the processes of a run meet, and which of them this one is; None: a run of one."""

    coordinator_address: Annotated[str | None, Maybe(Text("HOST:PORT"))] = None
    num_processes: Annotated[int | None, Maybe(Range(1, 2**16))] = None
    process_id: Annotated[int | None, Maybe(Range(0, 2**16))] = None
    distributed: Annotated[bool, Switch()] = False


COORDINATOR_ADDRESS = define(
    Joining, "coordinator_address", "HOST:PORT of process 0, where the processes of a run meet"
)
NUM_PROCESSES = define(Joining, "num_processes", "that run this command together")
PROCESS_ID = define(Joining, "process_id", "which of them this one is, from 0 on")
DISTRIBUTED = define(
    Joining,
    "distributed",
    "join the processes that SLURM, Open MPI, Kubernetes or a TPU pod started",
)
_MAY_DIFFER = {COORDINATOR_ADDRESS.name, PROCESS_ID.name, "data_dir"}


def join() -> None:
    """Joins this process to the others as the flags say; a run of one process is left alone.

    To be called before any device is asked for. Raises UserError if that fails.
    """
    place = _place()
    if place is not None:
        given = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
        settings = {f.name: f.value for f in given if f.name not in _MAY_DIFFER}
        where = f"at {place[0]}" if place[0] else "of the cluster"
        # Said ahead: jaxlib may end this process, and asks nobody for last words.
        print(
            f"waiting for the processes {where}, a minute at most; once one ends, all do; {KEPT}",
            file=sys.stderr,
        )
        devices.join(settings, *place)


def _place():
    """(address, count, index), all None if the cluster tells; None if this is the only process."""
    needed = (COORDINATOR_ADDRESS, NUM_PROCESSES, PROCESS_ID)
    missing = [f"--{flag.name}" for flag in needed if flag.value is None]
    if DISTRIBUTED.value:
        if len(missing) < len(needed):
            raise UserError(
                "--distributed asks the cluster for --coordinator_address, --num_processes and "
                "--process_id; give either it or these"
            )
        return (None, None, None)
    if len(missing) == len(needed):
        return None
    if missing:
        raise UserError(f"{' and '.join(missing)} is missing; several processes need all three")
    if PROCESS_ID.value >= NUM_PROCESSES.value:
        raise UserError(
            f"--process_id={PROCESS_ID.value} is not below --num_processes={NUM_PROCESSES.value}; "
            "processes are numbered from 0 on"
        )
    return tuple(flag.value for flag in needed)
