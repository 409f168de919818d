"""README.md and CONTRIBUTING.md say what is true: their code runs, their flags and files exist.

`python tests/docs_test.py` writes the README's table of flags.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from experiments.ct import ct_flags
from experiments.images import image_flags
from experiments.media import audio_flags, video_flags
from experiments.pde import poisson_flags, waves_flags
from experiments.run import algorithm_flags, shared_flags
from experiments.scenes import landmark_flags, ray_flags, view_flags
from experiments.solids import shapes_flags

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FLAGFILES = sorted((ROOT / "experiments" / "flags").glob("*/*.flags"))
FLAG_MODULES = {
    "All experiments:": shared_flags,
    "Of their algorithms:": algorithm_flags,
    "`image_regression` and `poisson`:": image_flags,
    "`ct_reconstruction`:": ct_flags,
    "`view_synthesis` and `phototourism`:": ray_flags,
    "`view_synthesis`:": view_flags,
    "`phototourism`:": landmark_flags,
    "`poisson`:": poisson_flags,
    "`shapes`:": shapes_flags,
    "`waves`:": waves_flags,
    "`audio`:": audio_flags,
    "`video`:": video_flags,
}
_TABLE = re.compile(r"(<!-- flags: .*? -->\n).*?(<!-- end of flags -->)", re.DOTALL)
# A process for each binary, as several define a flag of one name; what they share is imported once.
_TELL_FLAGS = """
import os, sys
import metainr.algorithms, metainr.fields, metainr.reporting, metainr.signals, metainr.training
for name in sys.argv[1:]:
    if not os.fork():
        __import__(f"experiments.{name}")
        from absl import flags
        print(name, *flags.FLAGS, flush=True)
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


EXAMPLES = [
    pytest.param(block, id=f"{page}-{index}")
    for page in PAGES
    for index, block in enumerate(_blocks(page, "python"))
    if _path_of(block) is None
]
RECIPES = {
    _path_of(block): block for block in _blocks("CONTRIBUTING.md", "python") if _path_of(block)
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
    first = re.search(r"^from metainr", source, re.MULTILINE).start()
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


def flags_tables() -> str:
    """Tables in Markdown of the shared flags and of those that experiments have of their own."""
    tables = [f"{title}\n\n{_flags_table(module)}" for title, module in FLAG_MODULES.items()]
    return "\n".join(tables)


def _flags_table(module):
    rows = ["| flag | default | meaning |", "| --- | --- | --- |"]
    for flag in flags.FLAGS.flags_by_module_dict()[module.__name__]:
        meaning = flag.help.rpartition(">: ")[2]
        choices = ", ".join(f"`{choice}`" for choice in getattr(flag.parser, "enum_values", ()))
        meaning = f"{meaning} ({choices})" if choices else meaning
        rows.append(f"| `--{flag.name}` | {_shown(flag.default)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _shown(default):
    if default is None or default == []:
        return ""
    if isinstance(default, list):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_table_of_flags_is_that_of_the_code():
    found = _TABLE.search(README)
    assert found and found[0] == found[1] + flags_tables() + found[2], (
        "run: python tests/docs_test.py"
    )


@pytest.fixture(scope="module")
def known_flags():
    """The flags of every binary, by module, as its --help tells them."""
    names = [path.stem for path in (ROOT / "experiments").glob("*.py") if _is_binary(path)]
    lines = [line.split() for line in _python(["-c", _TELL_FLAGS, *names], ROOT).splitlines()]
    assert [name for name, *_ in lines] == names
    return {name: set(known) for name, *known in lines}


def _is_binary(path):
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_named_flags_exist(page, known_flags):
    text = _joined((ROOT / page).read_text(encoding="utf-8"))
    for command in re.findall(r"^.*python\S* -m experiments\.\w+ .*$", text, re.MULTILINE):
        name = re.search(r"experiments\.(\w+)", command)[1]
        named = re.findall(r"(?<=\s--)(\w+)", command)
        assert name == "NAME" or set(named) <= known_flags[name] | {"flagfile"}, command
    everywhere = set().union(*known_flags.values())
    assert set(re.findall(r"(?<=`--)(\w+)", text)) <= everywhere


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flagfiles_are_notes_of_known_flags(path, known_flags):
    lines = path.read_text(encoding="utf-8").splitlines()
    named = [re.match(r"--(\w+)=", line) for line in lines if not line.startswith("#")]
    assert all(named) and {found[1] for found in named} <= known_flags[path.parent.name]
    comment = " ".join(line for line in lines if line.startswith("#"))
    assert re.search("Tancik|Sitzmann", comment), "what it reproduces"
    assert all(word in comment for word in ("Expect", "CPU cores")), comment


def test_every_flagfile_is_named():
    settings = {path.stem for path in FLAGFILES}
    assert settings <= set(re.findall(r"`(\w+)`", README))
    named = re.findall(r"--flagfile=(\S+\.flags)", README)
    assert named and all((ROOT / path).is_file() for path in named)


@pytest.mark.parametrize("page", PAGES)
def test_linked_and_named_files_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    paths = re.findall(r"`((?:metainr|experiments|tests|benchmarks|colabs|docs)/[\w./]*)`", text)
    made = set(RECIPES)
    missing = [path for path in (*links, *paths) if path not in made and not (ROOT / path).exists()]
    assert [path for path in missing if "NAME" not in path] == []


def test_ci_runs_the_two_commands_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", _joined(README), re.MULTILINE)
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
    page = ROOT / "README.md"
    page.write_text(_TABLE.sub(lambda m: m[1] + flags_tables() + m[2], README), encoding="utf-8")
