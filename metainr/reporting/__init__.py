"""Reports: results.json and samples/ become tables, figures and a page. Needs no JAX.

report(workdir)   writes tables.md, figures/ and report.html and returns their paths
"""

from metainr.reporting.reports import report
from metainr.reporting.results import read_results, write_json
from metainr.reporting.samples import read_samples, write_samples
from metainr.reporting.tables import init_table, to_markdown, to_text
from metainr.reporting.transfer import write_transfer_report

__all__ = [
    "init_table",
    "read_results",
    "read_samples",
    "report",
    "to_markdown",
    "to_text",
    "write_json",
    "write_samples",
    "write_transfer_report",
]
