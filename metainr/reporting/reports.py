"""All reports of a workdir in one call."""

from pathlib import Path

from metainr.files import expanded, write_bytes
from metainr.reporting import tables
from metainr.reporting.figures import write_figures
from metainr.reporting.page import title, write_report
from metainr.reporting.results import read_results
from metainr.reporting.samples import read_samples


def report(workdir: str | Path) -> list[Path]:
    """Writes tables.md, figures/*.png and report.html into a workdir; returns their paths.

    Raises:
        UserError: results.json is missing, or it or the samples are damaged.
    """
    workdir = expanded(workdir)
    results = read_results(workdir)
    shown = [tables.init_table(results, setting) for setting in results["settings"]]
    shown += [table for table in (tables.seed_table(results),) if table]
    shown += tables.family_tables(results)
    parts = [f"# {title(results)}\n", f"{tables.verdict(results)}\n"]
    text = "\n".join([*parts, *map(tables.to_markdown, shown)])
    return [
        write_bytes(workdir / "tables.md", text.encode()),
        *write_figures(workdir / "figures", results, read_samples(workdir / "samples")),
        write_report(workdir),
    ]
