import shutil

import jax
import pytest
from tiny_runs import programs_of

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def float64():
    """Runs a test in double precision."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """What the processes of pytest-xdist compile goes with them."""
    programs = programs_of(node.workerinput["testrunuid"])
    node.config.add_cleanup(lambda: shutil.rmtree(programs, ignore_errors=True))
