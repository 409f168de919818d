"""The outcome of a comparison of composed inits, in one sentence."""

from collections.abc import Collection, Mapping
from typing import Any

from metainr.reporting import results as reading
from metainr.reporting.tables import in_steps, in_words

COMPOSED = ("average", "arithmetic", "choice", "modules")


def composition_verdict(
    setting: Mapping[str, Any], parts: Collection[str], rivals: Collection[str]
) -> str:
    """The best composed init beside the best of one class, and the best rival if there is one.

    Args:
        setting: as results.json has it.
        parts, rivals: names of inits of single classes, and of other runs.
    """
    step, measure = reading.match_step(setting), reading.headline_measure(setting)

    def best(names):
        found = {
            name: value
            for name in names
            if (value := reading.metric_at(setting, name, measure.key, step)[0]) is not None
        }
        name = (min if measure.lower_is_better else max)(found, key=found.__getitem__)
        return name, in_words(measure, found[name])

    name, value = best(COMPOSED)
    one, own = best(parts)
    sentence = (
        f"After {in_steps(step)} {name}, the best composed init, reaches {value}; {one}, the best "
        f"of one class, {own}"
    )
    return f"{sentence}; {', of other runs, '.join(best(rivals))}." if rivals else f"{sentence}."
