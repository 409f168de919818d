"""Who may import whom, what stays out of an import, and what every public name says of itself."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import metainr

ROOT = Path(metainr.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LEAVES = {
    *("types", "errors", "checks", "registry", "files", "json_files", "keys", "cameras"),
    *("camera_paths", "output", "platforms", "plotting", "progress"),
}
MAY_IMPORT = {
    "types": set(),
    "cameras": {"types"},
    "camera_paths": {"types", "cameras"},
    "errors": set(),
    "files": {"errors"},
    "json_files": {"errors", "files"},
    "output": {"errors"},
    "platforms": set(),
    "plotting": set(),
    "progress": set(),
    "starting": set(),
    "registry": {"errors"},
    "ready": {"files", "registry", "reporting", "weights"},
    "keys": {"types"},
    "checks": {"errors"},
    "numerics": {"types", "errors", "platforms"},
    "devices": LEAVES,
    "fields": LEAVES | {"numerics"},
    "measurements": LEAVES | {"numerics"},
    "objectives": LEAVES | {"numerics"},
    "media": LEAVES,
    "signals": LEAVES | {"media"},
    "algorithms": LEAVES | {"numerics"},
    "training": LEAVES | {"algorithms", "devices", "numerics", "reporting", "weights"},
    "evaluation": LEAVES | {"algorithms", "devices", "numerics"},
    "fieldsets": LEAVES | {"media", "signals", "weights"},
    "generation": LEAVES | {"fields", "weights"},
    "reporting": LEAVES - {"types", "keys"},
    "streams": LEAVES | {"algorithms", "evaluation", "measurements", "numerics", "objectives"},
    "weights": LEAVES,
    "export": LEAVES | {"weights"},
}
MAY_IMPORT["runs"] = set(MAY_IMPORT)
MAY_IMPORT["codec"] = LEAVES | {"evaluation", "fields", "objectives", "runs", "weights"}
MAY_IMPORT["console"] = {"errors", "output", "ready", "registry", "starting"}
MAY_IMPORT["__main__"] = {"console"}
MAY_IMPORT["__init__"] = set(MAY_IMPORT)  # the front door, which imports when asked
OPTIONAL = {
    "array_record",
    "constriction",
    "imageio",
    "imageio_ffmpeg",
    "matplotlib",
    "nibabel",
    "onnx",
    "pycolmap",
    "pydicom",
    "skimage",
    "soundfile",
    "tensorboardX",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
    "trimesh",
}


def _part(path):
    """The sub-package or module of metainr that a file belongs to."""
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _top_level(node):
    """The imports that run when the module does: those outside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from _imports(ast.Module([child], []))
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _top_level(child)


def _ids(paths):
    return [path.relative_to(ROOT).as_posix() for path in paths]


def test_every_part_has_its_rule():
    assert {_part(path) for path in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=_ids(FILES))
def test_imports_point_one_way(path):
    tree, part = ast.parse(path.read_text()), _part(path)
    names = set(_imports(tree))
    assert not {name for name in names if name.split(".")[0] in ("experiments", "tests")}
    ours = {name.split(".")[1] for name in names if name.startswith("metainr.")}
    ours -= {"__version__"}  # the package's own
    assert ours <= MAY_IMPORT.get(part, set()) | {part}, f"{part} imports {ours}"
    if part == "reporting":
        assert not {name for name in names if name.split(".")[0] in ("jax", "flax", "optax")}


def test_kinds_of_signals_share_nothing_but_what_stands_above_them():
    folders = {path.parent.name for path in (ROOT / "signals").glob("*/__init__.py")}
    for path in (ROOT / "signals").glob("*/*.py"):
        names = [name.split(".") for name in _imports(ast.parse(path.read_text()))]
        found = {name[2] for name in names if name[:2] == ["metainr", "signals"] and name[2:]}
        found &= folders
        assert found <= {path.parent.name}, f"{path} imports {found}"


@pytest.mark.parametrize("path", FILES, ids=_ids(FILES))
def test_heavy_libraries_wait_until_they_are_used(path):
    found = {name.split(".")[0] for name in _top_level(ast.parse(path.read_text()))}
    assert not found & OPTIONAL


def _script(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_importing_is_light():
    modules = [f"metainr.{part}" for part in MAY_IMPORT if part[0] != "_" and part != "reporting"]
    code = f"import sys, metainr, {', '.join(modules)}; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in _script(code)}
    assert not loaded & (OPTIONAL - {"array_record"})  # grain brings it


def test_reports_and_the_command_need_no_jax():
    assert "jax" not in _script(
        "import sys, metainr.reporting, metainr.console; print(*sys.modules)"
    )


def _public():
    """(where, name, object) of all public modules, classes, methods and functions."""
    yield "metainr", "metainr", metainr
    for info in pkgutil.walk_packages(metainr.__path__, "metainr."):
        module = importlib.import_module(info.name)
        yield info.name, info.name, module
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != info.name:
                continue
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield info.name, name, thing
            if inspect.isclass(thing):
                for method, function in vars(thing).items():
                    if inspect.isfunction(function) and not method.startswith("_"):
                        yield info.name, f"{name}.{method}", function


def test_every_public_name_is_documented():
    silent = [f"{where}:{name}" for where, name, thing in _public() if not inspect.getdoc(thing)]
    assert not silent


def _functions():
    for where, name, thing in _public():
        if inspect.isfunction(inspect.unwrap(thing)):
            yield f"{where}:{name}", inspect.signature(inspect.unwrap(thing)).parameters.values()


def test_random_keys_are_called_key():
    aliases = {"rng", "prng", "seed_key", "rng_key", "prng_key", "random_key"}
    wrong = [name for name, args in _functions() if {a.name for a in args} & aliases]
    # NumPy's generators of signals are no JAX keys.
    assert not [name for name in wrong if not name.startswith(("metainr.signals", "metainr.media"))]


def test_arguments_of_public_functions_are_typed():
    bare = [
        f"{name}({argument.name})"
        for name, arguments in _functions()
        for argument in arguments
        if argument.annotation is argument.empty
        and argument.kind is not argument.VAR_KEYWORD
        and argument.name not in ("self", "coords")  # coords: of flax modules' __call__
    ]
    assert not bare
