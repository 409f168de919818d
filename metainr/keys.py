"""The branches of a run's root key: what is random in a run, by name."""

import jax

from metainr.types import Key

BRANCHES = (
    *("init", "train", "mean", "match", "shuffle", "standard", "validate", "test"),
    "sample",
)


def branch(root: Key, name: str) -> Key:
    """The key of a branch: the same for the same root and name, and another for every name.

    init: the first meta-parameters; train: tasks and inner loops of meta-training; mean, match,
    shuffle, standard: the inits that a learned one is compared with; validate, test: the fits of
    validation and of test signals; sample: what is drawn from a prior over fields.

    Raises ValueError for a name that is no branch.
    """
    return jax.random.fold_in(root, BRANCHES.index(name))
