"""The place that a cluster has given a process."""

from metainr.devices.meeting import Place
from metainr.errors import UserError

_REMEDY = "give --coordinator_address, --num_processes and --process_id instead of --distributed"


def detect(seconds: int = 50) -> Place:
    """The place that SLURM, Open MPI, Kubernetes or a TPU pod tells of, waiting so long at most.

    Raises UserError if none of them does.
    """
    try:
        # jax.distributed.initialize() would find the same, but neither tell it nor fail in a line.
        from jax._src.clusters import ClusterEnv

        found = ClusterEnv.auto_detect_unset_distributed_params(
            None, None, None, None, None, seconds
        )
        address, count, index = found[:3]
    except Exception as error:  # whatever the many ways to ask a cluster raise
        first_line = str(error).strip().partition("\n")[0]
        raise UserError(
            f"the cluster does not tell this process its place ({type(error).__name__}: "
            f"{first_line}); {_REMEDY}"
        ) from error
    if None in found[:3]:
        raise UserError(
            f"found no SLURM, Open MPI, Kubernetes or TPU pod around this process; {_REMEDY}"
        )
    return Place(address, index, count)
