"""Normals of points that came without: planes through neighbours, turned to agree."""

import numpy as np

from metainr.errors import UserError

_NEIGHBOURS = 12


def estimated_normals(points: np.ndarray) -> np.ndarray:
    """Outward normals of a cloud [n, 3] of closed surfaces: float64 [n, 3], of length 1.

    Each is the direction in which a point and its 12 nearest neighbours vary least. Signs spread
    from the point farthest out along z, whose normal points up, along the spanning tree of those
    neighbours whose normals differ least; every connected part has a tree of its own. Raises
    UserError if there are fewer points than that or all are in one place. Source: Hoppe et al.,
    "Surface reconstruction from unorganized points", SIGGRAPH 1992.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import (
        breadth_first_order,
        connected_components,
        minimum_spanning_tree,
    )
    from scipy.spatial import KDTree

    num = len(points)
    if not np.ptp(points, axis=0).any():
        raise UserError(f"all {num} points lie in one place: they show no surface")
    if num <= _NEIGHBOURS:
        raise UserError(
            f"normals of {num} points cannot be estimated; give a cloud of more, or with normals"
        )
    neighbours = np.asarray(KDTree(points).query(points, k=_NEIGHBOURS + 1)[1])
    patches = points[neighbours] - points[neighbours].mean(axis=1, keepdims=True)
    _, directions = np.linalg.eigh(np.einsum("nki,nkj->nij", patches, patches))
    normals = directions[:, :, 0]
    rows, columns = np.repeat(np.arange(num), _NEIGHBOURS), neighbours[:, 1:].ravel()
    agreement = np.abs(np.sum(normals[rows] * normals[columns], axis=1))
    # A weight of 0 would be no edge; both directions of an edge are one.
    graph = coo_matrix((1 + 1e-6 - agreement, (rows, columns)), (num, num)).tocsr()
    tree = minimum_spanning_tree(graph.maximum(graph.T))
    tree = tree + tree.T
    count, label = connected_components(tree, directed=False)
    for part in range(count):
        members = np.flatnonzero(label == part)
        top = members[points[members, 2].argmax()]
        normals[top] *= np.copysign(1, normals[top, 2])
        order, parents = breadth_first_order(tree, top, directed=False)
        for point in order[1:]:
            if normals[point] @ normals[parents[point]] < 0:
                normals[point] = -normals[point]
    return normals
