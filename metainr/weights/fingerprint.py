"""What tells weights from others: a digest of their names, shapes and values."""

import hashlib

import numpy as np

from metainr.types import Tree
from metainr.weights.naming import flat_leaves


def fingerprint(tree: Tree) -> str:
    """Twelve hexadecimal digits of the SHA-256 of a pytree's leaves, by their names.

    >>> len(fingerprint({"dense_0": {"bias": np.zeros(3)}}))
    12
    """
    digest = hashlib.sha256()
    for name, leaf in sorted(flat_leaves(tree).items()):
        digest.update(f"{name}{np.shape(leaf)}".encode() + np.asarray(leaf).tobytes())
    return digest.hexdigest()[:12]
