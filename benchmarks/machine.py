"""The machine that a benchmark runs on: what it is, and how much memory it has left."""

import importlib.util
import os
import platform
from importlib import metadata
from pathlib import Path

import jax

_PACKAGES = ("jax", "jaxlib", "torch")
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_USABLE = 0.9  # of what is free: others live here too


def versions() -> str:
    """Python, JAX and, where installed, PyTorch."""
    found = [name for name in _PACKAGES if importlib.util.find_spec(name)]
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{n} {metadata.version(n)}" for n in found)]
    )


def hardware() -> str:
    """CPU model, what it computes with, cores and memory; the devices, if they are others."""
    info = _cpu_info()
    known = set(info.get("flags", "").split())
    sets = " ".join(name for name in _INSTRUCTIONS if name in known)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [info.get("model name", platform.machine()), sets, f"{cores} cores", _memory()]
    devices = jax.devices()
    if devices[0].platform != "cpu":
        parts.insert(0, f"{len(devices)} × {devices[0].device_kind}")
    return ", ".join(part for part in parts if part)


def available_bytes() -> float:
    """Bytes that a program may take on the default device; infinite where nothing tells."""
    stats = jax.devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return _USABLE * (stats["bytes_limit"] - stats["bytes_in_use"])
    return _USABLE * _memory_info().get("MemAvailable", float("inf"))


def _memory():
    total = _memory_info().get("MemTotal")
    return f"{total / 1e9:.0f} GB" if total else ""


def _memory_info():
    """Bytes by name, as Linux tells them; nothing elsewhere."""
    lines = _lines(Path("/proc/meminfo"))
    return {name: 1024 * int(rest.split()[0]) for name, rest in lines}


def _cpu_info():
    return dict(reversed(_lines(Path("/proc/cpuinfo"))))


def _lines(path):
    """(name, text) of every line "name: text" of a file, if it is there."""
    if not path.exists():
        return []
    pairs = [line.partition(":") for line in path.read_text().splitlines()]
    return [(name.strip(), text.strip()) for name, colon, text in pairs if colon]
