"""What `metainr.compare` returns: tables, and the same page as the command line's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metainr import reporting
from metainr.errors import UserError
from metainr.files import expanded, why
from metainr.reporting.frame import table_html
from metainr.runs.comparison import Comparison
from metainr.runs.earlier import set_others_aside
from metainr.runs.record import write


class Compared(NamedTuple):
    """A comparison of inits on test signals.

    results: what results.json holds, see `metainr.reporting.results`.
    comparisons: by setting, what is shown of the first signals.
    """

    results: dict[str, Any]
    comparisons: Mapping[str, Comparison]

    def report(self, folder: str | Path) -> Path:
        """Writes results.json, pictures, tables, figures and report.html; returns that page.

        Other results in the folder are kept, in evaluation-1/, …, and that is said.
        Raises UserError if they cannot be written.

        >>> print(table.report("page"))
        page/report.html
        """
        folder, results = expanded(folder), {**self.results, "settings": {}}
        try:
            set_others_aside(folder, self.results["settings"])
            for name, comparison in self.comparisons.items():
                write(results, folder, name, folder, comparison)
            return reporting.report(folder)[-1]
        except OSError as error:
            raise UserError(f"cannot write the report to {folder}: {why(error)}") from error

    def mean(
        self, init: str = "meta", metric: str = "psnr", setting: str = "default"
    ) -> np.ndarray:
        """The mean of a metric over the test signals after each listed step; NaN where unknown."""
        found = self.results["settings"][setting]["inits"][init]["metrics"][metric]["mean"]
        return np.array([np.nan if value is None else value for value in found])

    def __str__(self) -> str:
        return "\n".join(map(reporting.to_text, self._tables()))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "".join(map(table_html, self._tables()))

    def _tables(self):
        return [reporting.init_table(self.results, name) for name in self.results["settings"]]
