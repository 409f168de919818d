"""The outer loop: batches, steps, checkpoints, metrics."""

from metainr.training.data import stacked_signals, training_batches
from metainr.training.step import TrainState, init_state, make_train_step

__all__ = ["TrainState", "init_state", "make_train_step", "stacked_signals", "training_batches"]
