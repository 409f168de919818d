"""What the comparison of algorithms is about."""

from typing import Annotated, NamedTuple

from metainr.algorithms import REGISTRY
from metainr.checks import Choice, Each, Maybe, Range, Switch, Text
from metainr.errors import UserError


class ProtocolOptions(NamedTuple):
    """Who is compared, on what, and by how much work.

    algorithms: names of `metainr.algorithms.REGISTRY`.
    classes: of images, each a comparison of its own.
    transfer: a class that none of them learns from; None: none.
    leave_one_out: whether all classes but one are learned from, and that one tested on, in turn.
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
    leave_one_out: Annotated[bool, Switch()] = False
    trials: Annotated[int, Range(1, 9)] = 3
    trial_share: Annotated[float, Range(0.01, 1, real=True)] = 0.25
    minutes: Annotated[float | None, Maybe(Range(0, 1e6, real=True))] = None


def learned_classes(options: ProtocolOptions) -> dict[str, tuple[str, ...]]:
    """What is learned from, as --signal has it, with the classes that are tested on besides.

    Those are the members of a mixture and, of all, the class that none learns from.
    """
    names = [name.replace("+", ",") for name in options.classes]
    if not options.leave_one_out:
        rest = () if options.transfer is None else (options.transfer,)
        return {name: _members(name) + rest for name in names}
    if len(names) < 2:
        raise UserError("--leave_one_out needs two --classes or more")
    classes = {}
    for left in names:
        mixture = ",".join(name for name in names if name != left)
        classes[mixture] = _members(mixture) + (_without_share(left),)
    return classes


def _members(name):
    """The classes of a mixture; one alone is tested on anyway."""
    parts = name.split(",")
    return tuple(map(_without_share, parts)) if len(parts) > 1 else ()


def _without_share(name):
    return name if "," in name else name.partition(":")[0]
