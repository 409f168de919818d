"""What the comparison of algorithms is about."""

from typing import Annotated, NamedTuple

from metainr.algorithms import REGISTRY
from metainr.checks import Choice, Each, Maybe, Range, Text


class ProtocolOptions(NamedTuple):
    """Who is compared, on what, and by how much work.

    algorithms: names of `metainr.algorithms.REGISTRY`.
    classes: of images, each a comparison of its own.
    transfer: a class that none of them learns from; None: none.
    trials: pairs of rates that every algorithm is tuned over.
    trial_share: of the training compute, for each of them.
    minutes: after which no further piece of work begins; None: all are done.
    """

    algorithms: Annotated[
        tuple[str, ...], Each(Choice(REGISTRY), "maml,meta_sgd", range(1, 99))
    ] = (
        "maml",
        "first_order_maml",
        "reptile",
        "meta_sgd",
        "modulations",
    )
    classes: Annotated[tuple[str, ...], Each(Text(), "sdf,photos", range(1, 99))] = ("sdf",)
    transfer: Annotated[str | None, Maybe(Text("a class of images"))] = "text"
    trials: Annotated[int, Range(1, 9)] = 3
    trial_share: Annotated[float, Range(0.01, 1, real=True)] = 0.25
    minutes: Annotated[float | None, Maybe(Range(0, 1e6, real=True))] = None
