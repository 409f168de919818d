"""Packaging of metainr; the tools' settings stand in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

# Each is an extra of its own, and all are tested.
EXTRAS = {
    "medical": ["nibabel>=5.3", "pydicom>=3.0"],
    "scenes": ["imageio>=2.36", "imageio-ffmpeg>=0.6", "trimesh>=5.0"],
    "colmap": ["pycolmap>=3.12"],
    "audio": ["soundfile>=0.12.1"],
    "codec": ["constriction>=0.4.1"],
    "export": ["onnx>=1.17"],
    "viewer": ["viser>=1.1.1"],
}
# Pages and the reference of the library as a site.
DOCS = ["furo>=2024.8.6", "latex2mathml>=3.77", "myst-nb>=1.4", "myst-parser>=4.0", "sphinx>=8.2"]
TFDS_READERS = ["array_record>=0.8.1", "importlib_resources>=6.4"]

# A wheel has the programs inside the library, where the command `metainr` finds them: a package
# called `experiments` is a name that users have themselves.
PROGRAMS = {
    f"metainr.programs.{package}": package.replace(".", "/")
    for package in find_packages(include=["experiments", "experiments.*"])
}

# Every minimum here is installed and tested: see oldest.txt and CONTRIBUTING.md.
setup(
    name="metainr",
    version=Path("metainr/VERSION").read_text().strip(),
    description="Meta-learned initial weights for coordinate-based neural networks, in JAX.",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The metainr authors",
    keywords="jax flax meta-learning neural-fields implicit-neural-representations",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    python_requires=">=3.11",
    packages=[*find_packages(include=["metainr", "metainr.*"]), *PROGRAMS],
    package_dir=PROGRAMS,
    package_data={
        "metainr": ["VERSION", "py.typed"],
        "metainr.reporting": ["**/*.html", "**/*.css", "**/*.js"],
        "metainr.ready": ["*.safetensors"],
        "metainr.reporting.viewer": ["*.html", "*.css", "*.js"],
        "metainr.programs.experiments": ["flags/*/*.flags"],
    },
    entry_points={"console_scripts": ["metainr = metainr.console:main"]},
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
        "pillow>=12.1.1",
        "safetensors>=0.5",
        "scikit-image>=0.25",
        "scipy>=1.13",
        "tensorboardX>=2.6.2.2",
        "tensorflow-datasets>=4.9.10",
        "tifffile>=2025.1.10",
        "tqdm>=4.66.3",
        *TFDS_READERS,
    ],
    extras_require={
        # Prepares TFDS data sets; reading prepared ones needs no TensorFlow.
        "tf": ["tensorflow>=2.19"],
        # Compiles for TPUs that are not there (benchmarks/ahead_of_time.py).
        "tpu-compiler": ["jax[tpu]>=0.7.2"],
        # Medical slices; videos and meshes; COLMAP reconstructions; sounds; compressed
        # fields; models of ONNX; fits to watch.
        **EXTRAS,
        "docs": DOCS,
        "test": [
            *DOCS,
            *(package for extra in EXTRAS.values() for package in extra),
            "ipykernel>=6.29",
            "nbclient>=0.10",
            "nbformat>=5.10",
            "onnxruntime>=1.20",
            "pyright[nodejs]>=1.1.400",  # a program for node, which few machines have
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.17,<0.18",  # another minor version may format otherwise
            "selenium>=4.25",
        ],
    },
)
