"""Runnable experiments; `python -m experiments.NAME` comes by here before NAME's imports."""

import sys

from metainr.starting import start

if sys.argv[0] == "-m":  # while Python looks for the module that it is to run
    start()
