"""All reports of a workdir in one call."""

from pathlib import Path

from metainr.files import expanded, write_bytes
from metainr.reporting import tables
from metainr.reporting.data_files import means_csv
from metainr.reporting.figures import save_figure, write_figures
from metainr.reporting.frame import title
from metainr.reporting.learning import courses
from metainr.reporting.lines import Line, plain_lines
from metainr.reporting.page import write_report
from metainr.reporting.results import read_results
from metainr.reporting.samples import read_samples


def report(workdir: str | Path) -> list[Path]:
    """Writes tables.md, results.csv, figures/*.png and report.html; returns their paths.

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
    figures = write_figures(workdir / "figures", results, read_samples(workdir / "samples"))
    figures += _learning_figures(workdir, results)
    return [
        write_bytes(workdir / "tables.md", text.encode()),
        write_bytes(workdir / "results.csv", means_csv(results).encode()),
        *figures,
        write_report(workdir, figures),
    ]


def _learning_figures(workdir, results):
    paths = []
    for number, course in enumerate(courses(workdir, results)):
        lines = {
            name: Line([step for step, _ in points], [value for _, value in points])
            for name, points in course.curves.items()
        }
        figure = plain_lines(lines, "outer step", course.label)
        name = f"learning_{number}.png" if number else "learning.png"
        paths.append(save_figure(figure, workdir / "figures" / name))
    return paths
