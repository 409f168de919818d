import os
import shutil

import jax
import pytest
from tiny_runs import programs_of

# Most of the time goes to compiling: the quick tests, and the processes they start, compile without
# optimisations. The slow ones compile as users do.
_QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
if jax.__version_info__ < (0, 11):  # jaxlib 0.12 ends processes that give it this one
    _QUICKLY += " --xla_cpu_use_fusion_emitters=false"

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def float64():
    """Runs a test in double precision."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def pytest_configure(config):
    given = os.environ.get("XLA_FLAGS", "")
    if config.option.markexpr == "not slow" and _QUICKLY not in given:
        os.environ["XLA_FLAGS"] = f"{given} {_QUICKLY}".strip()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """What the processes of pytest-xdist compile goes with them."""
    programs = programs_of(node.workerinput["testrunuid"])
    node.config.add_cleanup(lambda: shutil.rmtree(programs, ignore_errors=True))
