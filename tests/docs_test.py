"""The pages say what is true: their code runs, their flags, files, headings and messages exist.

`python tests/docs_test.py` writes the tables of docs/flags.md.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from torch_files import pt_bytes, tensors_of

from metainr import fields
from metainr.export import trace
from metainr.export.torch_code import torch_lines

ROOT = Path(__file__).parents[1]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)
FLAGFILES = sorted((ROOT / "experiments" / "flags").glob("*/*.flags"))
FLAG_MODULES = {
    "All experiments": "run.shared_flags",
    "Of their algorithms": "run.algorithm_flags",
    "Of several processes": "run.processes",
    "To know ahead": "run.estimating",
    "`image_regression` and `poisson`": "images.image_flags",
    "`ct_reconstruction`": "ct.ct_flags",
    "`view_synthesis` and `phototourism`": "scenes.ray_flags",
    "`view_synthesis`": "scenes.view_flags",
    "`phototourism`": "scenes.landmark_flags",
    "`poisson`": "pde.poisson_flags",
    "`shapes`": "solids.shapes_flags",
    "`waves`": "pde.waves_flags",
    "`audio`": "media.audio_flags",
    "`video`": "media.video_flags",
    "`fit` and `stream`": "run.input_flag",
    "`fit`": "fit",
    "`fit_object`": "fit_object",
    "`fit_landmark`": "fit_landmark",
    "`compress`": "compress",
    "`decompress`": "decompress",
    "`rate_distortion`": "rate_distortion",
    "`export`": "export",
    "`algorithms`": "algorithms",
    "`stream`": "streams.stream_options",
    "`transfer`": "transfer",
    "`compose`": "compose",
    "`anatomy`": "anatomy",
    "`make_objects`": "make_objects",
    "`make_landmark`": "make_landmark",
}
EXPORTS = "docs/export.md"
_ENTRANCE = "README.md"
_TABLES = re.compile(r"(<!-- flags: .*? -->\n).*?(<!-- end of flags -->)", re.DOTALL)
# A process for each binary, as several define a flag of one name; what they share is imported once.
_TELL_FLAGS = """
import json, os, sys
import metainr.algorithms, metainr.fields, metainr.reporting, metainr.signals, metainr.training
for name in sys.argv[1:]:
    if not os.fork():
        __import__(f"experiments.{name}")
        from absl import flags
        told = {
            module: [
                [flag.name, flag.default, flag.help, getattr(flag.parser, "enum_values", None)]
                for flag in own
            ]
            for module, own in flags.FLAGS.flags_by_module_dict().items()
        }
        print(json.dumps([name, told, list(flags.FLAGS)]), flush=True)
        os._exit(0)
    os.wait()
"""
# What examples do for their readers takes a minute or two.
_SHORTER = {
    "range(100)": "range(2)",
    "(100, 2, 1, 1)": "(10, 2, 1, 1)",
    "[:32, :32] / 32": "[:12, :12] / 12",
    'algorithm="maml")': 'algorithm="maml", width=16, train_steps=2)',
}
_TINY = (
    *("--resolution=12", "--width=16", "--depth=3", "--omega=30", "--first_omega=30"),
    *("--train_steps=2", "--eval_every=2", "--checkpoint_every=2", "--tasks_per_step=1"),
    *("--num_test=6", "--test_steps=2"),
)


def _blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def _joined(text):
    """Commands that go on after a backslash, on one line each."""
    return re.sub(r" \\\n\s*", " ", text)


def _path_of(block):
    """The path of the file that a block says it is, or None."""
    found = re.match(r"# (\S+\.py)\n", block)
    return found and found[1]


def _examples():
    """Every block of Python once, though several pages show it; slow, but for the entrance's."""
    blocks = {}
    for page in PAGES:
        if page == EXPORTS:  # whose blocks go on from one another's files
            continue
        for index, block in enumerate(_blocks(page, "python")):
            if _path_of(block) is None:
                blocks.setdefault(block, (page, index))
    return [
        pytest.param(
            block, id=f"{page}-{index}", marks=() if page == _ENTRANCE else pytest.mark.slow
        )
        for block, (page, index) in blocks.items()
    ]


EXAMPLES = _examples()
RECIPES = {
    path: block for block in _blocks("CONTRIBUTING.md", "python") if (path := _path_of(block))
}


def _python(arguments, cwd):
    """Runs Python with what lies in `cwd`, else with this checkout; returns what it printed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(cwd), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("block", EXAMPLES)
def test_examples_run(block, tmp_path):
    for long, short in _SHORTER.items():
        block = block.replace(long, short)
    assert _python(["-c", block], tmp_path)


@pytest.mark.slow
def test_what_the_page_exports_and_imports_is_read(tmp_path):
    exporting, in_torch, fitting, converting = _blocks(EXPORTS, "python")
    difference = re.search(r"difference: (\S+)", _python(["-c", exporting], tmp_path))
    assert difference and float(difference[1]) < 1e-5
    if importlib.util.find_spec("torch"):
        assert "[256, 256, 3]" in _python(["-c", in_torch], tmp_path)
    rng, sizes = np.random.default_rng(0), [2, *[256] * 4, 3]
    names = [*(f"net.{index}.linear" for index in range(4)), "net.4"]
    arrays = {}
    for name, inputs, outputs in zip(names, sizes, sizes[1:]):
        arrays[f"{name}.weight"] = rng.uniform(-0.01, 0.01, (outputs, inputs)).astype(np.float32)
        arrays[f"{name}.bias"] = rng.uniform(-1, 1, outputs).astype(np.float32)
    (tmp_path / "siren.pt").write_bytes(pt_bytes(tensors_of(arrays)))
    x = np.array([[-1.0, 1.0]])
    for name in names:
        x = x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]
        x = x if name == names[-1] else np.sin(30 * x)
    values = re.findall(r"-?[\d.]+(?:e-\d+)?", _python(["-c", fitting], tmp_path))
    np.testing.assert_allclose(np.array(values, float), x[0], atol=1e-5)
    assert "(256, 256)" in _python(["-c", converting], tmp_path)


def test_the_formula_that_the_page_shows_is_what_is_written():
    field = fields.siren(width=8, depth=3, omega=30, first_omega=30)
    lines, _ = torch_lines(trace(field.apply, field.init(jax.random.key(0)), 2))
    (block,) = _blocks(EXPORTS, "py")
    assert [line.strip() for line in block.splitlines()[1:]] == [line.strip() for line in lines]


@pytest.mark.slow
def test_the_first_example_shows_a_gain(tmp_path):
    out = _python(["-c", EXAMPLES[0].values[0]], tmp_path)
    reached = re.search(r"^([\d.]+) dB after 2 steps", out, re.MULTILINE)
    rows = {line.split()[0]: line for line in out.splitlines() if "adam" in line}
    random = re.findall(r"([\d.]+) ±", rows["standard"])[1]
    assert reached and float(reached[1]) > float(random) + 15


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the project with all of CONTRIBUTING's files and their lines in the registries."""
    copy = tmp_path_factory.mktemp("extended")
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("metainr", "experiments", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path, block in RECIPES.items():
        (copy / path).write_text(block, encoding="utf-8")
        found = re.search(r'^The line, in `(\S+)`:\s`("(\w+)": [\w()]+,)`', text, re.MULTILINE)
        if found and Path(found[1]).parent in Path(path).parents:
            _register(copy / found[1], Path(path), found[2])
            text = text[found.end() :]
    return copy


def _register(registry, path, line):
    """Puts a recipe's line, and the import that it needs, into a registry."""
    module = ".".join(path.with_suffix("").parts)
    source = registry.read_text(encoding="utf-8")
    opening = re.search(r'(^REGISTRY.*?= |"class of images",\s*)\{', source, re.MULTILINE)
    assert opening, registry
    source = f"{source[: opening.end()]}\n    {line}\n{source[opening.end() :]}"
    first = source.index("\nfrom metainr") + 1
    source = f"{source[:first]}from {module} import {path.stem}\n{source[first:]}"
    registry.write_text(source, encoding="utf-8")


def test_recipes_are_four():
    assert [str(Path(path).parent) for path in RECIPES] == [
        "metainr/signals/images",
        "metainr/fields",
        "metainr/algorithms",
        "experiments",
    ]


def test_recipes_keep_the_style(extended):
    paths = [str(extended / path) for path in RECIPES]
    config = ["--config", str(ROOT / "pyproject.toml")]
    _python(["-m", "ruff", "check", *config, *paths], extended)
    _python(["-m", "ruff", "format", "--check", *config, *paths], extended)


@pytest.mark.slow
def test_the_recipe_of_a_signal_class_passes_the_contract(extended):
    arguments = ["-m", "pytest", "-p", "no:cacheprovider", "tests/signals_contract_test.py"]
    out = _python([*arguments, "-k", "stripes"], extended)
    assert re.search(r"\b[1-9]\d* passed", out), out


@pytest.mark.slow
def test_the_recipe_of_an_algorithm_passes_the_contract(extended):
    arguments = ["-m", "pytest", "-n0", "-p", "no:cacheprovider", "tests/contract_test.py"]
    out = _python([*arguments, "-k", "mean_reptile"], extended)
    assert re.search(r"\b[1-9]\d* passed", out), out


@pytest.mark.slow
def test_the_recipes_learn_and_report(extended):
    choice = ["--signal=stripes", "--field=sinc", "--algorithm=mean_reptile"]
    arguments = ["-m", "experiments.image_regression", *choice, *_TINY, "--workdir=runs/choice"]
    assert "report: " in _python(arguments, extended)
    arguments = ["-m", "experiments.inpainting", *_TINY, "--workdir=runs/inpainting"]
    assert "report: " in _python(arguments, extended)


def _told_flags():
    """(by module its flags with defaults, meanings and choices, by binary the names it knows)."""
    names = [path.stem for path in (ROOT / "experiments").glob("*.py") if _is_binary(path)]
    lines = [json.loads(line) for line in _python(["-c", _TELL_FLAGS, *names], ROOT).splitlines()]
    assert [name for name, *_ in lines] == names
    modules = {module: own for _, told, _ in lines for module, own in told.items()}
    return modules, {name: set(known) for name, _, known in lines}


def flags_tables(modules) -> str:
    """Tables in Markdown of the flags of every kind of experiment and of each other program."""
    tables = [
        f"\n## {title}\n\n{_flags_table(modules[f'experiments.{module}'])}"
        for title, module in FLAG_MODULES.items()
    ]
    return "".join(tables) + "\n"


def _flags_table(flags):
    rows = ["| flag | default | meaning |", "| --- | --- | --- |"]
    for name, default, text, choices in flags:
        meaning = text.rpartition(">: ")[2]
        choices = ", ".join(f"`{choice}`" for choice in choices or ())
        meaning = f"{meaning} ({choices})" if choices else meaning
        rows.append(f"| `--{name}` | {_shown(default)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _shown(default):
    if default is None or default == []:
        return ""
    if isinstance(default, list):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.fixture(scope="module")
def told_flags():
    return _told_flags()


@pytest.fixture(scope="module")
def known_flags(told_flags):
    """The flags of every binary, as its --help tells them."""
    return told_flags[1]


def test_the_tables_of_flags_are_those_of_the_code(told_flags):
    found = _TABLES.search((ROOT / "docs" / "flags.md").read_text(encoding="utf-8"))
    assert found and found[0] == found[1] + flags_tables(told_flags[0]) + found[2], (
        "run: python tests/docs_test.py"
    )


def _is_binary(path):
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_named_flags_exist(page, known_flags):
    text = _joined((ROOT / page).read_text(encoding="utf-8"))
    command = r"(?:python\S* -m experiments\.|metainr (?:sweep )?)(\w+)( [^`\n]*)"
    for name, arguments in re.findall(command, text):
        named = re.findall(r"(?<=\s--)(\w+)", arguments)
        assert not named or name == "NAME" or set(named) <= known_flags[name] | {"flagfile"}, (
            arguments
        )
    everywhere = set().union(*known_flags.values())
    assert set(re.findall(r"(?<=`--)(\w+)", text)) <= everywhere


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flagfiles_are_notes_of_known_flags(path, known_flags):
    lines = path.read_text(encoding="utf-8").splitlines()
    given = [line for line in lines if not line.startswith("#")]
    assert all(re.match(r"--\w+=", line) for line in given)
    assert {line[2:].partition("=")[0] for line in given} <= known_flags[path.parent.name]
    comment = " ".join(line for line in lines if line.startswith("#"))
    assert re.search("Tancik|Sitzmann", comment), "what it reproduces"
    assert all(word in comment for word in ("Expect", "CPU cores")), comment


def test_every_flagfile_is_listed():
    text = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    settings = {f"{path.parent.name}/{path.stem}" for path in FLAGFILES}
    assert settings <= set(re.findall(r"`(\w+/\w+)`", text))


@pytest.mark.parametrize("page", PAGES)
def test_linked_and_named_files_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    folder = (ROOT / page).parent
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    for path, anchor in (link.partition("#")[::2] for link in links):
        if path.startswith("api/"):  # made when the site is built, which finds missing ones
            continue
        target = folder / path if path else ROOT / page
        assert target.exists(), path
        assert not anchor or anchor in _anchors(target), f"{path}#{anchor}"
    named = r"`((?:metainr|experiments|tests|benchmarks|colabs|docs)/[\w./]*)`"
    paths = [*re.findall(named, text), *re.findall(r"--flagfile=(\S+\.flags)", text)]
    missing = {path for path in paths if not (ROOT / path).exists()} - set(RECIPES)
    assert [path for path in missing if "NAME" not in path] == []


def _anchors(page):
    """The headings of a page as addresses have them."""
    text = page.read_text(encoding="utf-8")
    included = re.search(r"^```\{include\} (\S+)$", text, re.MULTILINE)
    if included:
        return _anchors(page.parent / included[1])
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_messages_are_those_of_the_code():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^### `(.*)`$", text, re.MULTILINE)
    paths = [
        path for folder in ("metainr", "experiments") for path in (ROOT / folder).rglob("*.py")
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    joined = re.sub(r'"\s*,?\s*f?"', "", source)  # texts that go on in the next line
    parts = {part.strip(" ;,.") for message in messages for part in message.split("…")}
    assert len(messages) > 20
    assert [part for part in parts if part not in joined] == []


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_ci_runs_the_two_commands(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .* install -e .*$", _joined(text), re.MULTILINE)
    assert len(commands) == 2
    script = _joined((ROOT / ".ci" / "run").read_text(encoding="utf-8")).replace('"', "")
    for command in commands:
        for part in command.replace(".venv", "$venv").split(" && "):
            assert part.split(" --workdir=")[0] in script, part


def test_the_oldest_versions_are_the_minima():
    lines = (ROOT / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    minima = dict(re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+)"', setup))
    minima.pop("tensorflow")
    assert minima.keys() == pins.keys()
    for name, version in minima.items():
        assert re.fullmatch(rf"{re.escape(version)}(\.0)*", pins[name]), name


if __name__ == "__main__":
    page = ROOT / "docs" / "flags.md"
    tables = flags_tables(_told_flags()[0])
    text = _TABLES.sub(lambda m: m[1] + tables + m[2], page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")
