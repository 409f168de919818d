"""Operations counted by hand, a clock that is told the time, memory refused before it is missed."""

import gzip
import itertools
import json
import math
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax
from tiny_runs import run_here, steps

from metainr import algorithms, fields
from metainr.algorithms import make_parts
from metainr.errors import UserError
from metainr.measurements import gradient, projection, value
from metainr.numerics import Summation, num_points, peak
from metainr.numerics.flops import forward_flops, objective_flops, task_flops
from metainr.objectives import (
    Samples,
    Sinogram,
    all_points,
    all_views,
    image_task,
    pixel_grid,
    squared_error,
)
from metainr.reporting import read_results
from metainr.training import (
    Numbered,
    compiled,
    init_state,
    instruments,
    loop,
    make_train_step,
    tracing,
)
from metainr.training.instruments import Cost
from metainr.training.step import TrainState
from metainr.types import Hyper, Parts, Task, Term

COST = Cost(tasks=3, points=400, flops=10**9)


def test_flops_of_a_siren_by_hand():
    siren = fields.make("siren", fields.FieldOptions(in_dim=2, out_dim=3, width=256, depth=5))
    shapes = jax.eval_shape(siren.init, jax.random.key(0))
    assert forward_flops(siren.apply, shapes, in_dim=2) == 2 * (2 * 256 + 3 * 256**2 + 256 * 3)


def test_flops_inside_loops_branches_and_functions():
    def apply(w, x):
        x = jax.jit(lambda x: x @ w)(x)
        x, _ = lax.scan(lambda x, _: (x @ w, None), x, length=5)
        return lax.cond(x.sum() > 0, lambda x: x @ w @ w, lambda x: x @ w, x)

    assert forward_flops(apply, jnp.ones((7, 7)), in_dim=7) == (1 + 5 + 2) * 2 * 7 * 7


@pytest.mark.parametrize(
    ("name", "per_task"),
    [
        ("maml", 10 * (100 * 2 * (3 + 6) + 400 * 3)),
        ("first_order_maml", 10 * (100 * 2 * 3 + 400 * 3)),
        ("reptile", 10 * (100 * 2 * 3)),
        ("meta_sgd", 10 * (100 * 2 * (3 + 6) + 400 * 3)),
        ("modulations", 10 * (100 * 2 * (3 + 6) + 400 * 3)),
    ],
)
def test_flops_of_a_task_by_hand(name, per_task):
    work = algorithms.make(name, _counting_parts(num_steps=2)).work
    assert task_flops(10 * 100, 10 * 400, work) == per_task


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("maml", {}, 3),
        ("gradncp", {"share": 0.5}, 3 * (1 + 0.5 + 1 / 3)),
        ("nearest", {"signals": 8}, (8 + 1) / 3 + 2),
        ("strainer", {"start": "ridge"}, 2 / 3 + 2),
        ("strainer", {"start": "mean"}, 3),
    ],
)
def test_gradients_of_a_fit_by_hand(name, options, expected):
    options = algorithms.REGISTRY[name].options(**options)
    parts = _counting_parts(num_steps=2)
    layers = {f"layer_{i}": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)} for i in range(2)}
    parts = parts._replace(init=lambda key: layers)
    fit_gradients = algorithms.make(name, parts, options).fit_gradients
    assert fit_gradients(0) == 0
    assert fit_gradients(3) == pytest.approx(expected)


@pytest.mark.parametrize("name", list(algorithms.REGISTRY))
def test_algorithms_do_the_work_they_state(name):
    counts = Counter()
    algorithm = algorithms.make(name, _counting_parts(num_steps=3, counts=counts))
    key, late = jax.random.key(0), Task((), (), outer_step=10**6)  # nothing is annealed any more
    with jax.disable_jit():
        algorithm.meta_gradient(algorithm.init(key), late, key)
    done = counts["inner"], counts["products"], counts["query"]
    np.testing.assert_allclose(algorithm.work, done, rtol=1e-12)


def _counting_parts(num_steps, counts=None):
    """Parts of |a|²/2, of what is adapted, that count their gradients and these one's pullbacks."""
    counts = Counter() if counts is None else counts

    def half_square(adapted):
        return sum(jnp.vdot(x, x) for x in jax.tree.leaves(adapted)) / 2, adapted

    def gradient(weights, share=1, looks=0):
        """Of a share of the observations, which all are looked at first to choose them."""

        def forward(adapted, held):
            counts["inner"] += share + looks / 3
            return half_square(adapted), held

        def backward(held, cotangents):
            counts["products"] += share
            return cotangents[1], jax.tree.map(jnp.zeros_like, held)

        counted = jax.custom_vjp(lambda adapted, held: forward(adapted, held)[0])
        counted.defvjp(forward, backward)
        return lambda adapted, held, support, key, step: counted(adapted, held)

    def product(weights):
        def counted(adapted, held, support, key, step, direction):
            counts["products"] += 1
            still = jax.tree.map(jnp.zeros_like, held)
            return (adapted, still), (direction, still)

        return counted

    def query(params, support, key, step):
        counts["query"] += 1
        return half_square(params)

    layer = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    return Parts(
        init=lambda key: {"dense_0": layer, "dense_1": layer, "latents": jnp.ones((2, 2))},
        gradient=gradient,
        product=product,
        pruned=lambda share: lambda weights: gradient(weights, share, looks=1),
        residuals=lambda params, support, key, step: (),
        query=query,
        optimizer=lambda hyper: optax.sgd(hyper.learning_rate),
        hyper=Hyper("sgd", 0.1),
        num_steps=num_steps,
    )


def test_flops_and_points_of_an_objective_by_hand():
    """9 values, and 4 gradients of 3 channels: the value and two directions at each point."""
    siren = fields.make("siren", fields.FieldOptions(in_dim=2, out_dim=3, width=8, depth=3))
    shapes = jax.eval_shape(siren.init, jax.random.key(0))
    sides = {"values": (9, 3), "slopes": (4, 6)}
    support = {name: Samples(jnp.zeros(shape), jnp.ones(shape[0])) for name, shape in sides.items()}

    def seen(name, side):
        draw = all_points(pixel_grid((side, side)))
        return lambda params, support, key, step: draw(params, support[name], key, step)

    objective = (
        Term(seen("values", 3), value(), squared_error),
        Term(seen("slopes", 2), gradient(), squared_error),
    )
    forward = 2 * (2 * 8 + 8 * 8 + 8 * 3)
    assert objective_flops(objective, siren.apply, shapes, support) == (9 + 4 * 3) * forward
    assert num_points(objective, shapes, support, jax.random.key(0), 0) == 9 + 4


def test_flops_of_a_projection_are_those_of_its_grid():
    """Whatever the number of views, the field is asked at each of 16² pixels once."""
    siren = fields.make("siren", fields.FieldOptions(in_dim=2, out_dim=1, width=8, depth=2))
    shapes = jax.eval_shape(siren.init, jax.random.key(0))
    for views in (1, 5):
        support = Sinogram(jnp.zeros(views), jnp.zeros((views, 16)), jnp.ones(views))
        objective = (Term(all_views(), projection(16), squared_error),)
        found = objective_flops(objective, siren.apply, shapes, support)
        assert found == 16**2 * 2 * (2 * 8 + 8 * 1)


def test_the_peak_is_that_of_the_fastest_product(monkeypatch):
    assert peak.matmul_peak() > 1e8
    monkeypatch.setattr(peak, "_fastest", {1024: 0.5, 2048: 5.0}.__getitem__)
    assert peak.matmul_peak() == 2 * 1024**3 / 0.5


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until told."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(instruments.time, "perf_counter", lambda: now.seconds)
    return now


def test_rates_by_hand(clock, monkeypatch):
    monkeypatch.setattr(instruments, "peak_memory", lambda: 1_240_000_000)
    meter = instruments.Meter(COST, peak=4e9, compile_seconds=1.8, step_bytes=5)
    for _ in range(4):
        meter.step()
        clock.seconds += 0.375
    with meter.waiting():
        clock.seconds += 0.5
    with meter.paused():
        clock.seconds += 77
    expected = {
        "steps_per_second": 2,
        "data_wait_share": 0.25,
        "tasks_per_second": 6,
        "flops_per_second": 2e9,
        "peak_share": 0.5,
        "compile_seconds": 1.8,
        "peak_memory_bytes": 1_240_000_000,
    }
    assert meter.lap() == expected
    meter.step()
    clock.seconds += 8
    assert meter.lap()["steps_per_second"] == 0.125
    summary = meter.summary()
    assert (summary["steps"], summary["seconds"], summary["peak_share"]) == (5, 10, 0.125)
    assert summary["summary"] == (
        "5 steps in 10 s: 0.5 steps/s, 1.5 tasks/s, 0.5 GFLOP/s (12 % of the matmul peak of 4), "
        "compile 1.8 s, peak memory 1.2 GB"
    )


def test_peak_memory_is_what_the_system_says():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux has /proc")

    def told():
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])

    np.ones(2**24)  # 128 MB, given back: what is in use now is less than the peak
    before, found, after = told(), instruments.peak_memory(), told()
    assert before - 2**22 <= found <= after + 2**22  # the system counts in batches of pages


def _toy(bad_step=None):
    """A jitted step of a state of 250 000 numbers that notes when it is traced."""
    traced = []

    def step(state, batch):
        traced.append(1)
        state = state._replace(step=state.step + 1, meta_params=state.meta_params + batch.mean())
        loss = state.meta_params.mean()
        finite = jnp.asarray(True) if bad_step is None else state.step != bad_step
        return state, {"loss_before": loss, "loss_after": loss, "finite": finite}

    state = TrainState(jnp.zeros((), jnp.int32), jnp.zeros(250_000), (), jax.random.key(0))
    return jax.jit(step, donate_argnums=0), state, traced


def _train(workdir, toy, num_steps=12, **options):
    step, state, _ = toy
    return loop.train(
        step,
        state,
        lambda start: itertools.repeat(np.ones(5, np.float32)),
        lambda params: loop.Validation(1.0, np.zeros((2, 2, 3))),
        loop.LoopOptions(num_steps, eval_every=100, **{"checkpoint_every": 5} | options),
        workdir,
        {"chunk_size": 0},
        COST,
    )


def test_a_run_compiles_once_and_tells_what_it_measured(tmp_path, capsys):
    toy = _toy()
    assert float(_train(tmp_path, toy).meta_params[0]) == 12
    step, _, traced = toy
    assert len(traced) == 1 and step._cache_size() == 0
    lines = (tmp_path / "metrics" / "metrics.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines if "loss_after" in line]
    assert [record["step"] for record in logged] == [10, 12]
    for record in logged:
        assert record["tasks_per_second"] == pytest.approx(3 * record["steps_per_second"])
        assert record["flops_per_second"] == pytest.approx(1e9 * record["steps_per_second"])
        assert record["compile_seconds"] > 0 and record["peak_memory_bytes"] > 10**7
        assert record["train_psnr"] == pytest.approx(-10 * math.log10(record["loss_after"]))
    summary = json.loads((tmp_path / "instruments.json").read_text())
    assert summary["steps"] == 12
    assert summary["summary"] in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("value_range", "shown"), [(2.0, 6.0206 - 10.7918), (None, None)])
def test_a_psnr_is_shown_of_losses_that_have_one(tmp_path, value_range, shown):
    _train(tmp_path, _toy(), value_range=value_range)
    last = json.loads((tmp_path / "metrics" / "metrics.jsonl").read_text().splitlines()[-2])
    assert last["loss_after"] == 12
    assert last.get("train_psnr") == (shown and pytest.approx(shown, abs=1e-3))


@pytest.mark.parametrize(("bad_step", "kept"), [(7, 5), (9, 5), (10, 5), (12, 10)])
def test_nothing_after_a_step_that_is_not_finite_is_saved(tmp_path, bad_step, kept):
    # The step after it is under way when it is noticed, and looks well.
    told = f"no longer finite at step {bad_step} .*step {kept}, is kept"
    with pytest.raises(UserError, match=told):
        _train(tmp_path, _toy(bad_step))
    assert max(steps(tmp_path)) == kept


def test_memory_is_predicted():
    step, state, _ = _toy()
    num_bytes = compiled.compile_step(step, state, np.ones(5, np.float32)).num_bytes
    assert 1_000_000 <= num_bytes < 1_100_000  # the new state takes the old one's place


def test_a_step_too_large_is_refused_before_it_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "available_memory", lambda num_devices: 500_000)
    with pytest.raises(UserError, match=r"needs 0\.001\d* GB .* and 0.0005 GB are available; use"):
        _train(tmp_path, _toy())
    assert steps(tmp_path) == []


def test_what_is_available_is_known_here():
    available = compiled.available_memory(1)
    assert available is None or available > 10**7
    if available is not None:
        assert compiled.available_memory(4) < available / 2
    compiled.check_memory(10**15, None, COST, {}, 1)


@pytest.mark.parametrize(
    ("flags", "share", "remedy"),
    [
        ({"task_microbatch": 8}, 0.2, "task_microbatch=1"),
        ({"task_microbatch": 8}, 0.1, "chunk_size=4096 in another workdir"),
        ({"task_microbatch": 8}, 0.01, "task_microbatch=1 and chunk_size=4096 in another"),
        ({"task_microbatch": 8}, 0.001, "a smaller resolution, width or tasks_per_step"),
        ({"task_microbatch": 1, "chunk_size": 0}, 0.2, "chunk_size=4096 in another"),
        ({"task_microbatch": 1, "chunk_size": 8192}, 0.6, "chunk_size=4096 in another"),
        ({"task_microbatch": 1, "chunk_size": 4096}, 0.9, "a smaller resolution"),
    ],
)
def test_the_remedy_is_the_least_that_helps(flags, share, remedy):
    cost = Cost(tasks=8, points=4096 * 16, flops=1)
    with pytest.raises(UserError, match=f"use {remedy}"):
        compiled.check_memory(10**12, int(10**12 * share), cost, flags, num_devices=1)


@pytest.mark.slow
def test_the_remedy_fits():
    def needed(chunk_size):
        field = fields.make("siren", fields.FieldOptions(in_dim=2, out_dim=3, width=32, depth=3))
        objective = (Term(all_points(pixel_grid((128, 128))), value(), squared_error),)
        hyper, summation = Hyper("sgd", 0.1), Summation(chunk_size)
        parts = make_parts(field, objective, objective, hyper, 1, summation)
        algorithm = algorithms.make("reptile", parts)
        step = make_train_step(algorithm, optax.adam(1e-3), image_task)
        state = init_state(algorithm, optax.adam(1e-3), jax.random.key(0))
        batch = Numbered(np.ones((1, 128, 128, 3), np.float32), np.zeros(1, np.int32))
        return compiled.compile_step(step, state, batch).num_bytes

    whole, cost = needed(None), Cost(tasks=1, points=128**2, flops=1)
    with pytest.raises(UserError, match="use chunk_size=4096"):
        compiled.check_memory(whole, whole // 2, cost, {"chunk_size": 0}, 1)
    compiled.check_memory(needed(4096), whole // 2, cost, {"chunk_size": 4096}, 1)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 400, (11, 21)), (100, 120, (111, None)), (0, 13, (4, None)), (7, 10, (8, None))],
)
def test_ten_steps_are_traced(tmp_path, monkeypatch, start, end, expected):
    calls, now = [], SimpleNamespace(step=None)
    (tmp_path / "plugins" / "profile" / "now").mkdir(parents=True)
    (tmp_path / "plugins" / "profile" / "now" / "perfetto_trace.json.gz").touch()
    note = lambda *args, **kwargs: calls.append(now.step)  # noqa: E731
    monkeypatch.setattr(jax.profiler, "start_trace", note)
    monkeypatch.setattr(jax.profiler, "stop_trace", note)
    with tracing.tracing(tmp_path, start, end) as before:
        for now.step in range(start + 1, end + 1):
            before(now.step)
        now.step = None
    assert tuple(calls) == expected


@pytest.mark.slow
def test_a_run_tells_its_speed_and_leaves_a_trace(tmp_path, capsys):
    assert run_here(tmp_path, "--profile", "--train_steps=3", "--depth=3") == 0
    told = capsys.readouterr().out
    trace = Path(re.search(r"profile of steps 1 to 3: open (\S+) at ", told)[1])
    assert trace.is_relative_to(tmp_path / "profile")
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    assert any("dur" in event for event in events)
    summary = read_results(tmp_path)["instruments"]["default"]
    assert summary["summary"] in told and summary["steps"] == 3
    assert summary["summary"] in (tmp_path / "report.html").read_text()
    forward = 2 * (2 * 16 + 16 * 16 + 16 * 3)  # width 16, depth 3
    flops = forward * 16**2 * (2 * (3 + 6) + 3)  # 2 inner steps, all pixels
    assert summary["flops_per_second"] == pytest.approx(flops * summary["steps_per_second"])
    # Without the flag the run is the same, and there is nothing left to do.
    assert run_here(tmp_path, "--train_steps=3", "--depth=3") == 0
    assert read_results(tmp_path)["instruments"]["default"] == summary
