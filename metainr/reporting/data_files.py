"""results.csv: the means of results.json as a table for spreadsheets and data frames."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metainr.reporting import results as reading


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as comma-separated values; None is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def means_csv(results: Mapping[str, Any]) -> str:
    """A row per setting, init, metric and step at which there is a mean."""
    rows = [
        (name, init, metric, step, mean, error)
        for name, setting in results["settings"].items()
        for init in reading.ordered_inits(setting)
        for metric, values in setting["inits"][init]["metrics"].items()
        for step, mean, error in zip(setting["steps"], values["mean"], values["stderr"])
        if mean is not None
    ]
    return csv_text(("setting", "init", "metric", "step", "mean", "stderr"), rows)
