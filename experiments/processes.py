"""The flags that join several processes to one run.

They say where a process runs, not what: they are neither recorded nor compared.
"""

import sys

from absl import flags

from experiments.cli import KEPT
from metainr import devices
from metainr.errors import UserError

COORDINATOR_ADDRESS = flags.DEFINE_string(
    "coordinator_address", None, "HOST:PORT of process 0, where the processes of a run meet"
)
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "that run this command together", 1)
PROCESS_ID = flags.DEFINE_integer("process_id", None, "which of them this one is, from 0 on", 0)
DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "join the processes that SLURM, Open MPI, Kubernetes or a TPU pod started"
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
