"""Exported fields say what the fields say, under onnxruntime and under PyTorch."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

import metainr
from metainr import fields
from metainr.errors import UserError
from metainr.export import Notes, convention_of, trace
from metainr.export.onnx_model import write_onnx
from metainr.export.torch_code import torch_lines
from metainr.export.torch_module import write_torch
from metainr.fields import FieldOptions
from metainr.runs.exporting import export
from metainr.runs.saved import write_saved

ROOT = Path(__file__).parents[1]
KEY = jax.random.key(0)
ERROR = 1e-5
SMALL = FieldOptions(width=32, depth=4, omega=30.0, first_omega=30.0, levels=4, finest=64)
NOTES = Notes("A field.", {"Coords": "(x, y)"}, 0.0, 1.0)
QUICK = ("fourier", "wire", "hash_grid", "relu", "sinc")


def some(names):
    """All names, of which a few are tested each time: every one is said in any case."""
    return [pytest.param(x, marks=() if x in QUICK else pytest.mark.slow) for x in names]


def weights_of(field):
    """Weights of which none is 0, without compiling what makes the field's own."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(field.init, KEY)

    def draw(leaf):
        return rng.uniform(-1, 1, leaf.shape).astype(np.float32) / (30 * leaf.shape[0] ** 0.5)

    return jax.tree.map(draw, shapes)


def coords_of(in_dim, low=0.0):
    return np.random.default_rng(0).uniform(low, 1, (300, in_dim)).astype(np.float32)


def in_onnx(folder, coords):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(folder / "field.onnx")
    return session.run(None, {"coords": coords})[0]


def in_torch(folder, coords):
    torch = pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("field", folder / "field.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.no_grad():
        return module.Field()(torch.tensor(coords)).numpy()


def check(field, params, coords, folder, write, run, error=ERROR):
    program = trace(field.apply, params, coords.shape[1])
    write(program, NOTES, folder)
    expected = jax.jit(field.apply)(params, coords)
    for some in (coords, coords[:1]):
        found = run(folder, some)
        assert found.dtype == np.float32 and found.shape == (len(some), expected.shape[1])
        np.testing.assert_allclose(found, expected[: len(some)], atol=error, rtol=0)


PROGRAMS = [
    pytest.param(write_onnx, in_onnx, id="onnx"),
    pytest.param(write_torch, in_torch, id="torch", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", fields.REGISTRY)
def test_registered_fields_can_be_said(name):
    field = fields.make(name, SMALL)
    lines, _ = torch_lines(trace(field.apply, weights_of(field), 2))
    compile("\n".join(["def forward(self, coords):", *(f"    {x}" for x in lines)]), "", "exec")
    assert max(map(len, lines)) < 92


@pytest.mark.parametrize("write, run", PROGRAMS)
@pytest.mark.parametrize("name", some(fields.REGISTRY))
def test_registered_fields_are_reproduced(name, write, run, tmp_path):
    field = fields.make(name, SMALL)
    check(field, weights_of(field), coords_of(2), tmp_path, write, run)


@pytest.mark.slow
@pytest.mark.parametrize("write, run", PROGRAMS)
@pytest.mark.parametrize("in_dim", [1, 3])
@pytest.mark.parametrize("name", fields.REGISTRY)
def test_fields_of_other_dimensions_are_reproduced(name, in_dim, write, run, tmp_path):
    field = fields.make(name, SMALL, in_dim=in_dim, out_dim=4)
    check(field, weights_of(field), coords_of(in_dim, low=-0.2), tmp_path, write, run)


@pytest.mark.slow
@pytest.mark.parametrize("write, run", PROGRAMS)
@pytest.mark.parametrize("name", [name for name in fields.REGISTRY if name != "wire"])
def test_fields_of_the_default_size_are_reproduced(name, write, run, tmp_path):
    field = fields.make(name)
    check(field, field.init(KEY), coords_of(2), tmp_path, write, run)


@pytest.mark.slow
@pytest.mark.parametrize("write, run", PROGRAMS)
def test_wavelets_are_reproduced_to_their_own_rounding(write, run, tmp_path, float64):
    field, coords = fields.wire(), coords_of(2)
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), field.init(KEY))
    exact = field.apply(jax.tree.map(lambda x: x.astype(jnp.float64), params), coords.astype("f8"))
    # 8e-5: what the growth of the wavelets makes of rounding.
    own = float(jnp.abs(field.apply(params, coords) - exact).max())
    assert own < 2e-4
    check(field, params, coords, tmp_path, write, run, own)


@pytest.mark.parametrize("write, run", PROGRAMS)
@pytest.mark.parametrize("name", some(fields.ACTIVATIONS))
def test_activations_are_reproduced(name, write, run, tmp_path):
    field = fields.mlp(width=8, depth=2, activation=name, output_activation=name)
    check(field, weights_of(field), 4 * coords_of(2, low=-1), tmp_path, write, run)


def own_apply(params, coords):
    """Contractions that are no plain products, sums over axes, and rows of a table."""
    rows = jnp.clip(jnp.floor(3 * coords[:, :1]).astype(jnp.int32), 0, 2)
    table = params["table"].at[rows[..., 0]].get(mode="promise_in_bounds")
    mixed = jnp.einsum("oi,ni->no", params["a"], jnp.concatenate([coords, table], -1))
    parts = mixed.reshape(-1, 2, 3)
    return jnp.transpose(parts, (0, 2, 1)).max(-1) + jnp.sum(parts, (1, 2))[:, None]


@pytest.mark.parametrize("write, run", PROGRAMS)
def test_a_users_own_field_is_reproduced(write, run, tmp_path):
    rng = np.random.default_rng(1)
    params = {"a": rng.normal(size=(6, 4)), "table": rng.normal(size=(3, 2))}
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    field = fields.of_functions(lambda key: params, own_apply)
    check(field, params, coords_of(2), tmp_path, write, run)


def test_a_field_that_cannot_be_said_is_refused_by_what_it_computes():
    with pytest.raises(UserError, match="the field computes cumsum, which exports cannot say"):
        trace(lambda params, x: jnp.cumsum(x * params, 1), jnp.ones((1, 2)), 2)
    with pytest.raises(UserError, match="the field computes scan, "):
        trace(lambda w, x: jax.lax.scan(lambda h, k: (h * k, None), x, w)[0], jnp.ones(3), 2)
    with pytest.raises(UserError, match="numbers of type complex64"):
        trace(lambda params, x: jnp.real(params * x * 1j), jnp.ones((1, 2)), 2)


def test_a_field_that_asks_for_the_number_of_points_is_told():
    with pytest.raises(UserError, match="cannot be traced for any number of points: .*; let it"):
        trace(lambda params, x: x * params * int(x.shape[0]), jnp.ones((1, 2)), 2)


def test_names_of_weights_are_pythons_and_free():
    params = [{"w": jnp.ones((2, 2))}, {"constant/0": jnp.ones(2)}, {"0": {"w": jnp.ones(2)}}]

    def apply(params, x):
        return x @ params[0]["w"] + (params[1]["constant/0"] + params[2]["0"]["w"])[None]

    with jax.numpy_rank_promotion("allow"):
        program = trace(apply, params, 2)
    assert list(program.weights) == ["weight_0_w", "weight_1_constant_0", "weight_2_0_w"]
    assert all(f"self.{name}" in "".join(torch_lines(program)[0]) for name in program.weights)


def test_what_a_file_recorded_is_no_code(tmp_path):
    field = fields.siren(width=8, depth=2)
    record = {"field": "siren", "width": '8"""\nraise SystemExit\n"""', "experiment": ["\\"]}
    export(field, weights_of(field), record, "", tmp_path, "torch")
    tree = ast.parse((tmp_path / "field.py").read_text())
    assert "raise SystemExit" in ast.get_docstring(tree)
    assert [type(node) for node in tree.body[1:4]] == [ast.ImportFrom, ast.Import, ast.ImportFrom]


def test_the_code_of_a_siren_is_its_formula():
    field = fields.siren(width=8, depth=3, omega=20.0, first_omega=30.0)
    lines, constants = torch_lines(trace(field.apply, weights_of(field), 2))
    assert not constants
    assert lines == [
        "h1 = torch.sin(30.0 * (coords @ self.dense_0_kernel + self.dense_0_bias))",
        "h2 = torch.sin(20.0 * (h1 @ self.dense_1_kernel + self.dense_1_bias))",
        "return h2 @ self.dense_2_kernel + self.dense_2_bias + 0.5",
    ]


def test_bfloat16_is_left_out():
    field = fields.siren(width=8, depth=3, compute_dtype="bfloat16")
    plain = fields.siren(width=8, depth=3)
    params = weights_of(field)
    assert torch_lines(trace(field.apply, params, 2)) == torch_lines(trace(plain.apply, params, 2))


@pytest.mark.slow
def test_a_fit_is_exported_with_its_modulation(tmp_path):
    images = np.random.default_rng(0).uniform(size=(12, 6, 6))
    options = {"latent": 4, "kind": "shift_scale"}
    learned = metainr.learn(
        images, algorithm="modulations", algorithm_options=options, width=16, depth=3,
        train_steps=1, num_validation=1,
    )  # fmt: skip
    fit = learned.fit(np.eye(6), steps=3, learning_rate=1.0)
    fit.export(tmp_path / "fit", to="onnx")
    files = learned.export(tmp_path / "init", to="onnx")
    coords = coords_of(2)
    found, start = (in_onnx(tmp_path / name, coords) for name in ("fit", "init"))
    np.testing.assert_allclose(found, fit(jnp.asarray(coords)), atol=ERROR)
    shared = learned.init.meta_params.shared
    np.testing.assert_allclose(start, learned.field.apply(shared, coords), atol=ERROR)
    assert np.abs(found - start).max() > 1e-3
    notes = properties(files[0])
    assert notes["Coords"] == "float32 [n, 2]: index / size along each axis, in [0, 1)"
    assert notes["Weights"] == "the init that fits by modulations begin with"


def test_files_of_fits_are_exported_with_how_they_are_read(tmp_path):
    field = fields.siren(in_dim=3, width=8, depth=3, omega=30.0)
    params = weights_of(field)
    record = {"field": "siren", "width": 8, "depth": 3, "omega": 30.0, "experiment": "video"}
    write_saved(tmp_path / "fit.safetensors", params, {**record, "algorithm": "none"})
    run = metainr.load(tmp_path / "fit.safetensors")
    (model,) = run.export(tmp_path, to="onnx")
    weights, module = run.export(tmp_path)
    coords = coords_of(3, low=-1)
    np.testing.assert_allclose(in_onnx(tmp_path, coords), field.apply(params, coords), atol=ERROR)
    with safe_open(weights, "numpy") as file:
        assert file.metadata() == properties(model)
    text = module.read_text()
    compile(text, "field.py", "exec")
    for words in ("SIREN", "omega 30.0", "from the first frame to the last", "(-1.0, 1.0, 32"):
        assert words in text


def properties(path):
    onnx = pytest.importorskip("onnx")
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_every_experiment_has_its_convention():
    from metainr.console import LEARNING

    assert all(convention_of(name) is not convention_of("another") for name in LEARNING)


def test_mistakes_are_told(tmp_path):
    field = fields.siren(width=8, depth=2)
    params = weights_of(field)
    with pytest.raises(UserError, match="unknown format 'tensorflow': .*torch, onnx"):
        export(field, params, {}, "", tmp_path, "tensorflow")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write to .*Not a directory|File exists"):
        export(field, params, {}, "", tmp_path / "file", "torch")
    lost = fields.of_functions(lambda key: params, lambda params, x: x @ jnp.ones((99, 1)))
    with pytest.raises(UserError, match="takes none of 1 to 8 coordinates"):
        export(lost, params, {}, "", tmp_path, "torch")


@pytest.mark.slow
def test_the_command_writes_and_tells_mistakes(tmp_path):
    field = fields.siren(width=8, depth=2)
    write_saved(tmp_path / "a.npz", field.init(KEY), {"field": "siren", "width": 8, "depth": 2})
    write_saved(tmp_path / "bare.npz", field.init(KEY), {})
    assert command(tmp_path, "a.npz", "--output_dir=out", "--to=onnx") == (0, "out/field.onnx")
    assert command(tmp_path, "a.npz", "--output_dir=out")[1].endswith("out/field.py")
    for arguments, words in [
        (("a.npz",), "--output_dir, the folder to write to, is missing"),
        (("--output_dir=out",), "0 workdirs or files are named; give one"),
        (("b.npz", "--output_dir=out"), "b.npz does not exist"),
        (("bare.npz", "--output_dir=out"), "does not say of which field"),
        (("a.npz", "--output_dir=out", "--to=jax"), "should be one of <torch|onnx>"),
        (("a.npz", "--output_dir=a.npz/out"), "cannot write to a.npz/out: Not a directory"),
    ]:
        code, line = command(tmp_path, *arguments)
        assert code == 1 and words in line, line


def command(folder, *arguments):
    """(exit status, the last line) of the program."""
    done = subprocess.run(
        [sys.executable, "-m", "metainr", "export", *arguments],
        cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )  # fmt: skip
    lines = (done.stdout + done.stderr).splitlines()
    return done.returncode, lines[-1].removeprefix("written: ")
