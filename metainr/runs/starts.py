"""What learning began with: the ancestor that runs on several classes may have in common."""

from collections.abc import Mapping
from typing import Any

from metainr.errors import Option, UserError
from metainr.evaluation.courses import name_of
from metainr.types import MetaParams

ANCESTOR = "ancestor"
"""What a record calls the fingerprint of the weights that learning began with."""


def fingerprint(meta_params: MetaParams) -> str:
    """Text of 24 digits that differs between meta-parameters that differ in a single bit."""
    return name_of(meta_params)


def check_common_ancestor(
    records: Mapping[str, Mapping[str, Any]], ancestor: str | None = None
) -> None:
    """Raises UserError unless all runs began with the same learned weights.

    Weights of runs from other starts lie in other valleys of the loss, and what lies between them
    is nothing.

    Args:
        records: of the runs, by the names that a message gives them.
        ancestor: the fingerprint that they should have; None: any.
    """
    found = {name: record.get(ANCESTOR) for name, record in records.items()}
    first = next(iter(found), "")
    for name, own in found.items():
        if own is None:
            raise UserError(
                f"{name} was learned from random weights, so that it has no ancestor in common "
                "with others; learn all of them with the same ",
                Option("start"),
            )
        if own != found[first]:
            raise UserError(
                f"{first} and {name} were learned from different weights; learn all of them with "
                "the same ",
                Option("start"),
            )
    if ancestor is not None and first and found[first] != ancestor:
        raise UserError(
            f"{first} was not learned from the weights that ",
            Option("common"),
            " has; give the workdir or checkpoint that was its ",
            Option("start"),
        )
