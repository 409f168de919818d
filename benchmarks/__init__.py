"""What metainr's speed and memory are, beside others': one binary per question.

    python -m benchmarks.meta_step   seconds of an outer step, beside other ways to write it
    python -m benchmarks.fit_many    fields fitted per second from one init
    python -m benchmarks.memory      bytes of an outer step by inner steps and by pixels
    python -m benchmarks.ahead_of_time  the papers' settings compiled for TPUs, lowered for CUDA
    python -m benchmarks.scaling     outer steps on several devices and in several processes
    python -m benchmarks.products    what limits a CPU: matrix products and elementary functions

Each prints Markdown tables; `--record` appends them to `benchmarks/RESULTS.md`.
"""

import os

# JAX would take most of a GPU at once, and PyTorch, which takes turns with it, would find it full.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
