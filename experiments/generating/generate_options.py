"""What can be said of generating fields."""

from typing import Annotated, NamedTuple

from experiments.config import FILE_OR_FOLDER
from metainr.checks import RATE, Each, Maybe, Range, Text
from metainr.errors import UserError
from metainr.generation import PriorOptions

_PARTS = "views:N or pixels:SHARE"


class GenerateOptions(NamedTuple):
    """What is learned, drawn and completed.

    fields: the set of fields.
    prior_steps: of the prior's training, in all.
    prior_width, prior_blocks, prior_rate, prior_batch, prior_jitter: see `PriorOptions`.
    samples, sample_steps, label: how many to draw, by how many steps, of which class.
    complete: what is seen of held-out signals.
    num_complete, complete_samples: such signals, and samples of each.
    """

    fields: Annotated[str | None, FILE_OR_FOLDER] = None
    prior_steps: Annotated[int, Range(1, 10**9)] = 5000
    prior_width: Annotated[int, Range(1, 2**14)] = PriorOptions().width
    prior_blocks: Annotated[int, Range(1, 64)] = PriorOptions().blocks
    prior_rate: Annotated[float, RATE] = PriorOptions().rate
    prior_batch: Annotated[int, Range(1, 2**20)] = PriorOptions().batch
    prior_jitter: Annotated[float, Range(0, 10, real=True)] = PriorOptions().jitter
    samples: Annotated[int, Range(1, 10**6)] = 100
    sample_steps: Annotated[int, Range(1, 10**5)] = 50
    label: Annotated[str | None, Maybe(Text())] = None
    complete: Annotated[tuple[str, ...], Each(Text(_PARTS), "views:2,pixels:0.05", range(100))] = ()
    num_complete: Annotated[int, Range(1, 10**6)] = 8
    complete_samples: Annotated[int, Range(2, 10**4)] = 8


class Part(NamedTuple):
    """What is seen of a signal: so many views of a scanner, or a share of the pixels."""

    kind: str
    amount: float


def prior_options(options: GenerateOptions) -> PriorOptions:
    """Those of the prior."""
    return PriorOptions(
        width=options.prior_width,
        blocks=options.prior_blocks,
        rate=options.prior_rate,
        batch=options.prior_batch,
        jitter=options.prior_jitter,
    )


def parts_of(options: GenerateOptions) -> dict[str, Part]:
    """What is to be completed, by name. Raises UserError for a text that says none of it."""
    return {text: _part(text) for text in options.complete}


def _part(text):
    kind, _, amount = text.partition(":")
    ranges = {"views": Range(1, 10**4), "pixels": Range(1e-6, 1, real=True)}
    try:
        return Part(kind, ranges[kind].read(amount))
    except (KeyError, ValueError) as error:
        raise UserError(
            f"--complete={text} is not possible; give {_PARTS}, such as views:2 or pixels:0.05"
        ) from error
