"""The vocabulary of metainr as types: the file to read first.

A *field* f_θ maps coordinates to values and stands for one *signal*. Its weights are fitted by an
*inner loop* that lowers an *objective* on a *task*'s observations; an *algorithm* learns the
weights θ₀ from which that loop starts, so that few steps suffice for a new signal of the class:

    θ₀* = argmin_θ₀ E_task[ L(θ_m) ],    θ_{k+1} = θ_k − α ∇L(θ_k)
    L(θ) = Σ_t scale_t · Σ_i w_i ℓ(M(f_θ, p_i), y_i) / Σ_i w_i

Every part is a NamedTuple of pure functions; a new one is one file and one line in a registry.
Functions are written for one task, one signal, one field: callers batch them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
import optax

Array: TypeAlias = jax.Array | np.ndarray  # signals come as those of NumPy, steps trace JAX's
Key: TypeAlias = jax.Array
Step: TypeAlias = Array | int  # how many steps of an inner loop came before
Device: TypeAlias = jax.Device  # pyright: ignore[reportInvalidTypeForm]  # jaxlib has no stubs
Params = Any  # a pytree of arrays: the weights of a field
MetaParams = Any  # what an algorithm learns: Params, and whatever else it adapts with
Adapted = Any  # a pytree of arrays: what the steps of an inner loop change
Held = Any  # a pytree of arrays: what they read of meta_params, and leave as it is
Support = Any  # a pytree of arrays: what one task shows
Signal = Any  # an array, `metainr.cameras.Views`, or a pytree of a user's own
Tree = Any  # a pytree of arrays, whatever it stands for

Apply = Callable[[Params, Array], Array]
"""`(params, coords[..., d]) -> values[..., c]`: a field f_θ as a function."""

Weights = Callable[[Adapted, Held], Params]
"""`(adapted, held) -> params`: the field's weights as an inner loop has them."""


class Field(NamedTuple):
    """A coordinate network f_θ.

    init: key -> params;
    apply: (params, coords[..., d]) -> values[..., c];
    hidden: (params, coords[..., d]) -> [..., width], what its last linear layer reads; None where
        a field has no such layer, or does not tell.
    """

    init: Callable[[Key], Params]
    apply: Apply
    hidden: Apply | None = None


class Observations(NamedTuple):
    """What a term of the loss sums over: n inputs p_i, their targets y_i and weights w_i ≥ 0.

    All leaves have n as their leading axis; weight 0 marks padding, which repeats a valid row
    (0 · NaN would be NaN).
    """

    inputs: Any
    targets: Array
    weights: Array


class Task(NamedTuple):
    """One learning problem.

    support, query: what the inner loop may see, and what the outer loss scores.
    number: of the signal among those trained on, for what keeps something of each; 0 elsewhere.
    outer_step: how many outer steps came before, for what is annealed; 0 elsewhere.
    others: supports of the other signals of a mixture's cycle, for what takes them; () elsewhere.
    """

    support: Support
    query: Support
    number: Array | int = 0
    outer_step: Array | int = 0
    others: tuple[Support, ...] = ()


Draw = Callable[[Params, Support, Key, Step], Observations]
"""`(params, support, key, step) -> Observations`: all randomness of a step, of static size.

The result counts as a constant when the loss is differentiated."""


class Measurement(NamedTuple):
    """M(f, p), what a sensor reads of a field: `pool ∘ local ∘ points`.

    points: inputs -> coords [n, s, d], where the field is asked;
    local: (field function, coords) -> features [n, s, c], its value or a derivative of it there;
    pool: (features, inputs) -> predictions [n, ...], such as an integral along the s points;
    coupled: whether every prediction reads the features at all points [m, s, d], m being any
        number, as a projector does that needs the whole grid.
    """

    points: Callable[[Any], Array]
    local: Callable[[Callable[[Array], Array], Array], Array]
    pool: Callable[[Array, Any], Array]
    coupled: bool = False


class Term(NamedTuple):
    """One weighted mean of a loss: `loss(predictions [n, ...], targets [n, ...]) -> [n]`."""

    draw: Draw
    measurement: Measurement
    loss: Callable[[Array, Array], Array]
    scale: float = 1.0


Objective = tuple[Term, ...]


class InnerState(NamedTuple):
    """How far an inner loop has come.

    adapted, held: what its steps change, and what they read and leave as it is.
    opt_state: of the inner optimizer.
    step: the number of steps taken.
    """

    adapted: Adapted
    held: Held
    opt_state: optax.OptState
    step: Array


class Inner(NamedTuple):
    """An inner loop as a state machine: training, test-time fits and resumed fits run its steps.

    init: meta_params -> state;
    step: (state, support, key) -> (state, info), the key being folded with the state's step count
        and `info["loss"]` being the objective *before* the step;
    params: state -> the field's weights as they stand.
    """

    init: Callable[[MetaParams], InnerState]
    step: Callable[[InnerState, Support, Key], tuple[InnerState, dict[str, Array]]]
    params: Callable[[InnerState], Params]


MakeOptimizer = Callable[[Any], optax.GradientTransformation]
"""`learning rate or schedule -> an optax optimizer`, such as `optax.adam`."""


class Hyper(NamedTuple):
    """How an inner loop steps: an optimizer, by its name or itself, and its learning rate."""

    optimizer: str | MakeOptimizer
    learning_rate: float | Array

    @property
    def name(self) -> str:
        """The optimizer's name, of a function that one's."""
        given = self.optimizer
        return given if isinstance(given, str) else getattr(given, "__name__", "own")


class Residuals(NamedTuple):
    """What is left of one term's observations.

    errors: predictions − targets [n, ...];
    hidden: what the field's last linear layer reads at the points asked [n, s, width]; None of
        fields that do not tell;
    weights: of the observations [n].
    """

    errors: Array
    hidden: Array | None
    weights: Array


class Parts(NamedTuple):
    """All that an algorithm may build with, for one kind of problem.

    init: key -> the field's params;
    gradient: weights -> ((adapted, held, support, key, step) -> (loss, ∇loss in adapted)) of the
        inner objective, where `weights` makes the field's params of what is adapted and what is
        held; differentiable once more in both (`metainr.numerics.gradients.inner_gradient`);
    product: weights -> its Hessian-vector product (`metainr.numerics.gradients.inner_product`);
    pruned: share -> `gradient` of those observations alone that most change the last layer
        (`metainr.numerics.pruning`);
    residuals: (params, support, key, step) -> what is left of each term's observations;
    query: (params, query, key, step) -> (loss, ∇loss) of the outer objective;
    optimizer: hyper -> the inner optimizer;
    hyper, num_steps: of the inner loop in training.
    """

    init: Callable[[Key], Params]
    gradient: Callable[[Weights], Callable[..., tuple[Array, Adapted]]]
    product: Callable[[Weights], Callable[..., tuple[Any, Any]]]
    pruned: Callable[[float], Callable[[Weights], Callable[..., tuple[Array, Adapted]]]]
    residuals: Callable[[Params, Support, Key, Step], tuple[Residuals, ...]]
    query: Callable[[Params, Support, Key, Step], tuple[Array, Params]]
    optimizer: Callable[[Hyper], optax.GradientTransformation]
    hyper: Hyper
    num_steps: int


class Work(NamedTuple):
    """What one meta-gradient evaluates, all its inner steps together.

    inner_gradients, query_gradients: gradients of the inner and of the query objective;
    inner_products: Hessian-vector products of the inner objective.
    Those of a part of the observations count as that part; evaluating the field, a third.
    """

    inner_gradients: float
    inner_products: float
    query_gradients: float


class Algorithm(NamedTuple):
    """What learns an init.

    init: key -> meta_params;
    meta_gradient: (meta_params, task, key) -> (gradient, info) of one task, where `info` holds
        `loss_before` and `loss_after`, the objective before and after adaptation;
    work: what a meta_gradient evaluates;
    make_inner: hyper -> the loop that adapts meta_params to one task, also at test time;
    outer_rates: meta_params -> a tree like them of factors of the outer rate; None: all are 1;
    fit_gradients: number of test-time steps -> gradients of the objective that they take, counted
        as in `work`; by default one a step.
    """

    init: Callable[[Key], MetaParams]
    meta_gradient: Callable[[MetaParams, Task, Key], tuple[MetaParams, dict[str, Array]]]
    work: Work
    make_inner: Callable[[Hyper], Inner]
    outer_rates: Callable[[MetaParams], Any] | None = None
    fit_gradients: Callable[[int], float] = float


class Contender(NamedTuple):
    """What was learned, or a baseline, with the inner loop that it is tested with.

    make_inner: hyper -> the loop; one object for all contenders that share compiled programs.
    """

    meta_params: MetaParams
    make_inner: Callable[[Hyper], Inner]
    hyper: Hyper


def _unscaled(split: str, index: int) -> float:
    return 1.0


def _unlabelled(split: str, index: int) -> None:
    return None


def _own_number(split: str, index: int) -> int:
    return index


class SignalClass(NamedTuple):
    """A class of signals with random access.

    sizes: the number of signals of each split ("train", "validation", "test");
    get: (split, index) -> signal, the same for the same arguments on every call and machine.
        Images are float32 [height, width, channels] with values in [0, 1]; of objects and places
        it is `metainr.cameras.Views`.
    names: the files of each split that its signals come from, in order, relative to the folder
        that was given; empty for generated signals.
    level: (split, index) -> what a signal's values were divided by: that of a sound is its peak.
    cycle: of a mixture (`metainr.signals.mixed`), the number of signals in a row that show each
        class in its share; 1 elsewhere.
    label: (split, index) -> what kind of signal it is, in a word; None where nobody says.
    number: (split, index) -> the same for the same signal alone: a mixture repeats some.
    """

    sizes: Mapping[str, int]
    get: Callable[[str, int], Signal]
    names: Mapping[str, Sequence[str]] = {}
    level: Callable[[str, int], float] = _unscaled
    cycle: int = 1
    label: Callable[[str, int], str | None] = _unlabelled
    number: Callable[[str, int], int] = _own_number
