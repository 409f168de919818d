"""The outer loop: batches, steps, checkpoints, metrics. Import the modules one by one."""
