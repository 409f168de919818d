"""The outer loop: batches, steps, checkpoints, metrics."""

from metainr.training.data import first_signals, training_batches
from metainr.training.step import Numbered, TrainState, init_state, make_train_step

__all__ = [
    "Numbered",
    "TrainState",
    "first_signals",
    "init_state",
    "make_train_step",
    "training_batches",
]
