"""Where tasks run: meshes of devices, batches on each of them, processes that share the work."""

from metainr.devices.batching import map_tasks, mean_over_tasks, spread_tasks
from metainr.devices.joining import join
from metainr.devices.mesh import (
    TASK,
    divide,
    local_mesh,
    make_mesh,
    observation_axis,
    own_rows,
    replicate,
    replicated_sharding,
)
from metainr.devices.processes import (
    end,
    from_any,
    from_first,
    is_first,
    joined,
    leave,
    only_first,
    wait_for_all,
)
from metainr.devices.settings import check_devices, in_float64, own_settings
from metainr.devices.shares import all_shares, own_share

__all__ = [
    "TASK",
    "all_shares",
    "check_devices",
    "divide",
    "end",
    "from_any",
    "from_first",
    "in_float64",
    "is_first",
    "join",
    "joined",
    "leave",
    "local_mesh",
    "make_mesh",
    "map_tasks",
    "mean_over_tasks",
    "observation_axis",
    "only_first",
    "own_rows",
    "own_settings",
    "own_share",
    "replicate",
    "replicated_sharding",
    "spread_tasks",
    "wait_for_all",
]
