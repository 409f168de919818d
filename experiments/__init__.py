"""One absl binary per experiment: `python -m experiments.NAME --flagfile=... --workdir=DIR`."""
