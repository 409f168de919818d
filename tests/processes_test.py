"""Several processes are one run: they learn, save, stop and fail together."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
from tiny_runs import (
    assert_same_but_for_rounding,
    finish,
    start,
    state,
    steps,
    wait_for,
)

from metainr import devices
from metainr.devices import meeting
from metainr.errors import UserError
from metainr.reporting import read_results

FLAGS = (
    "--omega=30",
    "--tasks_per_step=2",
    "--train_steps=20",
    "--checkpoint_every=5",
    "--num_test=3",
    "--outer_learning_rate=1e-4",
    "--inner_points=64",
)
AGAIN = "what was saved is kept: start all processes again to go on"
