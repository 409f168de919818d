"""One program compiled for devices that are not there, and what its compiler says of it.

Its only argument is a `Job` as JSON; it prints a `Compiled` as JSON behind MARK. A process of its
own: JAX reads the environment when imported, and a compilation cannot be stopped otherwise.
"""

import functools
import importlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

MARK = "ahead_of_time_worker:"
COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
_BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "f32": 4, "s32": 4, "u32": 4, "f64": 8}


class Job(NamedTuple):
    """What to compile, and for what.

    experiment, flags: the setting, as the command line has it.
    kind: "step", an outer step, or "fit", the steps of test-time fits.
    topology: that of libtpu, such as "v5e:2x2"; "cuda": the program is lowered alone.
    devices: how many of the topology's chips; the tasks, or else the observations, are divided.
    """

    experiment: str
    flags: Sequence[str]
    kind: str
    topology: str
    devices: int


class Compiled(NamedTuple):
    """What came of a job.

    seconds: of compiling, or of lowering for CUDA.
    busy_seconds: of the machine's cores meanwhile, which other work on it does not change.
    program_bytes, scratch_bytes: of each device's program, and of its temporary arrays.
    flops, moved_bytes: of a device by the compiler's own cost model, a loop's body counted once.
    collectives: kind -> (how many stand in the program, bytes of their results).
    """

    seconds: float
    busy_seconds: float
    program_bytes: int | None = None
    scratch_bytes: int | None = None
    flops: float | None = None
    moved_bytes: float | None = None
    collectives: dict[str, tuple[int, int]] = {}


def environment() -> dict[str, str]:
    """The environment in which to start such a process on a machine without TPUs."""
    several = {"ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}  # processes at a time: none has a device
    return os.environ | several | {"JAX_PLATFORMS": "cpu", "TPU_SKIP_MDS_QUERY": "1"}


def compiled(job: Job) -> Compiled:
    """Compiles a job's program, or lowers it."""
    import jax
    from jax import export
    from jax.experimental import topologies

    from metainr.platforms import PLATFORMS

    if job.topology == "cuda":
        function, arguments = _program(job, jax.devices()[:1])
        began = _clocks()
        export.export(function, platforms=["cuda"])(*arguments(None, None))
        return Compiled(*_since(began))
    found = topologies.get_topology_desc(platform="tpu", topology_name=job.topology).devices
    devices = found[: job.devices]
    function, arguments = _program(job, devices)
    lowered = function.lower(*arguments(*_shardings(devices, _mesh(job, devices))))
    began = _clocks()
    program = lowered.compile(dict(PLATFORMS["tpu"].compiler_options))
    seconds = _since(began)
    memory, costs = program.memory_analysis(), program.cost_analysis() or {}
    return Compiled(
        *seconds,
        memory.generated_code_size_in_bytes,
        memory.temp_size_in_bytes,
        costs.get("flops"),
        costs.get("bytes accessed"),
        collectives(program.as_text()),
    )


def _clocks():
    return time.perf_counter(), time.process_time()


def _since(began):
    return [now - then for now, then in zip(_clocks(), began)]


def collectives(text: str) -> dict[str, tuple[int, int]]:
    """What devices exchange, of a program in HLO: kind -> (how many, bytes of the results)."""
    found = {}
    for kind in COLLECTIVES:
        results = re.findall(rf"= (.*?) {kind}(?:-start)?\(", text)
        if results:
            found[kind] = len(results), sum(map(_result_bytes, results))
    return found


def _result_bytes(shapes):
    return sum(
        _BYTES[dtype] * math.prod(map(int, filter(None, sides.split(","))))
        for dtype, sides in re.findall(r"\b(\w+)\[([\d,]*)\]", shapes)
        if dtype in _BYTES
    )


@functools.cache
def configured(experiment: str, given: tuple[str, ...]) -> tuple[Any, Any]:
    """(the experiment, the configuration that its flags ask for); one alone in a process."""
    from absl import flags

    from experiments import cli
    from experiments.run import shared_flags

    module = importlib.import_module(f"experiments.{experiment}")
    cli.parse([experiment, *given])
    flags.FLAGS.mark_as_parsed()
    return module.EXPERIMENT, shared_flags.configuration(module.EXPERIMENT)


def _mesh(job, devices):
    from metainr.devices import make_mesh

    _, config = configured(job.experiment, tuple(job.flags))
    return make_mesh(config.outer.tasks_per_step, devices)


def _shardings(devices, mesh):
    """(of what all devices hold, of what is divided by tasks)."""
    from jax.sharding import NamedSharding, PartitionSpec, SingleDeviceSharding

    from metainr.devices.mesh import TASK

    if mesh is None:
        return (SingleDeviceSharding(devices[0]),) * 2
    return NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec(TASK))


def _program(job: Job, devices: Sequence[Any]) -> tuple[Any, Callable[..., tuple]]:
    """(a jitted function, (two shardings) -> its arguments' shapes)."""
    experiment, config = configured(job.experiment, tuple(job.flags))
    mesh = _mesh(job, devices)
    machine = _machine(job, config, mesh)
    problem = experiment.build(config, machine.summation)
    return (_step if job.kind == "step" else _fit)(problem, config, machine)


def _machine(job, config, mesh):
    """Chunks and tasks side by side by the rule of the platform that the job is for."""
    from metainr.devices import observation_axis
    from metainr.devices.mesh import TASK
    from metainr.numerics import Summation, default_chunk_size
    from metainr.platforms import PLATFORMS
    from metainr.runs.options import Machine

    rule, size = PLATFORMS["gpu" if job.topology == "cuda" else "tpu"], config.run.chunk_size
    size = default_chunk_size(config.field.options.width, rule) if size is None else size or None
    of_device = config.outer.tasks_per_step // (1 if mesh is None else mesh.shape[TASK])
    tasks = config.run.task_microbatch or rule.tasks_at_once or of_device
    return Machine(mesh, Summation(size, observation_axis(mesh)), tasks)


def _step(problem, config, machine):
    import jax
    import numpy as np

    from metainr.runs.learners import make_algorithm
    from metainr.runs.learning import make_outer_optimizer
    from metainr.training.step import Numbered, init_state, make_train_step

    given = config.learner, problem.field, problem.inner, problem.query
    algorithm = make_algorithm(*given, machine)
    optimizer = make_outer_optimizer(config.outer, algorithm.outer_rates)
    function = make_train_step(
        algorithm, optimizer, problem.make_task, machine.mesh, machine.task_microbatch
    )
    state = jax.eval_shape(lambda: init_state(algorithm, optimizer, jax.random.key(0)))
    tasks, signal = config.outer.tasks_per_step, problem.signals.get("train", 0)

    def arguments(whole, divided):
        signals = _stacked(signal, tasks, divided)
        numbers = jax.ShapeDtypeStruct((tasks,), np.int32, sharding=divided)
        return _placed(state, whole), Numbered(signals, numbers)

    return function, arguments


def _fit(problem, config, machine):
    import jax
    import numpy as np

    from metainr.evaluation.blocks import make_engine, shared_slots
    from metainr.evaluation.fitting import SLOTS
    from metainr.runs.fits import make_contenders
    from metainr.runs.inits import Init

    setting = next(iter(problem.settings.values()))
    meta_params = problem.field.init(jax.random.key(0))
    learner = config.learner._replace(algorithm="maml")
    inits = {"meta": Init(meta_params, learner, config.learner.inner)}
    contender = make_contenders(inits, problem.field, setting.objective, machine)["meta"]

    def make_support(signal, key):
        return setting.make_task(signal, key).support

    engine = make_engine(make_support, {}, lambda *_: {}, mesh=machine.mesh)
    programs, slots = engine.programs(contender), shared_slots(SLOTS, machine.mesh)
    held, states = jax.eval_shape(lambda: programs.start(meta_params, 0.0, slots))
    signal = problem.signals.get("test", 0)
    support = jax.eval_shape(make_support, signal, jax.random.key(0))
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), slots))

    def arguments(whole, divided):
        rate = jax.ShapeDtypeStruct((), np.float32, sharding=whole)
        return (
            (_placed(held, whole), rate),
            _placed(states, divided),
            _stacked(signal, slots, divided),
            _stacked(support, slots, divided),
            _placed(keys, divided),
            jax.ShapeDtypeStruct((slots,), np.int32, sharding=divided),
        )

    return programs.advance, arguments


def _placed(tree, sharding):
    import jax

    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)


def _stacked(tree, count, sharding):
    import jax
    import numpy as np

    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(
            (count, *np.shape(x)), jax.dtypes.canonicalize_dtype(x.dtype), sharding=sharding
        ),
        tree,
    )


if __name__ == "__main__":
    print(MARK, json.dumps(compiled(Job(*json.loads(sys.argv[1])))), flush=True)
