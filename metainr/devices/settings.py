"""JAX's settings that come from outside, and what this library makes of them."""

import contextlib
from collections.abc import Iterator

import jax
import jax.experimental
from absl import logging

from metainr.errors import UserError, first_line


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Within it JAX computes in float32, and a warning says so where it was told otherwise.

    Raises UserError if JAX was told to compile nothing.
    """
    if _set("disable_jit"):
        raise UserError("JAX_DISABLE_JIT is on, and steps are compiled ahead; unset it")
    if _set("enable_x64"):
        logging.warning("JAX_ENABLE_X64 is on; this computes in float32 all the same.")
    with _precision(False):
        yield


def in_float64() -> contextlib.AbstractContextManager[None]:
    """Within it JAX computes in float64 what is given so."""
    return _precision(True)


def _precision(is_double):
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(is_double)
    # JAX before 0.8, which has it elsewhere.
    return jax.experimental.enable_x64(is_double)  # pyright: ignore[reportAttributeAccessIssue]


def _set(name):
    """A setting of JAX's, which makes these attributes as it is imported."""
    return getattr(jax.config, f"jax_{name}")


def check_devices() -> None:
    """Raises UserError if JAX finds no device to compute on."""
    try:
        jax.devices()
    except Exception as error:  # a RuntimeError, or an assertion where a plug-in is missing
        platforms = _set("platforms")
        asked = f" of JAX_PLATFORMS={platforms}" if platforms else ""
        raise UserError(
            f"JAX finds no device{asked} ({first_line(error)}); give JAX_PLATFORMS=cpu, or install "
            "JAX's package for the device"
        ) from error
