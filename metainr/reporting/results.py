"""results.json: written and read here, and asked for its numbers by everything that shows them.

    {"experiment", "signal", "num_test", "train_steps", "seconds", "config", "environment",
     "command": to repeat it, "verdict": the outcome in a sentence, where it is not the usual one,
     "instruments": {NAME: {"summary", …}},
     "settings": {NAME: {"steps": [S], "match_step", "shown", "metric", "caption", "inits": {INIT: {
        "optimizer", "learning_rate", "steps_to_match", "missed", "fit_error",
        "metrics": {METRIC: {"mean": [S], "stderr": [S], "per_signal": [[S], …]}}}}}}}

Only "settings" is required. A metric is null at a step where it was not computed. "metric" is the
one by which inits are compared, "psnr" where it is not said. "shown" are the steps that tables have
where these are not the first, that of reference and the last. The caption says what pictures show,
where that needs words.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metainr.errors import UserError
from metainr.files import write_bytes
from metainr.json_files import read_json
from metainr.reporting.measures import Measure, measure

INITS = ("standard", "mean", "matched", "shuffled", "meta")
"""The known inits in the order in which tables and figures show them."""

_REPEATED = ",seed="


def write_json(path: str | Path, value: Any) -> Path:
    """Writes a value as JSON, atomically; numbers that are not finite become null.

    Arrays and scalars of numpy (or of anything with `tolist`) become lists and numbers.
    """
    return write_bytes(path, json_text(value).encode())


def json_text(value: Any) -> str:
    """The text that `write_json` writes."""
    return _encode(_plain(value)) + "\n"


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _encode(value: Any, indent: str = "") -> str:
    # Objects over several lines, lists on one: a list of 1000 numbers stays out of the way.
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    deeper = indent + "  "
    items = (f"{deeper}{json.dumps(k)}: {_encode(v, deeper)}" for k, v in value.items())
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"


def read_results(path: str | Path) -> dict[str, Any]:
    """Reads results.json, or the one in a folder.

    Raises:
        UserError: there is no such file, it is cut off, or its parts do not fit together.
    """
    path = Path(path)
    path = path / "results.json" if path.is_dir() else path
    remedy = "run the experiment's evaluation again"
    results = read_json(path, remedy)
    try:
        complete = bool(results["settings"]) and all(
            setting["inits"] and setting["steps"] and _fits(setting)
            for setting in results["settings"].values()
        )
    except (AttributeError, KeyError, TypeError):
        complete = False
    if not complete:
        raise UserError(f"{path} lacks settings, steps or inits, or their lengths differ; {remedy}")
    return results


def _fits(setting: Mapping[str, Any]) -> bool:
    return all(
        len(metric["mean"]) == len(metric["stderr"]) == len(setting["steps"])
        for init in setting["inits"].values()
        for metric in init["metrics"].values()
    )


def ordered_inits(setting: Mapping[str, Any]) -> list[str]:
    """The inits of a setting: the known ones in their order, then any others."""
    inits = list(setting["inits"])
    return sorted(inits, key=lambda init: INITS.index(init) if init in INITS else len(INITS))


def all_inits(results: Mapping[str, Any]) -> list[str]:
    """The inits of all settings, in the order of `ordered_inits`."""
    names = {init: None for setting in results["settings"].values() for init in setting["inits"]}
    return ordered_inits({"inits": names})


def metric_at(
    setting: Mapping[str, Any], init: str, metric: str, step: int
) -> tuple[float | None, float | None]:
    """Mean and standard error of a metric after a step; None for what was not computed."""
    values = setting["inits"].get(init, {"metrics": {}})["metrics"].get(metric)
    if values is None or step not in setting["steps"]:
        return None, None
    index = setting["steps"].index(step)
    return values["mean"][index], values["stderr"][index]


def headline_measure(setting: Mapping[str, Any]) -> Measure:
    """The metric by which a setting compares inits."""
    return measure(setting.get("metric") or "psnr")


def other_measures(setting: Mapping[str, Any]) -> list[Measure]:
    """All other metrics of a setting's inits: PSNR and SSIM, then the rest by name."""
    names = {metric for init in setting["inits"].values() for metric in init["metrics"]}
    names -= {headline_measure(setting).key}
    first = [name for name in ("psnr", "ssim") if name in names]
    return [measure(name) for name in (*first, *sorted(names - set(first)))]


def shown_steps(steps: Sequence[int]) -> list[int]:
    """Of increasing steps those that tables show: 0, 1, 2, 5, 10, 20, 50, … and the last one."""
    return [s for s in steps if str(s).rstrip("0") in ("", "1", "2", "5") or s == steps[-1]]


def match_step(setting: Mapping[str, Any]) -> int:
    """The step at which inits are compared: the reference of steps to match, else the last."""
    steps = setting["steps"]
    return setting["match_step"] if setting.get("match_step") in steps else steps[-1]


def families(results: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The settings named FAMILY=VALUE as {family: {value: setting}}, numbers ascending.

    Those named FAMILY=VALUE,seed=SEED are one, `over_trainings`.
    """
    groups: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for name, setting in results["settings"].items():
        family, equals, value = name.partition("=")
        value = value.partition(_REPEATED)[0]
        if equals:
            groups.setdefault(family, {}).setdefault(value, []).append(setting)
    joined = {
        family: {value: over_trainings(settings) for value, settings in group.items()}
        for family, group in groups.items()
    }
    return {
        family: dict(sorted(group.items(), key=lambda item: float(item[0])))
        if all(is_number(value) for value in group)
        else group
        for family, group in joined.items()
    }


def over_trainings(settings: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Settings that repeat a training as one: means over them, and the standard errors of these.

    It has their number as "trainings". One setting is itself.
    """
    if len(settings) == 1:
        return settings[0]
    joined = {
        init: {
            "metrics": {
                metric: _over([setting["inits"][init]["metrics"][metric] for setting in settings])
                for metric in entry["metrics"]
            }
        }
        for init, entry in settings[0]["inits"].items()
        if all(init in setting["inits"] for setting in settings)
    }
    return {**settings[0], "inits": joined, "trainings": len(settings)}


def _over(values):
    """One metric of several trainings."""
    means = [
        None if None in column else list(map(float, column))
        for column in zip(*(value["mean"] for value in values))
    ]
    return {
        "mean": [column and statistics.mean(column) for column in means],
        "stderr": [column and statistics.stdev(column) / len(column) ** 0.5 for column in means],
        "per_signal": [row for value in values for row in value["per_signal"]],
    }


def is_number(text: str) -> bool:
    """Whether a setting's value can stand on an axis."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def headline(results: Mapping[str, Any]) -> str:
    """The setting a report opens with: "default", else the largest of a family, else the first."""
    if "default" in results["settings"]:
        return "default"
    for family in ("train_signals", "views"):
        if values := list(families(results).get(family, {})):
            opening = f"{family}={values[-1]}"
            return next(n for n in results["settings"] if n.partition(_REPEATED)[0] == opening)
    return next(iter(results["settings"]))
