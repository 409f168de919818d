"""Learning that was better before: seen in what validation measured, and said."""

from collections.abc import Sequence

from metainr.reporting.measures import measure

_DECIBELS, _RATIO = 3.0, 2.0  # of the mean squared error, or of another error


def decline(metric: str, records: Sequence[tuple[int, float]]) -> str | None:
    """A line on how far the last of (step, value) is behind the best; None: not far, or unknown."""
    known = measure(metric)
    sign = -1 if known.lower_is_better else 1
    (step, best), (_, last) = max(records, key=lambda record: sign * record[1]), records[-1]
    if known.unit == "dB":
        is_far = best - last > _DECIBELS
    else:
        is_far = known.lower_is_better and last > _RATIO * best
    if not is_far:
        return None
    was, now = (f"{known.written(value)} {known.unit}".rstrip() for value in (best, last))
    return (
        f"Validation was best at step {step} ({known.name} {was}) and ended at {now}: a smaller or "
        f"falling outer learning rate may help. Step {step} is kept, and is what "
        "metainr.load(workdir, best=True) reads."
    )
