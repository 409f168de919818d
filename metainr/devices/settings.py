"""JAX's settings that come from outside, and what this library makes of them."""

import contextlib
from collections.abc import Iterator

import jax
from absl import logging

from metainr.errors import UserError, first_line


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Within it JAX computes in float32, and a warning says so where it was told otherwise.

    Raises UserError if JAX was told to compile nothing.
    """
    if jax.config.jax_disable_jit:
        raise UserError("JAX_DISABLE_JIT is on, and steps are compiled ahead; unset it")
    if jax.config.jax_enable_x64:
        logging.warning("JAX_ENABLE_X64 is on; this computes in float32 all the same.")
    with _float32():
        yield


def _float32():
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(False)
    from jax.experimental import disable_x64  # before JAX 0.8

    return disable_x64()


def check_devices() -> None:
    """Raises UserError if JAX finds no device to compute on."""
    try:
        jax.devices()
    except Exception as error:  # a RuntimeError, or an assertion where a plug-in is missing
        platforms = jax.config.jax_platforms
        asked = f" of JAX_PLATFORMS={platforms}" if platforms else ""
        raise UserError(
            f"JAX finds no device{asked} ({first_line(error)}); give JAX_PLATFORMS=cpu, or install "
            "JAX's package for the device"
        ) from error
