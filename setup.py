"""Packaging of metainr; the tools' settings stand in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

TFDS_READERS = ["array_record>=0.8.1", "importlib_resources"]

setup(
    name="metainr",
    version=Path("metainr/VERSION").read_text().strip(),
    description="Meta-learned initial weights for coordinate-based neural networks, in JAX.",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    packages=find_packages(include=["metainr", "metainr.*", "experiments", "experiments.*"]),
    package_data={"metainr": ["VERSION"], "metainr.reporting": ["*.html", "*.css", "*.js"]},
    install_requires=[
        "absl-py>=2.1",
        "chex>=0.1.90",
        "flax>=0.11.2",
        "grain>=0.2.11",
        "jax>=0.7.2",
        "jaxlib>=0.7.2",
        "matplotlib>=3.9",
        "numpy>=2.0",
        "optax>=0.2.8",
        "orbax-checkpoint>=0.11.24",
        "pillow>=11",
        "safetensors>=0.5",
        "scikit-image>=0.25",
        "tensorboardX>=2.6.2",
        "tensorflow-datasets>=4.9.9",
        "tqdm>=4.66",
        *TFDS_READERS,
    ],
    extras_require={
        "tf": ["tensorflow>=2.19"],
        "test": ["ipykernel>=6.29", "nbmake>=1.5.5", "pytest>=8", "ruff>=0.12", "selenium>=4.25"],
    },
)
