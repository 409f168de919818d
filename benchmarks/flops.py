"""How floating-point operations are counted: one formula for all contenders.

Only matrix products count, 2·in·out per observation and linear layer, F in all; a gradient counts
as 3 F, a Hessian-vector product as 6 F. What a contender computes again or spares, sines, sums and
updates do not enter: equal numbers mean equal work asked for.
"""

import jax

from benchmarks.ours import first_params, make_algorithm, make_field, make_objective
from benchmarks.setting import Setting
from metainr.numerics.flops import objective_flops, task_flops
from metainr.objectives import image_samples
from metainr.types import Work


def step_flops(setting: Setting) -> int:
    """Operations of one outer step; of MAML's: tasks · n · F · (K · (3 + 6) + 3)."""
    return setting.tasks * _flops(setting, make_algorithm(setting).work)


def fit_flops(setting: Setting, steps: int) -> int:
    """Operations of `steps` gradient steps on one image: n · F · 3 · steps."""
    return _flops(setting, Work(inner_gradients=steps, inner_products=0, query_gradients=0))


def _flops(setting, work):
    image = jax.ShapeDtypeStruct((setting.side, setting.side, 3), "float32")
    forward = objective_flops(
        make_objective(setting),
        make_field(setting).apply,
        first_params(setting),
        jax.eval_shape(image_samples, image),
    )
    return task_flops(forward, forward, work)
